"""The catalogue of models: their names, providers and facts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final, Self, TypeVar

from providers.catalogue.fine_tuned import build_fine_tuned_model
from providers.catalogue.loader import CHECKED_ON, PACKAGED, Entries, Overlay, load_entries
from providers.catalogue.model_names import name_model
from providers.catalogue.open_model_table import find_known_facts
from providers.catalogue.open_models import Facts, OpenModel
from providers.catalogue.schema import (
    DeploymentEntry,
    EmbeddingModel,
    Model,
    Provider,
    RerankModel,
)
from providers.errors import CatalogueInvalid, UnknownModel

_EDITIONS: Final = count(1)
_FACT_NAMES: Final = frozenset(each.name for each in fields(OpenModel))
_OF_WEIGHTS: Final = {"context_window", "inputs", "reasoning"}
"""Facts of an open model that hold at every server of the operator."""
_Named = TypeVar("_Named", bound=EmbeddingModel | RerankModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The model that a name refers to."""

    requested: str
    """The name as given."""
    requested_id: str
    """Canonical id of the model of that name, which may be retired."""
    model: Model
    """The model to call: the same, or its successor."""
    note: str | None = None
    """An explanation for the user if it is the successor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """Facts about a lane for selection; only the provider if the lane is not in this catalogue."""

    provider: str
    capabilities: tuple[str, ...] = ()
    is_local: bool = False
    context_window: int | None = None


class Catalogue:
    """Providers and models. Immutable, except for `replace_with`.

    Names match regardless of case, and spaces match hyphens.
    """

    def __init__(
        self,
        entries: Entries,
        origins: Mapping[tuple[str, str], str],
        *,
        data_policy: tuple[str, ...] = (),
    ) -> None:
        self.providers: Mapping[str, Provider] = entries.providers
        self.models: Mapping[str, Model] = entries.models
        self.roles: Mapping[str, str] = entries.roles
        """Role to the name of its model, for `resolve`."""
        self.embeddings: Mapping[str, EmbeddingModel] = entries.embeddings
        self.rerankers: Mapping[str, RerankModel] = entries.rerankers
        self.data_policy = data_policy
        """The rules of `providers.catalogue.data_policy` that hold for every call, whoever asks."""
        self.edition = next(_EDITIONS)
        """Changes with `replace_with`; values computed for another edition are stale."""
        self._entries = entries
        self._origins = origins
        self._check()

    @classmethod
    def load(cls, *overlays: Path | Overlay, today: date = CHECKED_ON) -> Self:
        """Return the packaged catalogue with these overlays, as of a day; see `load_entries`.

        Raises:
            CatalogueInvalid: the message names file, entry and field.
        """
        return cls(*load_entries(overlays, today=today))

    def replace_with(self, other: Self) -> bool:
        """Replace the entries, in place, with those of another one; return whether they differ."""
        is_change = self._entries != other._entries
        self.__dict__ = dict(other.__dict__)
        return is_change

    def with_roles(self, roles: Mapping[str, str]) -> Self:
        """Return a catalogue with other models for some roles.

        Raises:
            UnknownModel: a role's model does not exist.
        """
        for name in roles.values():
            self.resolve(name)
        changed = self._entries.model_copy(update={"roles": {**self.roles, **roles}})
        return type(self)(changed, self._origins, data_policy=self.data_policy)

    def with_data_policy(self, rules: tuple[str, ...]) -> Self:
        """Return a catalogue of which only what satisfies these rules may be called."""
        return type(self)(self._entries, self._origins, data_policy=rules)

    def resolve(self, name: str, *, still_served: Collection[str] = ()) -> Resolution:
        """Find a model by canonical id, alias, display name, provider's id or role.

        A retired one resolves to its successor, unless its id is in `still_served`.

        Raises:
            UnknownModel: with the nearest names.
        """
        wanted = _normalize(name)
        if wanted in self.roles:
            wanted = _normalize(self.roles[wanted])
        known = self._names.get(wanted)
        asked = self.models[known] if known else self._build_unlisted(name.strip())
        if asked is None:
            raise UnknownModel(name, get_close_matches(wanted, self._names, n=3, cutoff=0.5))
        if asked.retirement is None or asked.id in still_served:
            return Resolution(requested=name, requested_id=asked.id, model=asked)
        model = asked
        while model.retirement is not None:
            model = self.models[model.retirement.successor]
        since = f" as of {asked.retirement.on}" if asked.retirement.on else ""
        note = (
            f"{asked.name} is retired{since} ({asked.retirement.reason}); {model.name} replaces it."
        )
        return Resolution(requested=name, requested_id=asked.id, model=model, note=note)

    def describe_endings(self, *, since: date, until: date) -> tuple[str, ...]:
        """Return a sentence for each model that was retired after `since`, up to `until`."""
        return tuple(
            f"{model.name} ended on {retirement.on}; "
            f"{self.resolve(model.id).model.name} replaces it"
            for model in self.models.values()
            if (retirement := model.retirement) is not None
            and retirement.on is not None
            and since < retirement.on <= until
        )

    def get_model(self, model_id: str) -> Model:
        """Return the model with this canonical id, retired or not.

        A model that a server of the operator names by its file has the id without the folder.

        Raises:
            UnknownModel: with the nearest names.
        """
        model = self.models.get(model_id) or self._build_unlisted(model_id)
        if model is None:
            raise UnknownModel(model_id, get_close_matches(model_id, self.models, n=3, cutoff=0.5))
        return model

    def get_stated_facts(self, model_id: str) -> tuple[Facts, Facts]:
        """Return what the operator states about a model, and what COGO does.

        The first is empty if the operator's files do not have the model.
        """
        listed = self.models.get(model_id)
        if listed is None:
            own = model_id.partition("/")[2]
            return {}, find_known_facts(own)
        stated = {
            name: getattr(listed, name)
            for name in listed.model_fields_set & _FACT_NAMES
            if getattr(listed, name) is not None
        }
        if self._origins.get(("models", model_id), PACKAGED) == PACKAGED:
            return {}, stated
        return stated, {}

    def list_own_ids(self, provider: str) -> frozenset[str]:
        """Return a provider's own ids of its models."""
        entries = (entry for model in self.models.values() for entry in model.deployments)
        return frozenset(entry.model for entry in entries if entry.provider == provider)

    def find_embedding_model(self, name: str) -> EmbeddingModel:
        """Find an embedding model by id, alias, provider's id or `<provider>/<its own id>`.

        Raises:
            UnknownModel: with the nearest names.
        """
        wanted, names = _normalize(name), self._embedding_names
        if wanted in names:
            return names[wanted]
        provider_id, _, model = name.strip().removesuffix(":latest").partition("/")
        provider = self.providers.get(provider_id)
        if provider is not None and provider.any_model and model:
            if found := names.get(_normalize(f"{provider_id}/{model}")):
                return found
            return EmbeddingModel(
                id=f"{provider_id}/{model}",
                name=f"{model} (via {provider.name})",
                maker="unknown",
                provider=provider.id,
                model=model,
                shortens=True,
            )
        raise UnknownModel(name, get_close_matches(wanted, names, n=3, cutoff=0.5))

    def find_rerank_model(self, name: str) -> RerankModel:
        """Find a rerank model by id, alias, provider's id or `<provider>/<its own id>`.

        Raises:
            UnknownModel: with the nearest names.
        """
        wanted, names = _normalize(name), self._rerank_names
        if wanted in names:
            return names[wanted]
        provider_id, _, model = name.strip().partition("/")
        provider = self.providers.get(provider_id)
        if provider is None or provider.rerank is None or not model:
            raise UnknownModel(name, get_close_matches(wanted, names, n=3, cutoff=0.5))
        if not (provider.any_model or provider.rerank_only):
            raise UnknownModel(name, get_close_matches(wanted, names, n=3, cutoff=0.5))
        return RerankModel(
            id=f"{provider_id}/{model}",
            name=f"{model} (via {provider.name})",
            maker="unknown",
            provider=provider.id,
            model=model,
        )

    def find_textless_model(self, name: str) -> EmbeddingModel | RerankModel:
        """Find a model that writes no text, by any of its names.

        Raises:
            UnknownModel: with the nearest names.
        """
        try:
            return self._rerank_names.get(_normalize(name)) or self.find_embedding_model(name)
        except UnknownModel:
            return self.find_rerank_model(name)

    def get_lane_facts(self, lane: str) -> LaneFacts:
        """Return the facts about a lane, which may come from another process's catalogue."""
        model = self.models.get(lane) or self._build_unlisted(lane)
        if model is None:
            return LaneFacts(provider=lane.partition("/")[0])
        provider = self.providers[model.deployments[0].provider]
        return LaneFacts(
            provider=provider.id,
            capabilities=model.capabilities,
            is_local=provider.local,
            context_window=model.context_window,
        )

    def get_hosts(self, lane: str) -> tuple[Provider, ...]:
        """Return the providers of a lane; empty if it is not in this catalogue."""
        model = self.models.get(lane) or self._build_unlisted(lane)
        entries = () if model is None else model.deployments
        return tuple(self.providers[entry.provider] for entry in entries)

    def _build_unlisted(self, name: str) -> Model | None:
        """Return a model without an entry: fine-tuned, or of a provider that serves any model."""
        if tuned := build_fine_tuned_model(name, self.models):
            return tuned
        provider_id, _, own = name.partition("/")
        provider = self.providers.get(provider_id)
        if provider is None or not provider.any_model or not own:
            return None
        if provider.is_self_hosted:
            own = name_model(own) or own
        known = find_known_facts(own)
        return Model(
            id=f"{provider_id}/{own}",
            name=f"{known.get('name', own)} (via {provider.name})",
            maker=known.get("maker", "unknown"),
            license=known.get("license"),
            deployments=(DeploymentEntry(provider=provider.id, model=own),),
            capabilities=provider.assumed_capabilities,
            # A vendor may serve the same weights otherwise.
            **{fact: known[fact] for fact in _OF_WEIGHTS & set(known) if provider.is_self_hosted},
        )

    @cached_property
    def _embedding_names(self) -> Mapping[str, EmbeddingModel]:
        return _map_names(self.embeddings.values())

    @cached_property
    def _rerank_names(self) -> Mapping[str, RerankModel]:
        return _map_names(self.rerankers.values())

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Model ids by name. Ids and aliases are unique; of other names the first one counts."""
        names: dict[str, str] = {}
        for model in self.models.values():
            for name in (model.id, *model.aliases):
                taken = names.setdefault(_normalize(name), model.id)
                if taken != model.id:
                    self._refuse("models", model.id, "aliases", f"{name!r} already names {taken}")
        for model in self.models.values():
            names.setdefault(_normalize(model.name), model.id)
            for deployment in model.deployments:
                for name in (deployment.model, f"{deployment.provider}/{deployment.model}"):
                    names.setdefault(_normalize(name), model.id)
        return names

    def _check(self) -> None:
        for embedding in self.embeddings.values():
            if embedding.provider not in self.providers:
                why = f"there is no provider {embedding.provider!r}"
                self._refuse("embeddings", embedding.id, "provider", why)
        for reranker in self.rerankers.values():
            host = self.providers.get(reranker.provider)
            if host is None or host.rerank is None:
                why = f"there is no provider {reranker.provider!r} with a `rerank` format"
                self._refuse("rerankers", reranker.id, "provider", why)
        for model in self.models.values():
            for deployment in model.deployments:
                if deployment.provider not in self.providers:
                    self._refuse(
                        "models",
                        model.id,
                        "deployments",
                        f"there is no provider {deployment.provider!r}",
                    )
            self._check_succession(model)
        for role, name in self.roles.items():
            try:
                self.resolve(name)
            except UnknownModel as error:
                self._refuse("roles", role, "", str(error))

    def _check_succession(self, model: Model) -> None:
        seen: Sequence[str] = ()
        while (retirement := model.retirement or model.ending) is not None:
            seen = (*seen, model.id)
            successor = retirement.successor
            if successor not in self.models or successor in seen:
                why = "is part of a circle" if successor in seen else "is not a model here"
                self._refuse("models", model.id, "retirement.successor", f"{successor!r} {why}")
            model = self.models[successor]

    def _refuse(self, section: str, key: str, field: str, why: str) -> None:
        origin = self._origins.get((section, key), PACKAGED)
        raise CatalogueInvalid(f"{origin}: {section}.{key}{f': {field}' if field else ''}: {why}")


def _map_names(entries: Iterable[_Named]) -> Mapping[str, _Named]:
    """Return the entries by all of their names; the first one of a name counts."""
    names: dict[str, _Named] = {}
    for entry in entries:
        for each in (entry.id, *entry.aliases, entry.model, f"{entry.provider}/{entry.model}"):
            names.setdefault(_normalize(each), entry)
    return names


def _normalize(name: str) -> str:
    return "-".join(name.casefold().split())
