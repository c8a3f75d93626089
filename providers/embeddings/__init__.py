"""Embeddings: texts to vectors, with the keys and middleware of the router."""
