"""The models that the gateway lists."""

from typing import Any, cast

from agents.selection.evidence.knowledge import Knowledge
from cogo.wiring.model_directory import CatalogueModelDirectory
from protocol.records import AgentRecord
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.open_models import OPEN_MODELS_DETAIL

REPORTED = {"llamacpp/m": {"context_window": 4_096, "maker": "Acme"}}


class Store:
    """One running executor, and no statistics."""

    async def fetch_agents(self) -> list[AgentRecord]:
        return [
            AgentRecord(
                id="executor",
                kind="executor",
                lanes=["llamacpp/m", "ollama/llama3.1:8b"],
                capacity=1,
                silent_ms=0,
                details={OPEN_MODELS_DETAIL: REPORTED},
            )
        ]

    async def fetch_model_stats(self) -> list[Any]:
        return []


async def test_an_open_model_has_the_context_and_maker_that_its_executor_reports() -> None:
    store = cast("Any", Store())
    directory = CatalogueModelDirectory(
        store=store, spending=store, catalogue=Catalogue.load(), start=Knowledge()
    )

    reported, known = await directory.models()

    assert (reported.id, reported.context_window, reported.maker) == ("llamacpp/m", 4_096, "Acme")
    assert (known.id, known.context_window) == ("ollama/llama3.1:8b", 131_072)
