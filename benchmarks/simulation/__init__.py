"""The real selection code on the real database in virtual time, with scripted vendors."""
