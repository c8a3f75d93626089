"""What providers said that they serve to this key, where their word decides."""

from collections.abc import Iterable

from providers.catalogue.schema import Model

__all__ = ["Listings"]


class Listings:
    """Empty until a provider was asked; a provider that was not asked is believed to serve all."""

    def __init__(self) -> None:
        self._listed: dict[str, frozenset[str]] = {}

    def keep(self, provider: str, own_ids: Iterable[str]) -> None:
        """Remember the provider's newest answer."""
        self._listed[provider] = frozenset(own_ids)

    def lacks(self, model: Model, provider: str, own_id: str) -> bool:
        """Whether a current model is not served there any more.

        Of a retired one nothing is said: it may run on a deployment of one's own, which no
        list of serverless models has.
        """
        listed = self._listed.get(provider)
        return model.retirement is None and listed is not None and own_id not in listed

    def lacks_all(self, model: Model, provider: str) -> bool:
        """Whether a provider serves none of its deployments of a current model any more."""
        own = [entry.model for entry in model.deployments if entry.provider == provider]
        return bool(own) and all(self.lacks(model, provider, each) for each in own)

    def revives(self, model: Model) -> bool:
        """Whether a retired model is served after all."""
        return model.retirement is not None and any(
            entry.model in self._listed.get(entry.provider, ()) for entry in model.deployments
        )
