"""Supabase Realtime: channels with broadcast, presence and changes of the database.

A socket (`connection`) has channels (`channel`), which join topics (`topics`). Broadcasts come
from clients, from HTTP (`http_broadcast`) and from rows of realtime.messages (`delivery`).
`access/` checks tokens and policies, `changes/` reads the logical replication of published
tables, and `wire/` has the frames. The `hub` creates the objects that they share.
"""
