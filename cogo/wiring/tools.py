"""The tools of a project: functions of the modules that it names, and its MCP servers."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from loguru import logger

from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost, McpServer
from agents.tools.mcp.limits import Allowance, McpLimits
from agents.tools.mcp.server import list_mcp_secrets
from cogo.config.catalogue import read_data_policy
from cogo.config.context import Project
from cogo.config.logging import hide_in_logs
from cogo.config.sections.mcp_servers import find_mcp_servers
from cogo.config.sections.modules import find_tool_modules
from providers.catalogue.data_policy import find_sending_objection
from providers.secrets import Redactor

_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|DSN)S?(?:_|$)",
    re.IGNORECASE,
)

if TYPE_CHECKING:
    from cogo.wiring.mcp_http import HttpServer


@asynccontextmanager
async def open_tools(
    project: Project, *, secrets: Iterable[str] = ()
) -> AsyncIterator[ToolHost | None]:
    """Load the functions; None if the project names none. Raises SettingInvalid.

    They run with the variables of the settings; `secrets` are masked in what they return.
    """
    found = find_tool_modules(project)
    if not found.names:
        yield None
        return
    host = ToolHost(
        modules=found.names,
        folders=found.folders,
        capacity=project.settings.tool_slots,
        environment=project.settings.variables,
        redactor=Redactor([*secrets, *find_secret_variables(project.settings.variables)]),
    )
    async with host:
        yield host


def find_secret_variables(variables: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose names say that they are secrets."""
    return [value for name, value in variables.items() if _SECRET_NAME.search(name)]


@asynccontextmanager
async def open_mcp_servers(
    project: Project, *, secrets: Iterable[str] = (), only: str | None = None, logs: bool = True
) -> AsyncIterator[McpHost | None]:
    """Begin to list the tools of MCP servers; None if there are none. Raises SettingInvalid.

    `only` is the name of one server. Without `logs` the caller reads what is wrong.
    """
    rules = read_data_policy(project.settings)
    servers = []
    for each in find_mcp_servers(project):
        if only not in {None, each.name}:
            continue
        if why := find_sending_objection(rules, each.other_host):
            logger.warning("an MCP server is not used", server=each.name, reason=why)
            continue
        servers.append(each)
    if not servers:
        yield None
        return
    hide_in_logs(list_mcp_secrets(servers))
    redactor = Redactor(secrets)
    async with McpHost(servers, open_http=_open_http, redactor=redactor, logs=logs) as host:
        yield host


def _open_http(server: McpServer, limits: McpLimits, allowance: Allowance) -> "HttpServer":
    from cogo.wiring.mcp_http import HttpServer  # noqa: PLC0415 - it imports the whole library

    return HttpServer(server, limits, allowance)
