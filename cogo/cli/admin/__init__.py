"""Commands for operators: agents, the queue, keys, spending and grants."""
