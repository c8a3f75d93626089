"""Comparison of booked costs with the bills of vendors."""
