"""Parsing of requests: headers, query strings and bodies."""
