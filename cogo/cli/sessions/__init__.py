"""Commands that list, show, copy and delete conversations."""
