"""Hostile requests below /v1: each is refused in OpenAI's shape, names the parameter, no row."""

import json
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.gateway.conftest import OpenGateway

JSON = {"Content-Type": "application/json"}
HELLO = {"role": "user", "content": "hello"}
DEEP = '{"not":' * 300 + "{}" + "}" * 300
LONE = "\\ud800"
CHAT: dict[str, tuple[str, str]] = {
    "a role": ('"messages": [{"role": "wizard", "content": "x"}]', "messages.0.role"),
    "content of a wrong type": (
        '"messages": [{"role": "user", "content": 5}]',
        "messages.0.content",
    ),
    "a part without a type": (
        '"messages": [{"role": "user", "content": [{"text": "x"}]}]',
        "messages.0.content.0.type",
    ),
    "too many messages": (
        f'"messages": [{",".join([json.dumps(HELLO)] * 50_000)}]',
        "messages",
    ),
    "too many tools": (
        '"tools": [' + ",".join(['{"type": "function", "function": {"name": "f"}}'] * 200) + "]",
        "tools",
    ),
    "a deep schema": (
        '"tools": [{"type": "function", "function": {"name": "f", "parameters": ' + DEEP + "}}]",
        "tools.0.function.parameters",
    ),
    "a deep choice": (f'"tool_choice": {DEEP}', "tool_choice"),
    "half a character in a schema": (
        '"tools": [{"type": "function", "function": {"name": "f", "parameters": {"title": "'
        + LONE
        + '"}}}]',
        "tools.0.function.parameters",
    ),
    "an endless number": (
        '"response_format": {"type": "json_schema", "json_schema": {"schema": {"const": 1e999}}}',
        "response_format",
    ),
    "a call id that is too long": (
        '"messages": [{"role": "tool", "content": "x", "tool_call_id": "' + "i" * 20_000 + '"}]',
        "messages.0.tool_call_id",
    ),
    "several answers": ('"n": 3', "n"),
    "probabilities": ('"logprobs": true', "logprobs"),
    "an unknown parameter": ('"frobnicate": 1', "frobnicate"),
    "a huge number": ('"max_tokens": 99999999999999999999999999', "max_tokens"),
}
RESPONSES: dict[str, tuple[str, str]] = {
    "a strange item": ('"input": [{"type": "sculpture"}]', "input.0"),
    "an item that is none": ('"input": [7]', "input.0"),
    "input of a wrong type": ('"input": 7', "input"),
    "too many items": (f'"input": [{",".join([json.dumps(HELLO)] * 50_000)}]', "input"),
    "a deep setting": (f'"text": {{"verbosity": {DEEP}}}', "text"),
    "a deep effort": (f'"reasoning": {{"summary": {DEEP}}}', "reasoning"),
    "a schema that is none": (
        '"text": {"format": {"type": "json_schema", "schema": {"type": "strange"}}}',
        "text.format.schema",
    ),
    "a response of nobody": ('"previous_response_id": "resp_1"', "previous_response_id"),
    "an unknown parameter": ('"n": 2', "n"),
}


async def test_each_hostile_request_is_refused_by_name_and_leaves_no_row(
    opened: OpenGateway,
) -> None:
    async with opened(answer_timeout=timedelta(seconds=2)) as client:
        for path, needed, cases in (
            ("/v1/chat/completions", '"messages": [{"role": "user", "content": "x"}]', CHAT),
            ("/v1/responses", '"input": "x"', RESPONSES),
        ):
            for what, (fields, parameter) in cases.items():
                first = fields.partition(":")[0]
                given = fields if needed.startswith(first) else f"{needed}, {fields}"
                body = f'{{"model": "auto", {given}}}'
                answer = await client.post(path, content=body, headers=JSON)
                assert answer.status_code in {400, 404}, (what, answer.text[:500])
                error = answer.json()["error"]
                assert error["param"] == parameter, (what, error)
                assert set(error) == {"message", "type", "param", "code"}
                assert error["type"] == "invalid_request_error"
                assert len(answer.content) < 5_000, what
        assert (await client.get("/tasks")).json()["tasks"] == []


KEYS = ["type", "role", "content", "text", "function", "name", "parameters", "tool_calls"]
KEYS += ["id", "call_id", "output", "url", "image_url", "file"]
TEXTS = st.sampled_from(["auto", "none", "", "f", "a" * 300, "\x00", "function", "user", "data:,"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(-1e9, 1e9) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "function", "name", "parameters"])
            | st.sampled_from(
                ["tool_calls", "id", "call_id", "output", "url", "image_url", "file"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
NAMES = ["tools", "tool_choice", "response_format", "stream_options", "stop", "metadata", "text"]
NAMES += ["reasoning", "include", "cogo_tools", "web_search_options", "modalities", "messages"]
NAMES += ["input", "instructions", "max_tokens", "logit_bias", "previous_response_id"]
"""A mistake is added to each, so that no task is begun, for which nobody would answer."""


async def test_no_request_is_a_defect_of_the_gateway(opened: OpenGateway) -> None:
    bodies: list[Any] = []

    @settings(
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=4))
    def collect(body: Any) -> None:
        bodies.append(body)

    collect()
    async with opened(requests_per_minute=10**9, answer_timeout=timedelta(seconds=2)) as client:
        for body in bodies:
            for path, wrong in (
                ("/v1/chat/completions", {"n": 2, "messages": [HELLO]}),
                ("/v1/responses", {"previous_response_id": "resp_1", "input": "x"}),
            ):
                answer = await client.post(path, json={"model": "auto"} | wrong | body | {"n": 2})
                assert answer.status_code in {400, 404}, (body, answer.text)
                assert answer.json()["error"]["message"]


async def test_errors_and_headers_below_v1_are_those_that_openai_s_clients_read(
    opened: OpenGateway,
) -> None:
    async with opened(requests_per_minute=5, body_bytes=1_000, is_keyless=False) as client:
        large = await client.post("/v1/responses", content=b"x" * 2_000, headers=JSON)
        keyless = await client.get("/v1/models")
    async with opened(requests_per_minute=5) as client:
        missing = await client.get("/v1/nowhere")
        wrong = await client.delete("/v1/models")
        unknown = await client.get("/v1/models/none/such")
        listed = await client.get("/v1/models")
        stopped = [await client.get("/v1/models") for _ in range(6)][-1]

    for answer, status, kind, code in (
        (large, 413, "invalid_request_error", "too_large"),
        (keyless, 401, "authentication_error", "unauthenticated"),
        (missing, 404, "invalid_request_error", "not_found"),
        (wrong, 405, "invalid_request_error", "method_not_allowed"),
        (unknown, 404, "invalid_request_error", "model_not_found"),
        (stopped, 429, "rate_limit_error", "rate_limited"),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"]) == (status, kind, code)
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["openai-processing-ms"].isdigit()
    assert listed.json()["data"][0]["id"] == "auto"
    names = ("limit", "remaining", "reset")
    told = [
        [each.headers[f"x-ratelimit-{name}-requests"] for name in names]
        for each in (listed, stopped)
    ]
    assert told[0][0] == told[1][0] == "5"
    assert (told[0][1] in "12345", told[1][1]) == (True, "0")
    assert told[0][2].endswith("s")
    assert 0 < float(told[1][2][:-1]) <= 60
    assert int(stopped.headers["retry-after"]) >= 1
