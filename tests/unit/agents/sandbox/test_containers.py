"""What container engines are told, and what comes back from them."""

import io
import json
import os
import tarfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from agents.sandbox.containers.archive import SplitOutput, pack_job
from agents.sandbox.containers.arguments import (
    ContainerRun,
    Engine,
    build_command_file,
    build_run_arguments,
    build_script,
)
from agents.sandbox.containers.leftovers import build_name, is_left_over
from agents.sandbox.containers.profile import build_profile
from agents.sandbox.isolation.seccomp import REFUSED, UNKNOWN
from agents.sandbox.job import InvalidJob, Job, RunLimits

DOCKER: Final = Engine("docker", Path("/usr/bin/docker"))
PODMAN: Final = Engine("podman", Path("/usr/bin/podman"))
RUN: Final = ContainerRun(
    "cogo-1",
    Path("/cogo-1"),
    70_000,
    is_uid_own=True,
    mark="MARK",
    has_profile=True,
    input_bytes=5,
)
JOB: Final = Job(["python3", "-c", "print(1)"], environment={"KEY": "it's"})


def has_option(arguments: list[str], name: str, value: str) -> bool:
    return (name, value) in pairwise(arguments)


@pytest.mark.parametrize("engine", [DOCKER, PODMAN])
def test_every_container_is_walled(engine: Engine) -> None:
    limits = RunLimits(memory_mb=100, disk_mb=10, processes=20, open_files=30)

    told = build_run_arguments(engine, RUN, replace(JOB, limits=limits))

    for name, value in {
        "--network": "none",
        "--cap-drop": "ALL",
        "--user": "70000:70000",
        "--memory": "120m",
        "--memory-swap": "120m",
        "--pids-limit": "23",
        "--pull": "never",
        "--log-driver": "none",
        "--env": "HTTP_PROXY=",
    }.items():
        assert has_option(told, name, value), name
    for value in ("no-new-privileges", "seccomp=/cogo-1/seccomp.json"):
        assert has_option(told, "--security-opt", value)
    assert has_option(told, "--ulimit", "nproc=23:23")
    assert has_option(told, "--ulimit", "nofile=30:30")
    assert has_option(told, "--mount", "type=bind,source=/usr,target=/usr,readonly")
    assert "--read-only" in told
    assert "KEY=it's" not in " ".join(told)
    assert all(each.endswith(",readonly") for each in told if each.startswith("type=bind"))


def test_the_runtime_is_named_to_the_engine_and_in_results() -> None:
    docker, podman = replace(DOCKER, runtime="runsc"), replace(PODMAN, runtime="/opt/bin/krun")

    assert has_option(build_run_arguments(docker, RUN, JOB), "--runtime", "runsc")
    assert docker.build_command("ps") == ["/usr/bin/docker", "ps"]
    assert podman.build_command("ps") == ["/usr/bin/podman", "--runtime", "/opt/bin/krun", "ps"]
    assert "--runtime" not in build_run_arguments(podman, RUN, JOB)
    assert (docker.title, podman.title) == ("docker+runsc", "podman+krun")


def test_without_cgroups_no_limit_needs_them() -> None:
    engine = replace(PODMAN, has_cgroups=False)

    told = build_run_arguments(engine, RUN, JOB)

    assert has_option(told, "--cgroups", "disabled")
    assert not {"--memory", "--pids-limit"} & set(told)
    assert engine.title == "podman without cgroups"


def test_a_shared_user_id_is_not_counted() -> None:
    told = build_run_arguments(PODMAN, replace(RUN, is_uid_own=False), JOB)

    assert not any(each.startswith("nproc=") for each in told)


def test_a_path_that_mounts_cannot_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()

    with pytest.raises(InvalidJob, match="comma"):
        build_run_arguments(DOCKER, RUN, replace(JOB, readable=[folder]))


def test_the_command_is_quoted() -> None:
    text = build_command_file(JOB)

    assert "'KEY=it'\"'\"'s'" in text
    assert "'print(1)'" in text


def test_files_are_found_by_quoted_patterns() -> None:
    assert "-path './*.x'\"'\"';reboot'" in build_script(["*.x';reboot"])
    assert "find" not in build_script([])


def test_files_are_packed_below_the_folder_of_the_job() -> None:
    packed = pack_job(replace(JOB, files={"a/b.py": b"one", "c": b""}))

    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
    assert names == ["command", "job", "job/a/b.py", "job/c"]


@pytest.mark.parametrize("paths", [("../a",), ("/a",), ("a", "a/b"), ("a/b", "a//b")])
def test_paths_that_no_folder_holds_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(InvalidJob):
        pack_job(replace(JOB, files=dict.fromkeys(paths, b"")))


def pack(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("chunk", [1, 3, 5, 100_000])
def test_files_follow_the_output_behind_the_mark(chunk: int) -> None:
    written = b"MAR output MARK./large\0MARK" + pack(one=b"1 MARK", two=b"2", three=b"3")
    output = SplitOutput(1_000, b"MARK")

    for start in range(0, len(written), chunk):
        output.add(written[start : start + chunk])

    assert output.join() == b"MAR output "
    assert output.read_files(["t*", "one"]) == (
        {"one": b"1 MARK", "two": b"2", "three": b"3"},
        ("large",),
    )
    assert output.read_files(["one"])[0] == {"one": b"1 MARK"}


@pytest.mark.parametrize(
    "written", [b"", b"out MAR", b"MARK", b"MARKMARK", b"MARKMARK" + b"x" * 2000]
)
def test_output_without_an_archive_has_no_files(written: bytes) -> None:
    output = SplitOutput(1_000, b"MARK")
    output.add(written)

    assert output.join() == written.partition(b"MARK")[0]
    assert output.read_files(["*"]) == ({}, ())


def test_links_and_cut_archives_are_not_read() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("./link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        large = tarfile.TarInfo("./large")
        large.size = 100_000
        archive.addfile(large, io.BytesIO(bytes(100_000)))
    output = SplitOutput(1_000, b"MARK")
    output.add(b"MARKMARK" + buffer.getvalue()[:5_000])

    assert output.read_files(["*"])[0] == {}


def test_only_containers_of_dead_agents_of_this_machine_are_left_over() -> None:
    mine = build_name()
    prefix, machine, process, start, end = mine.rsplit("-", 4)

    assert not is_left_over(mine)
    assert is_left_over("-".join((prefix, machine, process, str(int(start) + 1), end)))
    assert not is_left_over("-".join((prefix, "0" * 12, process, "1", end)))
    assert not is_left_over("cogo-sandbox-of-somebody")
    assert process == str(os.getpid())


def test_the_profile_refuses_what_the_filter_refuses() -> None:
    text = build_profile("x86_64")
    assert text is not None
    profile = json.loads(text)
    named = {name for rule in profile["syscalls"] for name in rule["names"]}

    assert named >= {*REFUSED, *UNKNOWN, "clone", "socket", "ioctl", "personality"}
    assert {rule["action"] for rule in profile["syscalls"]} == {"SCMP_ACT_ERRNO"}
    assert build_profile("riscv64") is None
