"""Trouble on request, for tests of what stands on this server; only with an explicit flag."""
