"""Commands that run processes on this machine."""
