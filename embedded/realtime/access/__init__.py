"""Who may join a channel, and with what."""
