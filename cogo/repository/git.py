"""Calls of the program `git`.

The repository and its configuration are not trusted to run programs: hooks, the file system monitor
and external diffs are off. Filters (`.gitattributes`) do run, as they are part of the content.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from cogo.errors import CommandError, UsageError

_SECONDS: Final = 120.0
_FATAL: Final = 128
_NOT_INHERITED: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE",
        "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE",
    }
)  # fmt: skip
"""Set where git runs us, from a hook or an alias; they would name another repository."""
_OPTIONS: Final = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    *("-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"),
    *("-c", "i18n.commitEncoding=UTF-8", "-c", "advice.detachedHead=false"),
)


class GitFailed(CommandError):
    """git ended with an error."""

    def __init__(self, arguments: tuple[str, ...], status: int, output: str) -> None:
        self.status = status
        self.output = output
        said = output.strip().removeprefix("fatal: ").removeprefix("error: ")
        super().__init__(f"git {arguments[0]} failed: {said or f'exit code {status}'}")


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a tree."""

    mode: str
    oid: str

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode.startswith("100")

    @property
    def is_executable(self) -> bool:
        """Whether it is a file that may be run."""
        return self.mode == "100755"

    @property
    def is_directory(self) -> bool:
        """Whether it is a tree."""
        return self.mode == "040000"

    @property
    def kind(self) -> str:
        """Its kind, in words."""
        kinds = {"120000": "a symbolic link", "160000": "a submodule", "040000": "a directory"}
        return kinds.get(self.mode, "a file")


@dataclass(frozen=True, slots=True)
class Repository:
    """A local repository, bare or with a working tree."""

    directory: Path
    """The top of the working tree; of a bare repository, its own directory."""
    git_dir: Path
    is_bare: bool
    environment: Mapping[str, str] | None = None
    """Variables in addition to those of this process."""

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Return the repository that contains a directory. Raises CommandError."""
        if not directory.is_dir():
            raise UsageError(f"--repo {directory} is not a directory")
        here = cls(directory, directory, is_bare=False)
        try:
            lines = here.read("rev-parse", "--absolute-git-dir", "--is-bare-repository")
            git_dir, bare = lines.splitlines()
            if bare == "true":
                return cls(Path(git_dir), Path(git_dir), is_bare=True)
            top = here.read("rev-parse", "--show-toplevel").rstrip("\n")
        except GitFailed as error:
            raise _explain(error, directory) from error
        return cls(Path(top), Path(git_dir), is_bare=False)

    def read(self, *arguments: str, given: bytes = b"", accept: tuple[int, ...] = (0,)) -> str:
        """Run git and return its output as text. Raises GitFailed."""
        return self.run(*arguments, given=given, accept=accept).decode("utf-8", "replace")

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        accept: tuple[int, ...] = (0,),
        with_hooks: bool = False,
        seconds: float = _SECONDS,
    ) -> bytes:
        """Run git and return its output. Raises GitFailed unless its exit code is in `accept`."""
        program = shutil.which("git")
        if program is None:
            raise CommandError("git is not installed: install it, for example with your system's "
                               "package manager, and run this again")  # fmt: skip
        options = () if with_hooks else _OPTIONS
        try:
            done = subprocess.run(  # noqa: S603 - git, without a shell
                [program, *options, *arguments],
                cwd=self.directory,
                env=_build_environment(self.environment or {}),
                input=given,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"git {arguments[0]} took longer than {seconds:.0f} s") from error
        if done.returncode not in accept:
            output = (done.stderr or done.stdout).decode("utf-8", "replace")
            raise GitFailed(arguments, done.returncode, output)
        return done.stdout

    def find_commit(self, name: str) -> str | None:
        """Return the id of the commit that a revision names, or None."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return self.read(*arguments, accept=(0, 1, _FATAL)).strip() or None

    def find_entries(self, commit: str | None, paths: Iterator[str]) -> Mapping[str, TreeEntry]:
        """Return the entries of a commit with exactly these paths, of any kind."""
        wanted = sorted(set(paths))
        if commit is None or not wanted:
            return {}
        listed = self.read("ls-tree", "-z", "-t", "--full-tree", commit, "--", *wanted)
        entries = {}
        for line in listed.split("\0")[:-1]:
            meta, _, path = line.partition("\t")
            mode, _, oid = meta.split(" ")
            entries[path] = TreeEntry(mode, oid)
        return {path: entries[path] for path in wanted if path in entries}

    def read_blob(self, oid: str) -> bytes:
        """Return the content of a blob, as it is stored."""
        return self.run("cat-file", "blob", oid)

    def list_files(self, commit: str) -> Mapping[str, tuple[TreeEntry, int]]:
        """Return the regular files of a commit by path, with their sizes."""
        listed = self.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        files: dict[str, tuple[TreeEntry, int]] = {}
        for line in listed.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            meta, _, path = line.partition("\t")
            mode, _, oid, size = meta.split()
            entry = TreeEntry(mode, oid)
            if entry.is_file:
                files[path] = entry, int(size)
        return files

    def read_blobs(self, oids: Sequence[str]) -> list[bytes]:
        """Return the contents of blobs, as they are stored."""
        output = self.run("cat-file", "--batch", given="".join(f"{oid}\n" for oid in oids).encode())
        contents: list[bytes] = []
        start = 0
        for _ in oids:
            header = output[start : output.index(b"\n", start)]
            start += len(header) + 1
            size = int(header.split()[2])
            contents.append(output[start : start + size])
            start += size + 1
        return contents

    def find_current_branch(self) -> str | None:
        """Return the branch that HEAD names, or None if HEAD is detached."""
        name = self.read("symbolic-ref", "--quiet", "HEAD", accept=(0, 1)).strip()
        return name.removeprefix("refs/heads/") or None

    def find_worktrees(self, branch: str) -> list[Path]:
        """Return the working trees in which a branch is checked out."""
        listed = self.read("worktree", "list", "--porcelain")
        found: list[Path] = []
        for block in listed.split("\n\n"):
            lines = dict(line.partition(" ")[::2] for line in block.splitlines())
            if lines.get("branch") == f"refs/heads/{branch}" and "bare" not in lines:
                found.append(Path(lines["worktree"]))
        return found

    def is_set(self, name: str) -> bool:
        """Return whether a setting of git is true."""
        value = self.read("config", "--type=bool", "--get", name, accept=(0, 1, _FATAL))
        return value.strip() == "true"

    @contextmanager
    def open_scratch(self, *, keeps_objects: bool) -> Iterator["Scratch"]:
        """Provide an index and a working tree of their own for as long as the block runs.

        Unless `keeps_objects`, new objects do not outlive it either.
        """
        with tempfile.TemporaryDirectory(prefix="cogo-") as name:
            place = Path(name)
            for part in ("tree", "objects"):
                (place / part).mkdir()
            variables = {
                "GIT_DIR": str(self.git_dir),
                "GIT_INDEX_FILE": str(place / "index"),
                "GIT_WORK_TREE": str(place / "tree"),
            }
            if not keeps_objects:
                objects = self.read("rev-parse", "--git-path", "objects").rstrip("\n")
                variables["GIT_OBJECT_DIRECTORY"] = str(place / "objects")
                # Quoted as git reads it, because a colon separates directories.
                quoted = str(self.directory / objects).replace("\\", "\\\\").replace('"', '\\"')
                variables["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = f'"{quoted}"'
            git = replace(self, directory=place / "tree", environment=variables)
            yield Scratch(git=git, directory=place)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A temporary index and working tree of a repository."""

    git: Repository
    directory: Path

    def write_tree(self, commit: str | None, files: Mapping[str, bytes], modes: set[str]) -> str:
        """Return the tree of a commit with these files in it; `modes` names executable ones.

        The attributes of the commit apply, as its `.gitattributes` is read from the index.
        """
        self.git.run("read-tree", *([commit] if commit else ["--empty"]))
        for path, content in files.items():
            target = self.git.directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o755 if path in modes else 0o644)
        listed = "".join(f"{path}\0" for path in files).encode()
        self.git.run("update-index", "--add", "-z", "--stdin", given=listed)
        # It leaves out, without an error, what some file system would take for `.git`.
        taken = set(self.git.read("ls-files", "-z", "--", *files).split("\0"))
        if refused := [path for path in files if path not in taken]:
            raise CommandError(f"git refuses the path {refused[0]!r}; nothing was committed")
        return self.git.read("write-tree").strip()

    def write_empty_tree(self) -> str:
        """Return the tree without entries."""
        return self.git.read("mktree").strip()


def _build_environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in _NOT_INHERITED}
    ours = {"LC_ALL": "C", "LANGUAGE": "", "GIT_LITERAL_PATHSPECS": "1", "GIT_OPTIONAL_LOCKS": "0"}
    return kept | ours | {"GIT_TERMINAL_PROMPT": "0"} | dict(more)


def _explain(error: GitFailed, directory: Path) -> CommandError:
    if "dubious ownership" in error.output:
        return CommandError(
            f"the repository at {directory} belongs to another user, and git does not trust it; "
            f"to trust it: git config --global --add safe.directory {directory}"
        )
    if "not a git repository" in error.output:
        return CommandError(
            f"{directory} is not in a git repository: name one with --repo DIR, or make one "
            "there with git init"
        )
    return error
