"""The endpoints, one subject per module."""
