"""The Data API: the subset of PostgREST that Supabase's clients use, over asyncpg."""
