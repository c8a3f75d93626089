"""SQL statements for REST requests."""
