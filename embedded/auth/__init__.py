"""Supabase Auth with accounts by e-mail and password, without mail, phones and providers."""
