"""The store and the bus over Supabase's official clients: the only I/O of this package.

`supabase_store.open_store` opens all of `protocol.store`, whose implementations share `rpc_client`,
`queries` and `error_mapping`. `channels.Channels` implements `protocol.bus`: it receives over
`realtime_connection` and sends over `broadcast`.
"""
