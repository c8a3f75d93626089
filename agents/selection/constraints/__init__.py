"""Constraints: which models may not, or should not, be chosen."""
