"""Settings, from the environment and `.env` files. No other module reads these."""

import io
import os
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from cogo.config.trust import ENV_FILE, Ignored, TrustStore, is_secret, read_file, split_variables
from cogo.errors import SettingInvalid
from gateway.console.parts import Part
from protocol.json_values import explain_mistake
from protocol.records.agents import SandboxChoice
from protocol.records.models import EXPLORE_MISTAKES, PolicyName

CHECKOUT: Final = Path(__file__).resolve().parents[2]
"""The folder of the source code. Its files are trusted like the code."""
_FILE_VARIABLE: Final = "COGO_ENV_FILE"


_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class LogFormat(StrEnum):
    """Format of log lines."""

    AUTO = "auto"
    """Plain on a terminal, otherwise JSON."""
    PLAIN = "plain"
    JSON = "json"


class LogLevel(StrEnum):
    """Lowest level that is logged."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


EXAMPLES: Final[Mapping[str, str]] = {
    "SUPABASE_URL": "https://abcdefghijklmnop.supabase.co",
    "SUPABASE_SECRET_KEY": "sb_secret_... (Project Settings, API Keys)",
    "SUPABASE_DB_URL": "postgresql://postgres:PASSWORD@db.abcdefghijklmnop.supabase.co:5432/postgres",
}
"""Examples of values, for the message that a variable is missing."""


class Settings(BaseModel):
    """The settings; an empty variable counts as unset.

    The environment takes precedence over `.env` in the working directory, then
    `~/.config/cogo/.env`, then `.env` in the checkout; COGO_ENV_FILE names a file that is read
    instead of all of them. If the working directory is not trusted (`cogo.config.trust`), its file
    comes last, and only keys and harmless settings of it count. Variables that the catalogue names
    (keys and base URLs of providers) are read with `value` and `secret`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    supabase_url: str | None = Field(None, validation_alias="SUPABASE_URL")
    supabase_secret_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    )
    supabase_publishable_key: str | None = Field(
        None, validation_alias=AliasChoices("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY")
    )
    supabase_db_url: SecretStr | None = Field(None, validation_alias="SUPABASE_DB_URL")
    redis_url: SecretStr | None = Field(None, validation_alias="REDIS_URL")
    home: Path | None = Field(None, validation_alias="COGO_HOME")
    catalogue: Path | None = Field(None, validation_alias="COGO_CATALOGUE")
    retention_days: int | None = Field(
        None, gt=0, le=36_500, validation_alias="COGO_RETENTION_DAYS"
    )
    audit_days: int | None = Field(None, ge=30, le=36_500, validation_alias="COGO_AUDIT_DAYS")
    secrets_dir: Path | None = Field(None, validation_alias="COGO_SECRETS_DIR")
    first_token_seconds: _Seconds | None = Field(None, validation_alias="COGO_FIRST_TOKEN_SECONDS")
    stall_seconds: _Seconds | None = Field(None, validation_alias="COGO_STALL_SECONDS")
    total_seconds: _Seconds | None = Field(None, validation_alias="COGO_TOTAL_SECONDS")
    cache: bool = Field(False, validation_alias="COGO_CACHE")
    cache_shared: bool = Field(False, validation_alias="COGO_CACHE_SHARED")
    cache_seconds: int = Field(86_400, gt=0, le=31_536_000, validation_alias="COGO_CACHE_SECONDS")
    default_model: str | None = Field(None, validation_alias="DEFAULT_MODEL")
    fireworks_model: str | None = Field(None, validation_alias="FIREWORKS_MODEL")
    selection_policy: PolicyName = Field(PolicyName.AUTO, validation_alias="COGO_SELECTION_POLICY")
    data_policy: str = Field("", validation_alias="COGO_DATA_POLICY")
    project: str | None = Field(None, max_length=100, validation_alias="COGO_PROJECT")
    explore_mistakes: float = Field(
        EXPLORE_MISTAKES, ge=0, le=1, validation_alias="COGO_EXPLORE_MISTAKES"
    )
    jwt_secret: SecretStr | None = Field(None, validation_alias="SUPABASE_JWT_SECRET")
    gateway_cors: str = Field("http://localhost:3000", validation_alias="COGO_GATEWAY_CORS")
    gateway_hosts: str = Field("", validation_alias="COGO_GATEWAY_HOSTS")
    gateway_proxies: str = Field("", validation_alias="COGO_GATEWAY_PROXIES")
    gateway_body_bytes: int = Field(
        4 * 1024 * 1024, gt=0, validation_alias="COGO_GATEWAY_BODY_BYTES"
    )
    gateway_connections: int = Field(900, gt=0, validation_alias="COGO_GATEWAY_CONNECTIONS")
    gateway_rate: int = Field(600, gt=0, validation_alias="COGO_GATEWAY_RATE")
    gateway_keyless: bool = Field(False, validation_alias="COGO_GATEWAY_KEYLESS")
    gateway_share: int = Field(300, gt=0, validation_alias="COGO_GATEWAY_SHARE")
    api_key: SecretStr | None = Field(None, validation_alias="COGO_API_KEY")
    gateway_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+(/[^\s?#]*)?$", validation_alias="COGO_GATEWAY_URL"
    )
    link_secret: SecretStr | None = Field(
        None, min_length=32, max_length=1_000, validation_alias="COGO_LINK_SECRET"
    )
    gateway_cancel: bool = Field(True, validation_alias="COGO_GATEWAY_CANCEL")
    console_parts: Json[dict[str, tuple[Part, ...]]] = Field(
        default_factory=dict, validation_alias="COGO_CONSOLE_PARTS"
    )
    store_prompts: bool = Field(False, validation_alias="COGO_STORE_PROMPTS")
    sandbox: SandboxChoice = Field(SandboxChoice.AUTO, validation_alias="COGO_SANDBOX")
    sandbox_runtime: str = Field(
        "", pattern=r"^([A-Za-z0-9/][A-Za-z0-9_./+-]*)?$", validation_alias="COGO_SANDBOX_RUNTIME"
    )
    check_slots: int | None = Field(None, ge=0, le=1_000, validation_alias="COGO_CHECK_SLOTS")
    check_seconds: float = Field(120, gt=0, le=3_600, validation_alias="COGO_CHECK_SECONDS")
    check_memory_mb: int = Field(1024, ge=64, le=1_048_576, validation_alias="COGO_CHECK_MEMORY_MB")
    tool_slots: int = Field(4, ge=0, le=1_000, validation_alias="COGO_TOOL_SLOTS")
    attachment_mb: int = Field(10, gt=0, le=1_000, validation_alias="COGO_ATTACHMENT_MB")
    attachments_mb: int = Field(25, gt=0, le=1_000, validation_alias="COGO_ATTACHMENTS_MB")
    memory_model: str | None = Field(None, max_length=200, validation_alias="COGO_MEMORY_MODEL")
    model_idle_seconds: int = Field(
        600, ge=0, le=31_536_000, validation_alias="COGO_MODEL_IDLE_SECONDS"
    )
    fetch_allow: str = Field("", validation_alias="COGO_FETCH_ALLOW")
    log_level: LogLevel = Field(LogLevel.INFO, validation_alias="COGO_LOG_LEVEL")
    log_format: LogFormat = Field(LogFormat.AUTO, validation_alias="COGO_LOG_FORMAT")

    _variables: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _ignored: Ignored | None = PrivateAttr(default=None)

    @classmethod
    def load(cls, directory: Path | None = None) -> Self:
        """Load the environment and the `.env` files that apply to `directory`.

        The default is the working directory. Raises SettingInvalid, which names the variable and
        its valid values, or the file that cannot be read.
        """
        variables, ignored = _read_files(directory or Path.cwd())
        variables |= {name: text for name, text in os.environ.items() if text}
        try:
            settings = cls.model_validate(variables)
        except ValidationError as error:
            raise _build_error(error) from error
        settings._variables = variables
        settings._ignored = ignored
        return settings

    @property
    def ignored(self) -> Ignored | None:
        """The variables of `.env` that were ignored because its folder is not trusted."""
        return self._ignored

    @property
    def retention(self) -> timedelta | None:
        """How long finished tasks are kept; None means forever."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)

    @property
    def audit_retention(self) -> timedelta | None:
        """How long calls stay in the audit log; None means forever."""
        return None if self.audit_days is None else timedelta(days=self.audit_days)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment and the variables of `.env`, for programs that the user trusts."""
        return self._variables

    def value(self, name: str) -> str | None:
        """Return the value of any variable, or None if unset or empty."""
        return self._variables.get(name)

    def secret(self, name: str) -> SecretStr | None:
        """Return the value of a variable that must not be shown."""
        value = self.value(name)
        return None if value is None else SecretStr(value)


def config_directory() -> Path:
    """Return the user's configuration directory: `$XDG_CONFIG_HOME/cogo` or `~/.config/cogo`."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "cogo"


def cache_directory() -> Path:
    """Return the user's cache directory: `$XDG_CACHE_HOME/cogo` or `~/.cache/cogo`."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "cogo"


def is_trusted_file(file: Path, content: bytes) -> bool:
    """Return whether a settings file counts in full. Raises SettingInvalid if it has changed."""
    config = config_directory()
    if file.parent in {CHECKOUT, config, config.resolve()}:
        return True
    return TrustStore.load(config).trusts_file(file, content)


def find_env_files(directory: Path) -> dict[Path, bool]:
    """Return the `.env` files that apply to `directory`, and whether each contains a secret."""
    named = os.environ.get(_FILE_VARIABLE)
    folders = (CHECKOUT, config_directory(), directory.resolve())
    files = [Path(named)] if named else [folder / ENV_FILE for folder in folders]
    return {
        file: any(map(is_secret, _parse(content, file)))
        for file in dict.fromkeys(files)
        if (content := read_file(file)) is not None
    }


def _read_files(directory: Path) -> tuple[dict[str, str], Ignored | None]:
    """Return the variables of all files, and what was ignored."""
    named = os.environ.get(_FILE_VARIABLE)
    if named:
        return _parse(read_file(Path(named)), Path(named)), None
    ours: dict[str, str] = {}
    for folder in (CHECKOUT, config_directory()):
        ours |= _parse(read_file(folder / ENV_FILE), folder / ENV_FILE)
    file = directory.resolve() / ENV_FILE
    content = read_file(file)
    if content is None:
        return ours, None
    if is_trusted_file(file, content):
        return ours | _parse(content, file), None
    # Not interpolated, because a key could then include the value of another variable.
    taken, refused = split_variables(_parse(content, file, interpolate=False))
    ignored = Ignored(file.parent, file.name, refused) if refused else None
    return {**taken, **ours}, ignored


def _parse(content: bytes | None, file: Path, *, interpolate: bool = True) -> dict[str, str]:
    try:
        text = (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingInvalid(str(file), reason="it is not UTF-8 text") from error
    values = dotenv_values(stream=io.StringIO(text), interpolate=interpolate)
    return {name: value for name, value in values.items() if value}


def _build_error(error: ValidationError) -> SettingInvalid:
    first = error.errors()[0]
    name = str(first["loc"][0])
    return SettingInvalid(name, reason=explain_mistake(first))
