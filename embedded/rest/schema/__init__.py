"""The database's tables, relationships and their OpenAPI description."""
