"""The vendors' wire formats."""
