"""The smoke test, with a provider that always gives the same answer."""

import time

from pydantic import SecretStr

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import TokenUsage
from providers.prices import calculate_cost
from providers.router import Router
from providers.smoke_test import STEPS, run_smoke_test
from tests.contract.providers.calls import ANTHROPIC_ANSWER
from tests.support.servers.recorder import recording


async def test_each_step_reports_result_cost_and_duration() -> None:
    async with recording(ANTHROPIC_ANSWER) as vendor:
        given = {"anthropic": Credential(key=SecretStr("a-key"), base_url=vendor.url)}
        async with Router(Catalogue.load(), given) as router:
            [place] = router.list_deployments("claude-sonnet-5-5")
            began = time.monotonic()
            trials = [each async for each in run_smoke_test(router, place)]
            spent = time.monotonic() - began

    listing, chat, stream, call = trials
    price = calculate_cost(TokenUsage(input=1, output=1), place)
    assert price is not None
    assert tuple(each.step for each in trials) == STEPS
    assert [each.ok for each in trials] == [False, True, True, False]
    assert [each.cost_usd for each in trials] == [None, price.usd, price.usd, None]
    assert all(each.seconds > 0 for each in trials)
    assert sum(each.seconds for each in trials) <= spent
    assert listing.detail.startswith("malformed_response: ")
    assert chat.detail == '"yes"'
    assert stream.detail.startswith("1 pieces, ")
    assert call.detail == "malformed_response: anthropic: the model did not call the tool"
