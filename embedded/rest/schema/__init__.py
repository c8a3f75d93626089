"""The schema of the database: reading it, its relationships, its OpenAPI document."""
