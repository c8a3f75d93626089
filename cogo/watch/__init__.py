"""Following tasks on the command line.

`follow` yields the updates of tasks, from rows and channels. `view` shows one task, `board` shows
several; `format` has their lines and figures, `why_waiting` the reasons of a task that waits.
"""
