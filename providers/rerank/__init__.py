"""Ranking of documents by how well they answer a query, with the router's keys and middleware."""
