"""Faults on request, for tests of programs that use the server; only with --faults."""
