"""What `cogo.toml` says of workflows and tools; the catalogue reads the rest of it."""
