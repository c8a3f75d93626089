"""postgres_changes: changes of the tables in the publication `supabase_realtime`.

`feed` reads the replication slot (`slot`, `pgoutput`, `transactions`) while there are
`subscriptions`. A `change_batch` evaluates filters and policies (`filters`, `row_evaluator`,
`tables`) once for all subscribers, and `change_payloads` renders what each of them may see.
"""
