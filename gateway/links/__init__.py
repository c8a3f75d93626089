"""Signed links by which people answer questions: tokens, the page, and its routes."""
