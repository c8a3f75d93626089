"""Open models that run on this machine: their files, what fits, and their servers."""
