"""What the gateway tells of each served model: facts, prices, and who serves it."""

from collections.abc import Sequence
from dataclasses import asdict

from gateway.models import ModelDetails, ModelFacts, TokenPrices
from protocol.lanes import read_embedding_lane, read_rerank_lane
from protocol.records import AgentRecord
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_model_objection
from providers.catalogue.deployment import (
    Deployment,
    build_embedding_deployment,
    build_rerank_deployment,
)
from providers.catalogue.open_models import OpenModel, fit_model
from providers.catalogue.schema import RerankModel
from providers.errors import UnknownModel
from providers.prices import get_unit_prices


def describe_model(
    facts: ModelFacts,
    catalogue: Catalogue,
    agents: Sequence[AgentRecord],
    known: OpenModel | None,
) -> ModelDetails:
    """Return the details of a served model; `known` is what executors report of an open one."""
    executors = sum(each.serves and facts.id in each.lanes for each in agents)
    try:
        model = catalogue.get_model(facts.id)
    except UnknownModel:  # the catalogue of the executor has it
        return ModelDetails(**asdict(facts), executors=executors)
    hosts = catalogue.get_hosts(model.id)
    if known is not None:
        model = fit_model(
            model, known, takes_text_calls=any(each.wire.text_calls for each in hosts)
        )
    place = Deployment(model=model, entry=model.deployments[0], host=hosts[0], base_url="")
    end = model.retirement or model.ending
    is_elsewhere = known is not None and (known.is_elsewhere or known.is_remote is not False)
    return ModelDetails(
        **asdict(facts),
        inputs=model.inputs,
        tools=model.takes_tools,
        structured_output=model.structured_output,
        reasoning=model.reasoning,
        max_output_tokens=model.max_output_tokens,
        usd_per_million=_get_prices(place),
        license=model.license,
        aliases=model.aliases,
        roles=tuple(
            role
            for role, name in catalogue.roles.items()
            if catalogue.resolve(name).model.id == model.id
        ),
        is_local=all(each.local for each in hosts) and not is_elsewhere,
        executors=executors,
        excluded=find_model_objection(catalogue.data_policy, hosts),
        ends_on=end.on if end else None,
        parameters=known.parameters if known else None,
        quantization=known.quantization if known else None,
        tokens_per_s=known.measured.tokens_per_s if known and known.measured else None,
    )


def describe_textless_model(
    name: str, catalogue: Catalogue, agents: Sequence[AgentRecord], *, simulated: bool
) -> ModelDetails:
    """Return the details of a served model that turns texts into vectors or ranks documents."""
    served = (
        {read_embedding_lane(lane) or read_rerank_lane(lane) for lane in each.lanes}
        for each in agents
        if each.serves
    )
    executors = sum(name in names for names in served)
    try:
        model = catalogue.find_textless_model(name)
    except UnknownModel:
        return ModelDetails(
            id=name,
            name=name,
            maker="unknown",
            provider=name.partition("/")[0],
            kind="embedding",
            capabilities=(),
            context_window=None,
            status="available",
            simulated=simulated,
            executors=executors,
        )
    host = catalogue.providers[model.provider]
    is_ranking = isinstance(model, RerankModel)
    place = (
        build_rerank_deployment(model, host, "", simulated=False)
        if isinstance(model, RerankModel)
        else build_embedding_deployment(model, host, "", simulated=False)
    )
    search = model.usd_per_search if isinstance(model, RerankModel) else None
    return ModelDetails(
        id=model.id,
        name=model.name,
        maker=model.maker,
        provider=model.provider,
        kind="rerank" if is_ranking else "embedding",
        capabilities=(),
        context_window=model.max_input_tokens,
        status="available",
        simulated=simulated,
        usd_per_million=_get_prices(place),
        usd_per_search=None if search is None else float(search),
        aliases=model.aliases,
        is_local=host.local,
        executors=executors,
    )


def _get_prices(place: Deployment) -> TokenPrices | None:
    prices = get_unit_prices(place)
    if prices is None:
        return None
    cached = None if prices.cached is None else float(prices.cached)
    return TokenPrices(input=float(prices.input), output=float(prices.output), cached=cached)
