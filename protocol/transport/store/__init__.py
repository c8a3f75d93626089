"""Stores over the Supabase client, one per protocol of `protocol.store`."""
