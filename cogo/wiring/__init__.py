"""Wiring: builds stores, routers and the gateway from the configuration."""
