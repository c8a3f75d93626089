"""What `cogo.toml` says of workflows, tools and fetching; the catalogue reads the rest of it."""
