"""Supabase Realtime on loopback: channels, broadcast, presence, and messages from the database."""
