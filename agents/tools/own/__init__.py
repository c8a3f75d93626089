"""COGO's own tools, which models may call by `cogo:NAME`.

- `source`: all of them as one source. `offer`: what they have in common.
- `code`: runs code in the sandbox. `repository`: the files of the task.
- `web`: fetches URLs of allowed hosts. `images`: shows parts of attached images.
- `person`: asks a person. `text_process` and `text_child`: work on texts that can be killed.
"""

from agents.tools.own.source import OwnTools, build_own_tools

__all__ = ["OwnTools", "build_own_tools"]
