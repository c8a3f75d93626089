"""The runtime of an agent process: claims, leases, attempts, drain. Start at `agent.open_agent`."""
