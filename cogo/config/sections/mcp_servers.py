"""The MCP servers that a project names in `[mcp.servers.NAME]` of `cogo.toml`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.tools.mcp.server import DEFAULT_MCP_SECONDS, McpServer
from cogo.config.context import Project, read_overlays
from cogo.config.secrets import SecretSources
from cogo.config.sections.modules import parse_overlay
from cogo.config.settings import Settings
from cogo.errors import SettingInvalid
from protocol.json_values import explain_mistake
from providers.catalogue.loader import MCP_SECTION, Overlay
from providers.secrets import SHORTEST_SECRET, Redactor

_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*", re.ASCII)
_LONGEST_NAME: Final = 32
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|[_-])(?:api_?key|key|token|pat|secret|pass|passwd|password|pwd|credentials?"
    r"|auth|authorization|cookie|dsn)(?:$|[_-])"
)
"""Names of variables and headers whose values must not be written into a file."""
_SEEN_BY_ALL: Final = re.compile(
    r"(?i)PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_\w+"
    r"|(?:ALL|HTTP|HTTPS|NO)_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS"
)
"""Variables that each program gets, as it could hardly run without them."""
_DETECTOR: Final = Redactor(places=True)


class _Entry(BaseModel):
    """One server, as it is written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: str | None = Field(None, min_length=1)
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str | None = None
    url: str | None = None
    headers: dict[str, str] = {}
    tools: list[str] | None = None
    approval: list[str] | bool = False
    idempotent: list[str] = []
    timeout: float = Field(DEFAULT_MCP_SECONDS, gt=0, le=86_400, strict=False)
    read_only: bool = False


def find_mcp_servers(project: Project) -> tuple[McpServer, ...]:
    """Return the servers that trusted files name; a later file replaces those of its names.

    Raises SettingInvalid, which names the file and the key.
    """
    overlays, _ = read_overlays(project.settings, project.directory)
    sources = SecretSources(partial(Settings.load, project.directory))

    def find(name: str) -> str | None:
        found = sources.keys(name)
        return found[0].get_secret_value() if found else None

    usual = {
        name: text
        for name, text in project.settings.variables.items()
        if _SEEN_BY_ALL.fullmatch(name)
    }
    return tuple(
        {
            name: _Reader(Path(overlay.name), name, find, usual).read(entry)
            for overlay in overlays
            for name, entry in _read_entries(overlay).items()
        }.values()
    )


def check_mcp_servers(overlay: Overlay) -> list[str]:
    """Return what is wrong in this section of a file, whatever variables are set."""
    try:
        for name, entry in _read_entries(overlay).items():
            _Reader(Path(overlay.name), name, lambda _: "https://example.test", {}).read(entry)
    except SettingInvalid as error:
        return [str(error)]
    return []


def _read_entries(overlay: Overlay) -> Mapping[str, Any]:
    section = parse_overlay(overlay).get(MCP_SECTION, {})
    servers = section.get("servers", {}) if isinstance(section, dict) else None
    if not isinstance(servers, dict) or set(section) - {"servers"}:
        raise SettingInvalid(overlay.name, reason="[mcp] has only servers, as [mcp.servers.NAME]")
    return servers


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one server of one file."""

    file: Path
    name: str
    find: Callable[[str], str | None]
    """Returns the value of a variable or a secret."""
    usual: Mapping[str, str]
    """Variables of every program."""
    secrets: list[str] = field(default_factory=list)

    def read(self, written: object) -> McpServer:
        """Return the server. Raises SettingInvalid."""
        if _NAME.fullmatch(self.name) is None or len(self.name) > _LONGEST_NAME:
            raise self.refuse(
                None,
                f"a name has at most {_LONGEST_NAME} ASCII letters and digits, "
                "with single `_` or `-` between them",
            )
        try:
            entry = _Entry.model_validate(written)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = [str(each) for each in first["loc"] if each not in {"list[str]", "bool"}]
            if first["type"] == "extra_forbidden":
                known = ", ".join(_Entry.model_fields)
                raise self.refuse(
                    ".".join(path), f"there is no such key; there are {known}"
                ) from error
            raise self.refuse(".".join(path) or None, explain_mistake(first)) from error
        self._check(entry)
        return McpServer(
            name=self.name,
            command=self._read_command(entry),
            environment=self._read_environment(entry),
            cwd=self._read_cwd(entry),
            url=self._read_url(entry),
            headers={
                header: self._read_secret("headers", header, text)
                for header, text in entry.headers.items()
            },
            tools=None if entry.tools is None else frozenset(entry.tools),
            approval=entry.approval
            if isinstance(entry.approval, bool)
            else frozenset(entry.approval),
            idempotent=frozenset(entry.idempotent),
            is_read_only=entry.read_only,
            seconds=entry.timeout,
            secrets=tuple(self.secrets),
        )

    def refuse(self, key: str | None, reason: str) -> SettingInvalid:
        """Return the error that names the file and the key."""
        where = f"[{MCP_SECTION}.servers.{self.name[:100]}]" + (f" {key}" if key else "")
        return SettingInvalid(str(self.file), reason=f"{where}: {reason}")

    def _check(self, entry: _Entry) -> None:
        if (entry.command is None) == (entry.url is None):
            raise self.refuse(None, "it needs either command or url")
        if entry.url is not None:
            given = [each for each in ("args", "env", "cwd") if getattr(entry, each)]
            if given:
                raise self.refuse(given[0], "it belongs to a command, not to a url")
        elif entry.headers:
            raise self.refuse("headers", "they belong to a url, not to a command")
        if entry.tools is not None:
            for key in ("approval", "idempotent"):
                names = getattr(entry, key)
                missing = set(names if isinstance(names, list) else ()) - set(entry.tools)
                if missing:
                    raise self.refuse(key, f"{sorted(missing)[0]!r} is not among its tools")

    def _read_command(self, entry: _Entry) -> tuple[str, ...]:
        if entry.command is None:
            return ()
        if re.search(r"\s", entry.command) and not Path(entry.command).exists():
            raise self.refuse("command", "it is one program; its arguments belong in args = [...]")
        args = [self._read_plain(f"args.{n}", text) for n, text in enumerate(entry.args)]
        program = entry.command  # not as a path, which drops the `./` of a file in its folder
        return (str(Path(program).expanduser()) if program[0] == "~" else program, *args)

    def _read_environment(self, entry: _Entry) -> dict[str, str]:
        if entry.command is None:
            return {}
        own = {name: self._read_secret("env", name, text) for name, text in entry.env.items()}
        return {"LANG": "C.UTF-8", **self.usual, **own}

    def _read_cwd(self, entry: _Entry) -> Path | None:
        if entry.command is None:
            return None
        folder = self.file.parent / Path(entry.cwd or ".").expanduser()
        if not folder.is_dir():
            raise self.refuse("cwd", f"there is no folder {folder}")
        return folder

    def _read_url(self, entry: _Entry) -> str | None:
        if entry.url is None:
            return None
        url = self._read_plain("url", entry.url)
        try:
            parts = urlsplit(url)
            is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
            has_login = parts.username is not None or parts.port == 0
        except ValueError:
            is_usable, has_login = False, False
        if not is_usable or has_login:
            raise self.refuse("url", "it is no address such as https://HOST/mcp, without a login")
        return url

    def _read_plain(self, key: str, text: str) -> str:
        """Return a text with its references replaced; what looks like a secret is refused."""
        if _DETECTOR.count(text)[1]:
            raise self.refuse(key, "it contains a secret; write ${VARIABLE} instead of its value")
        return self._replace(key, text)

    def _read_secret(self, group: str, name: str, text: str) -> str:
        """Return the value of a variable or header; by its name it may have to be a reference."""
        key = f"{group}.{name}"
        if "\0" in name + text or "\n" in name + text or not name or "=" in name:
            raise self.refuse(key, "it is no name with a value of one line")
        if _SECRET_NAME.search(name) and _REFERENCE.search(text) is None:
            raise self.refuse(
                key, "a secret does not belong in the file; write ${VARIABLE} instead of its value"
            )
        value = self._read_plain(key, text)
        if _SECRET_NAME.search(name):
            self._keep_secret(value.removeprefix("Bearer ").removeprefix("Basic "))
        return value

    def _replace(self, key: str, text: str) -> str:
        def look_up(match: re.Match[str]) -> str:
            name = match[1]
            value = self.find(name)
            if value is None:
                raise self.refuse(key, f"{name} is not set: set it in the environment or in .env")
            if _SECRET_NAME.search(name) or _DETECTOR.count(value)[1]:
                self._keep_secret(value)
            return value

        if "${" in _REFERENCE.sub("", text):
            raise self.refuse(key, "a reference is ${VARIABLE}, with the name of a variable")
        return _REFERENCE.sub(look_up, text)

    def _keep_secret(self, value: str) -> None:
        if len(value) >= SHORTEST_SECRET:
            self.secrets.append(value)
