"""Commands for AI columns."""
