from contextlib import suppress

import pytest
from pydantic import SecretStr

from providers.adapters.listings import Listings
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message
from providers.errors import MalformedResponse, NotServed
from providers.router import Router
from tests.support.servers.recorder import recording

CATALOGUE = Catalogue.load()
CURRENT = CATALOGUE.models["fireworks/glm-5p3"]
RETIRED = CATALOGUE.models["fireworks/deepseek-v3p2"]


def own_id(model_id: str) -> str:
    return CATALOGUE.models[model_id].deployments[0].model


def test_a_provider_that_was_not_asked_is_believed() -> None:
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


@pytest.mark.parametrize(
    ("page", "served"),
    [
        pytest.param({"models": [{"name": own_id(RETIRED.id)}]}, False, id="a list without it"),
        pytest.param(
            {"object": "list", "data": [{"id": own_id(CURRENT.id)}]}, True, id="OpenAI's shape"
        ),
        pytest.param({"models": []}, True, id="nothing"),
        pytest.param({"object": "list", "data": []}, True, id="nothing in OpenAI's shape"),
        pytest.param({"data": [{"id": "glm-5p3"}]}, True, id="names of another form"),
        pytest.param({"items": []}, True, id="no list"),
    ],
)
async def test_only_a_list_that_is_understood_removes_a_model(page: object, served: bool) -> None:
    async with recording(page) as vendor:
        given = {"fireworks": Credential(key=SecretStr("a-key"), base_url=vendor.url)}
        async with Router(CATALOGUE, given) as router:
            with suppress(MalformedResponse):
                await router.list_models("fireworks")

            assert (CURRENT.id in router.list_lanes()) is served


async def test_a_model_that_left_its_provider_is_not_served_and_the_error_says_why() -> None:
    given = {"fireworks": Credential(key=SecretStr("a-key"), base_url="http://127.0.0.1:9")}
    async with Router(CATALOGUE, given) as router:
        assert CURRENT.id in router.list_lanes()

        router.listings.keep("fireworks", [own_id(RETIRED.id)])

        assert CURRENT.id not in router.list_lanes()
        assert RETIRED.id in router.list_lanes()
        with pytest.raises(NotServed, match="Fireworks no longer lists it"):
            router.call(
                CURRENT.id, ChatRequest(model="", messages=(Message(role="user", content="hi"),))
            )
