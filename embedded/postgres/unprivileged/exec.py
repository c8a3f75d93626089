"""Start a program as the account that Postgres runs as."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from embedded.postgres.unprivileged.account import Account

_LAUNCHER: Final = Path(__file__).with_name("main.py")
_ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
"""Nothing of ours, least of all keys; and messages in the language that we look for."""


async def launch(
    program: Path,
    *arguments: str,
    account: Account | None,
    folder: Path,
    output: int,
) -> asyncio.subprocess.Process:
    """Start `program` in `folder`; it dies with the calling thread's process (see launcher.py).

    Args:
        program: its full path.
        arguments: handed on as they are.
        account: whom to become; None to stay ourselves.
        folder: working directory; `account` can enter it.
        output: file descriptor for stdout and stderr.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(os.getpid()),
        str(account.uid if account else -1),
        str(account.gid if account else -1),
        str(folder),
        str(program),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_ENVIRONMENT,
    )
