"""Middleware around each model call: circuit breaker, rate limits, budgets. Start at `stack`."""
