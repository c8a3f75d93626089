"""The store and the bus over Supabase's official clients: the only I/O of this package.

`supabase_store.open_store` opens all of `protocol.store`; `rpc_client`, `queries` and
`error_mapping` are what its modules share. `channels.Channels` implements `protocol.bus`, over
`realtime_connection` for receiving and `broadcast` for sending.
"""
