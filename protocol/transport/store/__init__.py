"""Implementations of `protocol.store` over the Supabase client, in modules of the same names."""
