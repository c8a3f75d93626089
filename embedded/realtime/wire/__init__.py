"""The frames of Realtime's websocket protocol."""
