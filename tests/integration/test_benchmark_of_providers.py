"""A benchmark that is stopped has told what it measured, and says what is missing."""

import asyncio
from typing import Any

import pytest

from benchmarks.providers import run


async def test_a_stopped_run_keeps_its_samples_and_lists_what_is_missing() -> None:
    told: list[dict[str, Any]] = []

    async def measure() -> None:
        task = asyncio.current_task()
        assert task is not None

        def report(figure: dict[str, Any]) -> None:
            told.append(figure)
            if figure["name"] == "provider_sample":
                task.cancel()

        await run(report, quick=True, only="httpx", cells="open,whole/1")

    with pytest.raises(asyncio.CancelledError):
        await measure()
    *figures, last = told
    assert [each["name"] for each in figures] == ["provider_sample", *["provider_call"] * 2]
    assert last["samples"] == 1
    assert len(last["missing"]) == 1
    assert last["missing"][0].endswith("httpx: stopped")
