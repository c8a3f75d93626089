"""Configuration: settings, secrets, state directory, connection and catalogue."""
