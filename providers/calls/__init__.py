"""Calls of a model: preparation, middleware, retries and fallback to other deployments."""
