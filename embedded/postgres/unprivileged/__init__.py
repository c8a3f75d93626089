"""Starting Postgres as an unprivileged account, which it requires."""
