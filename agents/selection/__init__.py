"""Which model does which piece of work, and why."""
