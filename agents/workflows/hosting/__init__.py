"""The workflows that are there: ours, and modules of users, which run in a process of their own."""
