"""Notations of calls, with and without markers around them."""
