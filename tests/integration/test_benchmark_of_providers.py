"""A benchmark that is interrupted reports what it measured and what is missing."""

import asyncio
from typing import Any

from benchmarks.providers import run


async def test_a_stopped_run_keeps_its_samples_and_lists_what_is_missing() -> None:
    told: list[dict[str, Any]] = []

    def report(figure: dict[str, Any]) -> None:
        told.append(figure)
        if figure["name"] == "provider_sample":
            running.cancel()

    async with asyncio.TaskGroup() as group:
        work = run(report, quick=True, only="httpx", cells="open,whole/1")
        running = group.create_task(work, name="benchmark")

    assert running.cancelled()
    *figures, last = told
    assert [each["name"] for each in figures] == ["provider_sample", *["provider_call"] * 2]
    assert last["samples"] == 1
    assert len(last["missing"]) == 1
    assert last["missing"][0].endswith("httpx: stopped")
