"""The catalogue of models and deployments, read from `catalogue.toml`."""
