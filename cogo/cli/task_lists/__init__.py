"""Commands that find tasks, and act on many of them."""
