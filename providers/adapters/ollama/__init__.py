"""Ollama by its own API, in which a request says how much context it needs."""
