"""Programs that run inside the sandbox, beside the tested code. They import nothing of COGO."""
