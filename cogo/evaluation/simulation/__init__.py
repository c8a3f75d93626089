"""The real selection code and the real SQL in virtual time, with scripted vendors."""
