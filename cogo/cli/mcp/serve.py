"""`cogo mcp`: the MCP server over standard input and output."""

import asyncio
import signal
from typing import Annotated

import typer

from cogo.cli.options import Dir, check_http_url
from cogo.config.context import Project
from cogo.config.logging import hide_in_logs
from cogo.wiring.mcp_server import GatewayBackend, build_project_backend, serve_stdio

GatewayUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="A gateway, such as https://cogo.example.com; its key is in COGO_API_KEY.",
        callback=check_http_url,
    ),
]


def serve_mcp(*, url: GatewayUrl = None, directory: Dir = None) -> None:
    """Serve the tasks of this project, or of a gateway, as tools of an assistant.

    It speaks the Model Context Protocol over standard input and output, and ends when the input
    ends; logs go to standard error. Assistants start it themselves: `cogo mcp install` shows what
    they need. Without --url it works on the project as its operator, as other commands do.

    Examples:
        cogo mcp serve
        cogo mcp
        COGO_API_KEY=cogo_... cogo mcp --url https://cogo.example.com
    """
    project = Project.find(directory)
    # Reading standard input cannot be interrupted, and there is nothing to save.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if url is None:
        asyncio.run(serve_stdio(build_project_backend(project)))
        return
    key = project.settings.api_key
    if key is not None:
        hide_in_logs([key.get_secret_value()])
    asyncio.run(serve_stdio(GatewayBackend(url, key)))
