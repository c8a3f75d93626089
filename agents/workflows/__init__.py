"""Workflows: how the tasks of each type are done.

One file a type, such as `generate_code`; `registry` lists them. They run on `engine`, in `hosting`
if they are those of users. `params` is what a task may say, `prompts` what models are told.
"""
