"""Texts as vectors in a running system."""

import json

import pytest

from tests.support.servers.system import System

pytestmark = pytest.mark.e2e


def test_an_embedded_text_is_kept_and_found_from_another_terminal(system: System) -> None:
    rest = ("--model", "text-embedding-3-small", "--simulator-url", system.simulator_url)

    kept = system.cogo("embed", "the harvest of red apples", "--keep", *rest)
    found = system.cogo("embed", "red apples", "--near", "1", "--json", *rest)

    assert kept.returncode == 0, kept.stderr
    assert kept.stdout.endswith("  the harvest of red apples\n")
    assert "1536 dimensions" in kept.stderr
    assert "text-embedding-3-small (simulated)" in kept.stderr
    assert found.returncode == 0, found.stderr
    [row] = json.loads(found.stdout)["embeddings"]
    assert [near["content"] for near in row["near"]] == ["the harvest of red apples"]
