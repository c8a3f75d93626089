"""Following tasks on the command line.

`follow` yields the updates of tasks, from rows and channels. `view` displays one task, `board`
several. `format` formats lines and figures, `calls` those of tools, `said` what models say.
`participants` and `swarm_screen` show who takes part. `why_waiting` explains why a task is
waiting.
"""
