"""No request causes a server error, or changes data that it does not name."""

import json
import string
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.rest.request.filters import OPERATORS, QUANTIFIED, TEXT_SEARCHES
from tests.contract.rest.conftest import fill
from tests.support.servers.contract_target import Target

_WRITES = ["POST", "PATCH", "PUT", "DELETE"]

_names = st.sampled_from(["id", "name", "tags", "data", "size", "rest_makers", "maker_id", "nope"])
_operators = st.sampled_from(sorted([*OPERATORS, *TEXT_SEARCHES, "in", "is", "x"])) | st.builds(
    lambda operator, modifier: f"{operator}({modifier})",
    st.sampled_from(sorted([*QUANTIFIED, *TEXT_SEARCHES])),
    st.sampled_from(["any", "all", "english", "nope", ""]),
)
_noise = st.text(alphabet=string.punctuation + "a1 \t\u00e9\0", max_size=8)
_operands = (
    st.sampled_from(
        ["1", "bolt", "{a}", "{1,2}", "[1,2)", "(a,b)", "null", '{"a":1}', "*", "'; --", "$1"]
    )
    | _noise
)
_paths = st.sampled_from(["", "->a", "->>a", "->0", "->a->>b"])
_fields = st.builds(lambda name, path: name + path, _names, _paths) | _noise
_filters = st.builds(
    lambda field, negation, operator, operand: (field, f"{negation}{operator}.{operand}"),
    _fields,
    st.sampled_from(["", "not."]),
    _operators,
    _operands,
)
_trees = st.lists(_filters.map(".".join), min_size=1, max_size=3).map(
    lambda conditions: ("or", f"({','.join(conditions)})")
)
_items = _fields | st.sampled_from(
    [
        "*",
        "rest_makers(name)",
        "rest_makers!inner(id)",
        "...rest_makers(*)",
        "...rest_labels(title)",
        "w:rest_widgets!parent_id(id,rest_labels(*))",
        "id::text",
        "x:tags::text[]",
    ]
)
_selects = st.lists(_items, max_size=3).map(lambda items: ("select", ",".join(items)))
_orders = st.builds(
    lambda field, suffix: ("order", field + suffix),
    _fields | st.just("rest_makers(name)"),
    st.sampled_from(["", ".desc", ".asc.nullsfirst", ".nope"]),
)
_limits = st.builds(lambda value: ("limit", str(value)), st.integers())
_embedded = st.builds(
    lambda pair, path: (f"{path}.{pair[0]}", pair[1]),
    _filters | _trees | _orders | _limits,
    st.sampled_from(["rest_makers", "w", "rest_labels", "w.rest_labels", "nope"]),
)
_pairs = st.lists(_filters | _trees | _selects | _orders | _limits | _embedded, max_size=5)
_prefers = st.lists(
    st.sampled_from(
        [
            "count=exact",
            "count=planned",
            "count=estimated",
            "return=representation",
            "return=headers-only",
            "resolution=merge-duplicates",
            "missing=default",
            "handling=strict",
            "max-affected=1",
            "timezone=UTC",
            "tx=rollback",
        ]
    )
    | _noise.filter(lambda text: text.isprintable() and text.isascii()),
    max_size=3,
).map(lambda values: ",".join(values).strip())
_bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names | _noise, inner),
    max_leaves=6,
) | st.binary(max_size=12)


@pytest.fixture(scope="module")
def blocking(rest_schema: Target) -> Iterator[httpx.Client]:
    """Return a client for all examples of Hypothesis."""
    fill(rest_schema)
    headers = {"apikey": rest_schema.secret_key}
    with httpx.Client(base_url=f"{rest_schema.url}/rest/v1", headers=headers, timeout=60) as client:
        yield client


_many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_many
@given(pairs=_pairs, prefer=_prefers)
def test_no_query_string_causes_a_server_error(
    blocking: httpx.Client, pairs: list[tuple[str, str]], prefer: str
) -> None:
    answer = blocking.get(
        "/rest_widgets", params=httpx.QueryParams(tuple(pairs)), headers={"Prefer": prefer}
    )

    # An operator that a type lacks is 42883, which PostgREST takes for an unknown function: 404.
    assert answer.status_code in {200, 206, 300, 400, 404, 416}, (pairs, answer.text)


@_many
@given(pairs=_pairs, prefer=_prefers, body=_bodies, method=st.sampled_from(_WRITES))
def test_no_write_causes_a_server_error_or_affects_another_table(
    blocking: httpx.Client, pairs: list[tuple[str, str]], prefer: str, body: object, method: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    params = httpx.QueryParams(tuple(pairs))

    answer = blocking.request(
        method,
        "/rest_labels",
        params=params,
        content=None if method == "DELETE" else content,
        headers={"Prefer": prefer, "Content-Type": "application/json"},
    )
    makers = blocking.get("/rest_makers?select=name,country&order=id").json()

    assert answer.status_code in {200, 201, 204, 300, 400, 404, 405, 409, 416}, (pairs, answer.text)
    assert makers == [{"name": "acme", "country": "ch"}, {"name": "zeta", "country": None}]


@_many
@given(body=_bodies)
def test_no_body_causes_a_server_error(blocking: httpx.Client, body: object) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    answer = blocking.post("/rpc/rest_echo", content=content)

    assert answer.status_code in {200, 400, 404}, (body, answer.text)
