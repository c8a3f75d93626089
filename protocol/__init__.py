"""What all processes agree on: messages, topics, states, rows and errors.

Public, for other programs that use COGO's channels and tables:

- `protocol.messages`: the envelope, the payload of each message type, how to parse both
- `protocol.topics`: the channels
- `protocol.lifecycle`: the states of tasks and subtasks
- `protocol.records`: the rows of tables and the arguments and results of RPCs
- `protocol.transcript`: the text of a running task, assembled from messages and rows
- `protocol.errors`: what the database and the transport raise

Within COGO:

- `protocol.store`: interfaces of the database, one module per subject
- `protocol.bus`: the interface of Realtime
- `protocol.transport`: both over Supabase's official clients; the only I/O of this package
- `protocol.ids`, `protocol.json_values`, `protocol.backoff`: ids and the clock, JSON that every
  program can read, waits between retries
- `protocol.json_schema`, `protocol.embeddings`: what is wrong with a schema or with data, and
  what EMBED takes
- `protocol.lanes`, `protocol.tool_names`: names of lanes and of tools
- `protocol.verification`: how a result says whether its code was run

Names are imported from these modules: this package imports none of them, so that a process loads
only what it uses.
"""

__all__ = [
    "backoff",
    "bus",
    "errors",
    "ids",
    "json_values",
    "lifecycle",
    "messages",
    "records",
    "store",
    "topics",
    "transcript",
    "transport",
]
