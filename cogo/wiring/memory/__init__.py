"""What memory has outside the database: an outer index, a copy in Redis, documents, searches."""
