"""Schemathesis sends requests that the OpenAPI document allows."""

from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.rest.conftest import fill
from tests.support.servers.contract_target import Target

_MEANT_TO_FAIL: Final = {"/rpc/rest_fail", "/rpc/rest_choose", "/rpc/rest_sleep"}
_SLOW: Final = {"/rpc/rest_sleep_long", "/rpc/rest_count"}


@pytest.fixture(scope="module")
def operations(rest_schema: Target) -> list[Any]:
    """Return the operations on the tests' tables and functions."""
    fill(rest_schema)
    headers = {"apikey": rest_schema.secret_key}
    document = httpx.get(f"{rest_schema.url}/rest/v1/", headers=headers, timeout=60).json()
    # Any: an operation that cannot be read fails here.
    results: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    found = [result.ok() for result in results]
    return [
        each for each in found if "rest_" in each.path and each.path not in _MEANT_TO_FAIL | _SLOW
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_documented_request_causes_a_server_error(
    rest_schema: Target, operations: list[Any], data: st.DataObject
) -> None:
    operation = data.draw(st.sampled_from(operations))
    case = data.draw(operation.as_strategy())

    answer = case.call(
        base_url=f"{rest_schema.url}/rest/v1", headers={"apikey": rest_schema.secret_key}
    )

    assert answer.status_code < 500, (case, answer.text)
