"""Authentication: API keys, tokens and principals."""
