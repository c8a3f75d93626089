"""A Supabase-compatible server on loopback, for people without Docker."""
