"""The application: settings, wiring, logs and the command line."""
