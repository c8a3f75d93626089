"""Interfaces of the database, one module per subject.

`queue` tasks, subtasks and leases; `gateway` API keys and lists; `models` statistics, ratings and
controls of models; `calls` circuits and rate limits; `cache` model answers; `spending` budgets,
grants and the audit; `embeddings` vectors; `waits` questions, events and child tasks;
`columns` AI columns; `instance` copies of a database.
`protocol.transport.store` has a module of the same name for each.
"""
