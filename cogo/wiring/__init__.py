"""Builds stores, routers and the services of the gateway from the configuration."""
