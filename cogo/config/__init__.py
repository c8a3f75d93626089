"""Configuration: settings, secrets, trusted folders, the project and its connection."""
