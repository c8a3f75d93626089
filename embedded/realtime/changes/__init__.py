"""What changed in the tables of the publication `supabase_realtime`, told to those who asked."""
