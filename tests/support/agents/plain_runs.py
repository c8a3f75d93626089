"""Runs of jobs as plain processes, for tests of what reads their outcome."""

import os
import signal
import subprocess
import time
from pathlib import Path

from agents.sandbox.job import Job, Outcome


def run_plain_job(job: Job, folder: Path) -> Outcome:
    """Run a job without a sandbox, in a process group that is killed at its end."""
    for path, content in job.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    started = time.monotonic()
    process = subprocess.Popen(
        job.command,
        cwd=folder,
        env={**job.environment, "PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    hit = None
    try:
        stdout, stderr = process.communicate(timeout=job.limits.wall_seconds)
    except subprocess.TimeoutExpired:
        hit = "wall"
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    code = process.returncode
    return Outcome(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stdout=stdout,
        stderr=stderr,
        seconds=time.monotonic() - started,
        cpu_seconds=0,
        peak_memory_mb=0,
        hit="wall" if hit else None,
        backend="none",
    )
