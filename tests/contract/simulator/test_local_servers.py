"""Servers of open-weight models, with the failures that their users know."""

import asyncio
import json
from typing import Any

import httpx
import pytest

TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}
PROMPT = 'look {"x": 2}'
TAUGHT = f"Call tools so: <tool_use>\\ntool_name: N\\n</tool_use>. Tools: {json.dumps([TOOL])}"


def messages(prompt: str = PROMPT, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": prompt}, *more]


async def chat(client: httpx.AsyncClient, prompt: str = PROMPT, **fields: Any) -> httpx.Response:
    """Ask Ollama."""
    body = {"model": "qwen3:8b", "messages": messages(prompt), "stream": False, "think": False}
    return await client.post("/ollama/api/chat", json=body | fields)


async def complete(client: httpx.AsyncClient, server: str, **fields: Any) -> httpx.Response:
    """Ask a server for a chat completion."""
    body = {"model": "some-model", "messages": messages()}
    return await client.post(f"/{server}/v1/chat/completions", json=body | fields)


async def test_ollama_streams_lines_with_whole_calls_and_counts(control: httpx.AsyncClient) -> None:
    response = await chat(control, tools=[TOOL], stream=True, think=True)

    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    called = [line["message"]["tool_calls"] for line in lines if "tool_calls" in line["message"]]
    assert called == [[{"function": {"name": "look", "arguments": {"x": 2}}}]]
    assert any(line["message"].get("thinking") for line in lines)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    last = lines[-1]
    assert last["done_reason"] == "stop"
    assert last["prompt_eval_count"] > 0
    assert last["eval_count"] > 0


async def test_ollama_forgets_what_its_context_does_not_hold_and_says_nothing(
    control: httpx.AsyncClient,
) -> None:
    long = [{"role": "user", "content": "x" * 30_000}, {"role": "assistant", "content": "yes"}]
    fields: dict[str, Any] = {"messages": [*long, *messages("hello")]}

    small = (await chat(control, **fields)).json()
    large = (await chat(control, **fields, options={"num_ctx": 16_384})).json()
    again = (await chat(control, **fields, options={"num_ctx": 16_384})).json()

    assert small["prompt_eval_count"] < 10
    assert large["prompt_eval_count"] > 7500
    # Another context means that the model is loaded again.
    assert large["load_duration"] > again["load_duration"]
    [loaded] = (await control.get("/ollama/api/ps")).json()["models"]
    assert (loaded["name"], loaded["context_length"]) == ("qwen3:8b", 16_384)
    refused = await chat(control, **fields, truncate=False)
    assert refused.status_code == 400
    assert json.loads(refused.json()["error"])["error"]["n_prompt_tokens"] > 7500


async def test_ollama_shows_what_its_models_can_do(control: httpx.AsyncClient) -> None:
    tags = (await control.get("/ollama/api/tags")).json()["models"]
    names = [model["name"] for model in tags]

    shown = {
        name: (await control.post("/ollama/api/show", json={"model": name})).json()
        for name in names
    }

    assert shown["qwen3:8b"]["capabilities"] == ["completion", "tools", "thinking"]
    assert shown["gemma3:4b"]["capabilities"] == ["completion", "vision"]
    assert shown["nomic-embed-text:latest"]["capabilities"] == ["embedding"]
    assert shown["qwen3:8b"]["model_info"]["qwen3.context_length"] == 40_960
    assert "{{ .Function.Arguments }}" in shown["llama3.1:8b"]["template"]
    listed = (await control.get("/ollama/v1/models")).json()["data"]
    assert [row["id"] for row in listed] == names
    assert (await control.get("/ollama/api/version")).json()["version"]


async def test_ollama_pulls_and_deletes_models(control: httpx.AsyncClient) -> None:
    name = "not-pulled:1b"
    missing = await chat(control, model=name)
    assert (missing.status_code, missing.json()) == (404, {"error": f"model '{name}' not found"})

    pulled = await control.post("/ollama/api/pull", json={"model": name})

    lines = [json.loads(line) for line in pulled.text.splitlines()]
    assert lines[0] == {"status": "pulling manifest"}
    assert lines[-1] == {"status": "success"}
    assert any(line.get("completed") == line.get("total") for line in lines if "total" in line)
    assert (await chat(control, model=name)).status_code == 200
    removed = await control.request("DELETE", "/ollama/api/delete", json={"model": name})
    assert removed.status_code == 200
    assert (await chat(control, model=name)).status_code == 404
    unknown = await control.post("/ollama/api/pull", json={"model": "no-such-model"})
    assert "file does not exist" in unknown.text


@pytest.mark.parametrize(
    ("server", "model", "words"),
    [
        ("ollama", "gemma3:4b", "gemma3:4b does not support tools"),
        ("ollama", "no-tools:8b", "no-tools:8b does not support tools"),
        ("vllm", "no-tools", "requires --enable-auto-tool-choice"),
    ],
)
async def test_tools_are_refused_with_the_words_of_the_vendor(
    control: httpx.AsyncClient, server: str, model: str, words: str
) -> None:
    refused = await complete(control, server, model=model, tools=[TOOL])

    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]


@pytest.mark.parametrize("server", ["llamacpp/plain", "llamacpp", "lmstudio"])
async def test_tools_are_dropped_without_a_word_where_the_template_has_none(
    control: httpx.AsyncClient, server: str
) -> None:
    answer = await complete(control, server, model="no-tools", tools=[TOOL], tool_choice="required")

    message = answer.json()["choices"][0]["message"]
    assert "tool_calls" not in message
    assert message["content"]


@pytest.mark.parametrize("server", ["llamacpp/plain", "ollama", "vllm"])
async def test_a_model_that_is_taught_tools_writes_calls_and_reads_results(
    control: httpx.AsyncClient, server: str
) -> None:
    system = {"role": "system", "content": TAUGHT}
    first = await complete(control, server, messages=[system, *messages()])
    text = first.json()["choices"][0]["message"]["content"]
    assert text == '<tool_use>\ntool_name: look\narguments: {"x": 2}\n</tool_use>'

    turns: list[dict[str, Any]] = [
        {"role": "assistant", "content": text},
        {"role": "user", "content": "<tool_result name=look>\nclear\n</tool_result>"},
    ]
    after = await complete(control, server, messages=[system, *messages(PROMPT, *turns)])

    assert "clear" in after.json()["choices"][0]["message"]["content"]


async def test_a_call_that_was_not_run_is_made_again(control: httpx.AsyncClient) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{"}}
    turns: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "The tool look was not run:\nno JSON"},
    ]

    again = await complete(control, "vllm", messages=messages(PROMPT, *turns), tools=[TOOL])

    [made] = again.json()["choices"][0]["message"]["tool_calls"]
    assert json.loads(made["function"]["arguments"]) == {"x": 2}
    turns += [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "clear"},
    ]
    after = await complete(control, "vllm", messages=messages(PROMPT, *turns), tools=[TOOL])
    text = after.json()["choices"][0]["message"]["content"]
    assert "clear" in text
    assert "not run" not in text
    # A schema of calls is followed, also when all calls were made.
    call_schema = {"properties": {"tool_name": {"const": "look"}, "arguments": {}}}
    shape = {"type": "json_schema", "json_schema": {"name": "call", "schema": call_schema}}
    forced = await complete(
        control, "vllm", messages=messages(PROMPT, *turns), response_format=shape
    )
    made = json.loads(forced.json()["choices"][0]["message"]["content"])
    assert made == {"tool_name": "look", "arguments": {"x": 2}}


@pytest.mark.parametrize(
    ("server", "words"),
    [("ollama", "error parsing tool call: raw='"), ("llamacpp", "Failed to parse input at pos")],
)
async def test_a_server_that_cannot_parse_a_call_quotes_it(
    control: httpx.AsyncClient, server: str, words: str
) -> None:
    prompt = f"{PROMPT} [[fault:parse-error=hermes flaw=malformed]]"

    failed = await complete(control, server, messages=messages(prompt), tools=[TOOL])

    assert failed.status_code == 500
    message = failed.json()["error"]["message"]
    assert words in message
    assert '<tool_call>\n{"name": "look"' in message


async def test_the_stream_of_a_server_may_end_with_its_parse_error(
    control: httpx.AsyncClient,
) -> None:
    prompt = f"{PROMPT} [[fault:parse-error=hermes after=0]]"
    fields: dict[str, Any] = {"messages": messages(prompt), "tools": [TOOL], "stream": True}

    native = await chat(control, prompt, **fields)
    events = await complete(control, "llamacpp", **fields)

    assert "error parsing tool call" in json.loads(native.text.splitlines()[-1])["error"]
    last = events.text.strip().rpartition("data: ")[2]
    assert "Failed to parse input" in json.loads(last)["error"]["message"]


async def test_the_wrong_parser_leaves_calls_in_the_text(control: httpx.AsyncClient) -> None:
    prompt = f"{PROMPT} [[fault:text-calls=mistral]]"

    answer = await complete(control, "vllm", messages=messages(prompt), tools=[TOOL])

    content = answer.json()["choices"][0]["message"]["content"]
    assert content == '[TOOL_CALLS] [{"name": "look", "arguments": {"x": 2}}]'


@pytest.mark.parametrize(
    ("how", "begin", "inside"),
    [
        ("forced", "I was asked", "\n</think>\n\n"),
        ("tags", "<think>\n", "\n</think>\n\n"),
        ("empty", "<think>\n\n</think>\n\n", ""),
    ],
)
async def test_reasoning_may_be_tagged_in_the_text(
    control: httpx.AsyncClient, how: str, begin: str, inside: str
) -> None:
    answer = await chat(control, f"[[say:yes]] [[fault:thinking={how}]]")

    content = answer.json()["message"]["content"]
    assert content.startswith(begin)
    assert inside in content
    assert content.endswith("yes")


async def test_llamacpp_describes_its_one_model(control: httpx.AsyncClient) -> None:
    props = (await control.get("/llamacpp/props")).json()
    plain = (await control.get("/llamacpp/plain/props")).json()

    assert props["default_generation_settings"]["n_ctx"] == 16_384
    assert "tool_call.name" in props["chat_template"]
    assert props["chat_template_caps"]["supports_tools"] is True
    assert plain["chat_template_caps"]["supports_tools"] is False
    [row] = (await control.get("/llamacpp/v1/models")).json()["data"]
    assert row["id"] == props["model_path"]
    assert row["id"].startswith("/")
    assert (await control.get("/llamacpp/health")).json() == {"status": "ok"}


async def test_llamacpp_closes_its_connection_after_a_stream_without_a_word(simulator: str) -> None:
    address = httpx.URL(simulator)
    body = json.dumps({"model": "m", "messages": messages("hi"), "stream": True}).encode()
    head = f"POST /llamacpp/v1/chat/completions HTTP/1.1\r\nHost: {address.host}\r\n"
    reader, writer = await asyncio.open_connection(address.host, address.port)

    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    async with asyncio.timeout(20):
        response = await reader.read()  # ends only when the server closes

    assert b"connection: close" not in response.lower()
    assert b"data: [DONE]" in response
    writer.close()


async def test_prompts_that_do_not_fit_are_refused(control: httpx.AsyncClient) -> None:
    long = messages("x" * 80_000)

    llamacpp = await complete(
        control, "llamacpp", messages=long, model="/srv/models/Qwen3-8B-Q4_K_M.gguf"
    )
    vllm = await complete(control, "vllm", messages=long, model="ctx4k")

    assert llamacpp.json()["error"]["type"] == "exceed_context_size_error"
    assert "maximum context length is 4096 tokens" in vllm.json()["error"]["message"]


async def test_vllm_and_lmstudio_list_what_their_models_take(control: httpx.AsyncClient) -> None:
    [row] = (await control.get("/vllm/v1/models")).json()["data"]
    models = (await control.get("/lmstudio/api/v1/models")).json()["models"]

    assert (row["owned_by"], row["max_model_len"]) == ("vllm", 40_960)
    by_key = {model["key"]: model for model in models}
    qwen = by_key["qwen/qwen3-8b"]
    assert qwen["capabilities"]["trained_for_tool_use"] is True
    assert qwen["loaded_instances"][0]["config"]["context_length"] == 8192
    assert by_key["google/gemma-3-4b"]["capabilities"]["trained_for_tool_use"] is False


async def test_descriptions_fail_as_scheduled(control: httpx.AsyncClient) -> None:
    async def schedule(*specs: str) -> None:
        faults = [{"spec": spec, "vendor": "llamacpp"} for spec in specs]
        response = await control.post("/_simulator/faults", json={"faults": faults})
        assert response.is_success

    await schedule("loading")
    health = await control.get("/llamacpp/health")
    asked = await complete(control, "llamacpp")
    await schedule("info=404")
    props = await control.get("/llamacpp/props")
    answered = await complete(control, "llamacpp")
    await schedule("info=bad-json times=1")
    broken = await control.get("/llamacpp/props")
    mended = await control.get("/llamacpp/props")

    assert (health.status_code, asked.status_code) == (503, 503)
    assert health.json()["error"]["message"] == "Loading model"
    assert (props.status_code, answered.status_code) == (404, 200)
    with pytest.raises(ValueError, match="line 1"):
        broken.json()
    assert mended.json()
