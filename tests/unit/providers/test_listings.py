from providers.catalogue import Catalogue
from providers.listings import Listings

CATALOGUE = Catalogue.load()
CURRENT = CATALOGUE.models["fireworks/glm-5p3"]
RETIRED = CATALOGUE.models["fireworks/deepseek-v3p2"]


def own_id(model_id: str) -> str:
    return CATALOGUE.models[model_id].deployments[0].model


def test_who_was_not_asked_is_believed() -> None:
    assert not Listings().lacks(CURRENT, "fireworks", own_id(CURRENT.id))


def test_a_current_model_that_is_not_listed_is_gone() -> None:
    listings = Listings()
    listings.keep("fireworks", ["accounts/fireworks/models/another"])

    assert listings.lacks(CURRENT, "fireworks", own_id(CURRENT.id))
    assert not listings.lacks(CURRENT, "together", own_id(CURRENT.id))


def test_a_retired_model_may_be_on_demand_and_comes_back_when_it_is_listed() -> None:
    listings = Listings()
    listings.keep("fireworks", [])
    assert not listings.lacks(RETIRED, "fireworks", own_id(RETIRED.id))
    assert not listings.revives(RETIRED)

    listings.keep("fireworks", [own_id(RETIRED.id)])
    assert listings.revives(RETIRED)
    assert not listings.revives(CURRENT)
