"""Opens a pull request with GitHub's program `gh`."""

import shlex
import shutil
import subprocess
from typing import Final

from cogo.errors import CommandError
from cogo.repository.git import GitFailed, Repository

_PUSH_SECONDS: Final = 600.0
_SECONDS: Final = 120.0


def open_pull_request(repository: Repository, *, branch: str, title: str, body: str) -> str:
    """Push a branch and open a pull request for it; return its address. Raises CommandError.

    The hook `pre-push` runs, as it may keep secrets from leaving this machine.
    """
    remote = _find_remote(repository, branch)
    push = f"git push {shlex.quote(remote)} {shlex.quote(branch)}"
    program = shutil.which("gh")
    if program is None:
        raise CommandError(
            f"the commit is on {branch}; gh is not installed, so no pull request was opened: "
            f"run {push} and open it on the website, or install gh from https://cli.github.com"
        )
    reference = f"refs/heads/{branch}"
    try:
        repository.run(
            "push", "--quiet", remote, f"{reference}:{reference}",
            with_hooks=True, seconds=_PUSH_SECONDS,
        )  # fmt: skip
    except GitFailed as error:
        raise CommandError(
            f"the commit is on {branch}; it could not be pushed: {error.output.strip()}; "
            f"when that is mended, run {push}"
        ) from error
    return _create(repository, program, branch, title, body)


def _create(repository: Repository, program: str, branch: str, title: str, body: str) -> str:
    command = ["pr", "create", "--head", branch, "--title", title, "--body-file", "-"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own gh, without a shell
            [program, *command],
            cwd=repository.directory,
            input=body,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            f"{branch} is pushed; gh did not answer within {_SECONDS:.0f} s: run "
            f"gh pr create --head {shlex.quote(branch)}"
        ) from error
    if done.returncode != 0:
        raise CommandError(
            f"{branch} is pushed; gh opened no pull request: {done.stderr.strip()}; "
            f"when that is mended, run gh pr create --head {shlex.quote(branch)}"
        )
    return done.stdout.strip()


def _find_remote(repository: Repository, branch: str) -> str:
    """Return the remote that this branch is pushed to."""
    for name in (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote"):
        if found := repository.read("config", "--get", name, accept=(0, 1)).strip():
            return found
    remotes = repository.read("remote").split()
    if not remotes:
        raise CommandError(f"the commit is on {branch}; the repository has no remote to open a "
                           "pull request at: add one with git remote add origin URL")  # fmt: skip
    return "origin" if "origin" in remotes else remotes[0]
