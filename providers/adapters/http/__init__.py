"""HTTP shared by all adapters: client, event streams, deadlines and error mapping."""
