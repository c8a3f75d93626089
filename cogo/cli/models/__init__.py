"""Commands about models and embeddings."""
