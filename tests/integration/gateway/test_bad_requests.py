"""Bad requests, each answered with a sentence and a 4xx."""

import json

import pytest

from gateway.problems import Problem
from gateway.strict_json import read_strict_json
from tests.integration.gateway.conftest import OpenEdge, OpenGateway
from tests.support.eventually import eventually, fail_on_hang

JSON = {"Content-Type": "application/json"}
DIGITS = b"9" * 5_000

BODIES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"hello", "not JSON: Expecting value at character 0"),
    "half": (b'{"prompt": "x"', "not JSON"),
    "bad UTF-8": (b'{"prompt": "\xff"}', "not UTF-8"),
    "NaN": (b'{"prompt": "x", "params": {"a": NaN}}', "NaN, which is not a JSON number"),
    "infinity": (b'{"prompt": "x", "budget_usd": -Infinity}', "-Infinity"),
    "twice": (b'{"prompt": "x", "prompt": "y"}', "'prompt' twice"),
    "twice below": (b'{"prompt": "x", "params": {"a": 1, "a": 2}}', "'a' twice"),
    "digits": (b'{"prompt": "x", "priority": ' + DIGITS + b"}", "too many digits"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "overflow": (b'{"prompt": "x", "params": {"a": 1e400}}', "params"),
    "lone surrogate": (b'{"prompt": "\\ud800"}', "prompt"),
    "no such day": (b'{"prompt": "x", "deadline": "2026-02-30T00:00:00Z"}', "deadline"),
    "an offset out of range": (b'{"prompt": "x", "deadline": "0001-01-01T00:00+23:59"}', "range"),
    "a time without a name": (b'{"prompt": "x", "run_at": "soon"}', "run_at"),
    "a list": (b"[]", "the body must be a JSON object"),
    "nothing": (b"", "the body must be a JSON object"),
}


async def test_a_body_that_cannot_be_read_is_refused_in_a_sentence(opened: OpenGateway) -> None:
    async with opened() as client:
        for name, (body, said) in BODIES.items():
            answer = await client.post("/tasks", content=body, headers=JSON)
            assert 400 <= answer.status_code < 500, name
            assert said in answer.json()["detail"], name
            assert "Error" not in answer.text, name  # no exception's name

            for path in ("/v1/chat/completions", "/api/models/select", "/swarm/execute"):
                other = await client.post(path, content=body, headers=JSON)
                assert 400 <= other.status_code < 500, (name, path)
                assert "Error" not in other.text, (name, path)
        assert (await client.get("/tasks")).json()["tasks"] == []


async def test_an_origin_that_is_none_is_refused(opened: OpenGateway) -> None:
    async with opened() as client:
        for origin in ("http://[::1", "null", "\\", "http://%zz"):
            answer = await client.get("/tasks", headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused"), origin


async def test_a_socket_that_is_sent_nonsense_says_what_is_wrong(opened_edge: OpenEdge) -> None:
    sent = [{"type": "websocket.connect"}]
    nonsense = ("{", '{"a": 1, "a": 2}', '{"message": "x"}')
    sent += [{"type": "websocket.receive", "text": text} for text in nonsense]
    sent += [{"type": "websocket.receive", "bytes": b"x"}]  # type: ignore[dict-item]
    said: list[dict[str, str]] = []

    def answers() -> list[dict[str, str]]:
        return [each for each in said if "text" in each]

    async def receive() -> dict[str, str]:
        if "bytes" in sent[0]:
            await eventually(lambda: len(answers()) == len(nonsense))
        return sent.pop(0)

    async def send(message: dict[str, str]) -> None:
        said.append(message)

    scope = {"type": "websocket", "path": "/ws/swarm", "query_string": b"", "subprotocols": []}
    scope |= {"headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1)}
    async with opened_edge() as edge:
        await edge(scope, receive, send)  # type: ignore[arg-type]

    told = [json.loads(each["text"])["error"]["detail"] for each in answers()]
    assert said[-1]["type"] == "websocket.close"
    assert str(said[-1]["code"]) == "1003"
    assert all("cannot be read" in each for each in told[:2])
    assert told[2] == "swarm_id: Field required"


def test_a_repeated_name_is_found_in_linear_time() -> None:
    names = ",".join(f'"{number}": 1' for number in range(300_000))

    with fail_on_hang(), pytest.raises(Problem, match="'last' twice"):
        read_strict_json(f'{{{names}, "last": 1, "last": 2}}')


def test_names_in_different_objects_may_be_the_same() -> None:
    assert read_strict_json('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]
    with pytest.raises(Problem, match="twice"):
        read_strict_json('[{"b": {"a": 1, "a": 1}}]')
