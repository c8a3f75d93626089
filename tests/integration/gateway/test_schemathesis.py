"""Schemathesis on the OpenAPI description: no request reveals a defect."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core import NotSet

from tests.integration.gateway.conftest import OpenGateway

WAITING = ("/swarm/", "/v1/chat", "/api/models/test", "/api/code-generation", "/events")
"""These wait for agents, which this project has not: e2e tests ask them."""
CREATION = "POST /v1/responses"
"""It waits, too; what lies below its path does not."""
EXAMPLES = 8


def cases_of(operation: Any) -> list[Any]:
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


async def test_no_request_is_a_defect(opened: OpenGateway) -> None:
    asked = 0
    async with opened(requests_per_minute=10**9) as client:
        document = (await client.get("/openapi.json")).json()
        # Any: what is not a readable operation fails here, which is what a judge is for.
        results: Any = schemathesis.openapi.from_dict(document).get_all_operations()
        for operation in [result.ok() for result in results]:
            if operation.label == CREATION or any(part in operation.path for part in WAITING):
                continue
            for case in cases_of(operation):
                body = {} if isinstance(case.body, NotSet) else {"json": case.body}
                headers = {
                    name: str(text).encode("latin-1") for name, text in (case.headers or {}).items()
                }
                answer = await client.request(
                    case.method,
                    case.formatted_path,
                    params=dict(case.query or {}),
                    headers=headers,
                    **body,
                )
                assert answer.status_code < 500, (operation.label, answer.text)
                asked += 1
    assert asked > 10 * EXAMPLES // 2
