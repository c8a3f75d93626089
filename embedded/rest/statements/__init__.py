"""Building of SQL statements for requests."""
