"""Calls of a model: prepared, sent through middleware, and retried or sent elsewhere."""
