"""The only I/O of this package, over Supabase's official clients."""
