"""The catalogue of providers, models and deployments; its data is in `catalogue.toml`."""
