"""Commands about this machine: the local system, its processes, database and configuration."""
