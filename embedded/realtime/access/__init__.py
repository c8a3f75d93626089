"""Callers of Realtime, their joins, and the policies that authorize them."""
