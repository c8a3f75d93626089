"""The part of Supabase Auth that a developer's project needs: accounts with e-mail and password."""
