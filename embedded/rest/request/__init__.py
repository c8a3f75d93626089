"""Parsing of REST requests."""
