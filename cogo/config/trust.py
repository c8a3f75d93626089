"""Trusted folders: those whose files may decide what runs, where keys go and what is written.

A cloned repository or an unpacked archive may contain a `.env`, a `cogo.toml` and a state
directory that someone else wrote. They count in full only if the user ran `cogo trust`, and only
as they were then: path and content are stored.
"""

import hashlib
import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cogo.errors import SettingInvalid
from embedded.private_files import write_private

ENV_FILE: Final = ".env"
OVERLAY: Final = "cogo.toml"
STATE: Final = ".cogo"
STORE: Final = "trusted.json"
_IDENTITY: Final = "identity"
_WRITABLE_BY_OTHERS: Final = 0o022

ADDRESSES: Final = frozenset(
    {
        "ANTHROPIC_BASE_URL", "DASHSCOPE_BASE_URL", "FIREWORKS_API_URL", "FIREWORKS_BASE_URL",
        "GOOGLE_GEMINI_BASE_URL", "LLAMACPP_BASE_URL", "LMSTUDIO_BASE_URL", "MINIMAX_BASE_URL",
        "MLX_BASE_URL", "MOONSHOT_BASE_URL", "OLLAMA_BASE_URL", "OPENAI_BASE_URL",
        "OPENAI_COMPATIBLE_BASE_URL", "PINECONE_INDEX", "PORTKEY_BASE_URL",
        "RERANK_COMPATIBLE_BASE_URL", "TEI_BASE_URL", "VLLM_BASE_URL", "WEAVIATE_GRPC_URL",
        "WEAVIATE_URL", "ZAI_BASE_URL",
    }
)  # fmt: skip
"""Variables that decide where keys and prompts are sent; a test compares the catalogue. Those of
outer indexes of memory are among them."""
_HARMLESS: Final = frozenset(
    {
        "COGO_CACHE", "COGO_CACHE_SECONDS", "COGO_DATA_POLICY", "COGO_FIRST_TOKEN_SECONDS",
        "COGO_LOG_FORMAT", "COGO_EXPLORE_MISTAKES", "COGO_LOG_LEVEL", "COGO_SELECTION_POLICY",
        "COGO_STALL_SECONDS", "COGO_TOTAL_SECONDS", "DEFAULT_MODEL", "FIREWORKS_MODEL",
    }
)  # fmt: skip
_KEY: Final = re.compile(r"(?!COGO_|SUPABASE_)[A-Z][A-Z0-9_]*_(?:API_KEY|TOKEN)(?:_\d+)?")
"""A key of a provider. It is harmless alone: it is sent to the provider's own address."""
_SUPABASE_SECRETS: Final = frozenset(
    {
        "SUPABASE_DB_URL", "SUPABASE_JWT_SECRET", "SUPABASE_SECRET_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
    }
)  # fmt: skip
_KEY_SOURCE: Final = re.compile(_KEY.pattern + "_(?:FILE|COMMAND)")


class TrustStore(BaseModel):
    """The folders that the user trusts, with the hashes of their files, and state directories."""

    model_config = ConfigDict(frozen=True)

    folders: Mapping[str, Mapping[str, str]] = {}
    states: Mapping[str, str] = {}
    """State directories that COGO created for this user, with the hash of their identity."""

    @classmethod
    def load(cls, config: Path) -> Self:
        """Load the store in the directory `config`; empty if other users can write it."""
        path = config / STORE
        try:
            if path.stat().st_mode & _WRITABLE_BY_OTHERS:
                return cls()
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return cls()

    def save(self, config: Path) -> None:
        """Write the store. Raises OSError."""
        config.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(config / STORE, self.model_dump_json(indent=2) + "\n")

    def with_folder(self, folder: Path) -> Self:
        """Return a store that also trusts the files of `folder` as they are, and its state."""
        hashes = {
            name: _hash(content)
            for name in (ENV_FILE, OVERLAY)
            if (content := read_file(folder / name)) is not None
        }
        trusted = self.model_copy(update={"folders": {**self.folders, str(folder): hashes}})
        state = folder / STATE
        return trusted.with_state(state) if state.is_dir() else trusted

    def with_state(self, state: Path) -> Self:
        """Return a store that also trusts a state directory, identified by a random file in it."""
        if self.trusts_state(state):
            return self
        identity = secrets.token_hex(16)
        write_private(state / _IDENTITY, identity)
        known = {**self.states, str(state): _hash(identity.encode())}
        return self.model_copy(update={"states": known})

    def without(self, folder: Path) -> Self:
        """Return a store that trusts neither the files of `folder` nor its state directory."""
        gone = {str(folder), str(folder / STATE)}
        folders = {path: files for path, files in self.folders.items() if path not in gone}
        states = {path: identity for path, identity in self.states.items() if path not in gone}
        return self.model_copy(update={"folders": folders, "states": states})

    def trusts_state(self, state: Path) -> bool:
        """Return whether COGO created this state directory for this user, or the user trusts it."""
        identity = read_file(state / _IDENTITY)
        return identity is not None and self.states.get(str(state)) == _hash(identity)

    def trusts_file(self, file: Path, content: bytes) -> bool:
        """Return whether a file counts in full.

        Raises SettingInvalid if its folder is trusted with another content: ignoring the file
        could drop settings on which the user relies.
        """
        hashes = self.folders.get(str(file.parent))
        if hashes is None:
            return False
        if hashes.get(file.name) != _hash(content):
            raise SettingInvalid(
                str(file),
                reason="it has changed since its folder was trusted; check it, then run "
                f"`cogo trust {shlex.quote(str(file.parent))}`",
            )
        return True


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is ignored because its folder is not trusted."""

    folder: Path
    file: str
    what: tuple[str, ...] = ()
    """Names of settings; empty if the whole file is ignored."""

    def __str__(self) -> str:
        """Return what is ignored, as text."""
        path = self.folder / self.file
        return f"{', '.join(self.what)} in {path}" if self.what else str(path)


def split_variables(variables: Mapping[str, str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return what an untrusted `.env` may set, and the names of settings that it may not.

    Its keys count unless it also sets where keys are sent: they may be meant for that address
    only.
    """
    withholds_keys = not ADDRESSES.isdisjoint(variables)
    taken: dict[str, str] = {}
    refused: list[str] = []
    for name, text in variables.items():
        is_key = _KEY.fullmatch(name) is not None
        if name in _HARMLESS or (is_key and not withholds_keys):
            taken[name] = text
        elif (
            is_key
            or name in ADDRESSES
            or name == "REDIS_URL"
            or name.startswith(("COGO_", "SUPABASE_"))
            or _KEY_SOURCE.fullmatch(name)
        ):
            refused.append(name)
    return taken, tuple(refused)


def is_secret(name: str) -> bool:
    """Return whether a variable of this name contains a secret."""
    return _KEY.fullmatch(name) is not None or name in _SUPABASE_SECRETS


def read_file(file: Path) -> bytes | None:
    """Return the content of a regular file, or None. Raises SettingInvalid."""
    if not file.is_file():
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingInvalid(str(file), reason=str(error.strerror)) from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
