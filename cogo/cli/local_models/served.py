"""Who serves each model, and what is known of open models at servers of the operator."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cogo.config.catalogue import load_credentials
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.local_model import PROVIDER
from cogo.local_model.measured import MeasuredReader
from cogo.wiring.stores import open_supabase_store
from protocol.errors import CogoError
from protocol.lanes import is_model_lane
from protocol.records import AgentRecord
from protocol.records.agents import are_all_simulated, list_embedding_models, list_rerank_models
from providers.adapters.weights.load import ServerLoad, read_loads
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.open_models import (
    OPEN_MODELS_DETAIL,
    Measured,
    OpenModel,
    Source,
    fit_model,
    load_open_models,
)
from providers.catalogue.schema import Model
from providers.router import Router

OPEN_HEADINGS: Final = (
    "OPEN MODEL", "SERVER", "FAMILY", "TOOLS", "CONTEXT", "SIZE", "QUANT", "LOADED", "TOKENS/S",
)  # fmt: skip
OPEN_DROPPED: Final = ("LOADED", "QUANT", "FAMILY", "TOKENS/S")
_SOURCES: Final[Mapping[Source, str]] = {
    "probe": "its server",
    "table": "COGO's table",
    "user": "cogo.toml",
}
_FACTS: Final = (
    "family", "tool_mode", "context_window", "max_output_tokens", "inputs", "reasoning", "prefix",
    "parameters", "quantization", "loaded", "is_remote", "maker", "license",
)  # fmt: skip
_TOOL_MODES: Final = {"structured": "structured", "text": "as text", None: "-"}


@dataclass(frozen=True, slots=True)
class ServedModels:
    """Who serves each model: `here`, `executors` or `simulator`."""

    models: dict[str, str]
    textless: dict[str, str]
    """Those that turn texts into vectors, or rank documents."""
    open_models: dict[str, OpenModel] = field(default_factory=dict)
    """What is known of models at servers of the operator, by lane."""
    loads: dict[str, ServerLoad] = field(default_factory=dict)
    """How busy servers are that tell it, by provider."""
    is_simulated: bool = False
    """Whether all running executors call the simulator."""

    @property
    def is_simulated_beside_models(self) -> bool:
        """Whether tasks are simulated though models can be called from here."""
        return self.is_simulated and "here" in self.models.values()

    def get_load(self, model: Model) -> ServerLoad | None:
        """Return how busy the server of a model is, or None."""
        hosts = [entry.provider for entry in model.deployments]
        return next((self.loads[host] for host in hosts if host in self.loads), None)

    def describe_loads(self) -> list[str]:
        """Return a sentence about each server that tells how busy it is."""
        return [
            f"{provider}: {load.running} requests are running, {load.waiting} are waiting"
            for provider, load in self.loads.items()
        ]

    def fit(self, model: Model, catalogue: Catalogue) -> Model:
        """Return a model with what is known of it where it is served."""
        known = self.open_models.get(model.id)
        if known is None:
            return model
        hosts = catalogue.get_hosts(model.id)
        takes_text_calls = any(each.wire.text_calls for each in hosts)
        return fit_model(model, known, takes_text_calls=takes_text_calls)


async def find_served_models(project: Project, catalogue: Catalogue) -> ServedModels:
    """Ask the servers of this machine, and read the rows of running executors."""
    credentials = load_credentials(project, catalogue)
    async with Router(catalogue, credentials, measured=MeasuredReader()) as router:
        servers = await router.discover()
        loads = await read_loads({each.provider: each.base_url for each in servers})
        models = dict.fromkeys(router.list_lanes(), "here")
        own = [*router.list_embedding_models(), *router.list_rerank_models()]
        textless = dict.fromkeys(own, "here")
        open_models = {each.lane: each for each in router.list_open_models()}
    executors = await _fetch_executors(project)
    for agent in executors:
        by = "simulator" if agent.details.get("simulated") else "executors"
        models |= {lane: by for lane in agent.lanes if lane not in models and is_model_lane(lane)}
        offered = [*list_embedding_models([agent]), *list_rerank_models([agent])]
        textless |= {name: by for name in offered if name not in textless}
        open_models = load_open_models(agent.details.get(OPEN_MODELS_DETAIL)) | open_models
    return ServedModels(models, textless, open_models, loads, are_all_simulated(executors))


async def _fetch_executors(project: Project) -> list[AgentRecord]:
    try:
        async with open_supabase_store(find_connection(project)) as store:
            return [each for each in await store.fetch_agents() if each.serves]
    except CogoError:
        return []  # the catalogue can be listed without Supabase


def get_provider(model: OpenModel) -> str:
    """Return the provider that serves a model; one of the catalogue has none in its lane."""
    return model.provider or PROVIDER


def describe_open_model(model: OpenModel) -> dict[str, Any]:
    """Return each known fact with its source, as JSON."""
    facts = {name: getattr(model, name) for name in _FACTS}
    return {
        "server": get_provider(model),
        "is_elsewhere": model.is_elsewhere,
        "own_id": model.own_id,
        "facts": {
            name: {"value": fact, "source": model.get_source(name)}
            for name, fact in facts.items()
            if fact not in (None, "")
        },
        "measured": asdict(model.measured) if model.measured else None,
    }


def explain_open_model(model: OpenModel) -> dict[str, str]:
    """Return each known fact as text that says where it comes from."""
    shown = {"server": get_provider(model), "own_id": model.own_id}
    if model.is_elsewhere:
        shown["server"] += " (on another machine)"
    for name in _FACTS:
        fact = getattr(model, name)
        if fact not in (None, ""):
            label, text = _format_fact(name, fact)
            shown[label] = f"{text} ({_SOURCES[model.get_source(name)]})"
    if model.measured:
        shown["measured"] = _format_measured(model.measured)
    return shown


def build_open_rows(models: Iterable[OpenModel]) -> list[tuple[str, ...]]:
    """Return a row of a table for each model."""
    return [
        (
            each.lane,
            get_provider(each),
            each.family,
            _TOOL_MODES[each.tool_mode],
            format_tokens(each.context_window),
            _format_size(each.parameters),
            each.quantization or "-",
            "-" if each.loaded is None else "yes" if each.loaded else "no",
            f"{each.measured.tokens_per_s:.0f}" if each.measured else "-",
        )
        for each in models
    ]


def _format_fact(name: str, fact: Any) -> tuple[str, str]:
    match name:
        case "tool_mode":
            return "tools", _TOOL_MODES[fact]
        case "parameters":
            return "size", _format_size(fact)
        case "prefix":
            return "answers begin", repr(fact)
        case "is_remote":
            passes = "passes" if fact else "does not pass"
            return "remote", f"its server {passes} prompts on to another machine"
        case "loaded":
            return name, "yes" if fact else "no"
        case "inputs":
            return name, ", ".join(fact)
    return name, str(fact)


def _format_measured(measured: Measured) -> str:
    parts = [
        f"{measured.tokens_per_s:.1f} tokens/s",
        f"first token after {measured.first_token_s:.1f} s",
    ]
    if measured.parallel:
        parts.append(f"{measured.parallel} at once")
    if measured.calls_tools is not None:
        parts.append("calls tools" if measured.calls_tools else "does not call tools")
    if measured.follows_schema is not None:
        parts.append("follows schemas" if measured.follows_schema else "does not follow schemas")
    return f"{', '.join(parts)} (on {measured.measured_at[:10]})"


def format_tokens(count: int | None) -> str:
    """Return a context window as its makers write it: 200k, and 8k for 8,192."""
    if count is None:
        return "-"
    if count < 1_000:
        return str(count)
    return f"{count // 1024 if count % 1024 == 0 else count // 1000}k"


def _format_size(billions: float | None) -> str:
    if billions is None:
        return "-"
    return f"{billions:.3g}B" if billions >= 1 else f"{billions * 1000:.0f}M"
