"""Texts as vectors: one call for every vendor's embeddings."""
