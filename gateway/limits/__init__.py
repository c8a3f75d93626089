"""Limits on requests, connections and slow clients."""
