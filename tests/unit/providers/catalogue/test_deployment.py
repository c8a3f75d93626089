from dataclasses import replace
from typing import get_args

import pytest

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment, list_supported_parameters
from providers.catalogue.schema import (
    DEFAULT_OUTPUT_TOKENS,
    DeploymentEntry,
    Model,
    Provider,
    RequestDialect,
)
from providers.chat import (
    Attachment,
    ChatRequest,
    Effort,
    Message,
    NamedTool,
    TextCalls,
    Tool,
    ToolChoice,
)
from providers.errors import NotSupported


def a_deployment(**facts: object) -> Deployment:
    entry = DeploymentEntry(provider="fireworks", model="accounts/fireworks/models/m")
    fields = {"id": "m", "name": "M", "maker": "DeepSeek AI", "deployments": (entry,), **facts}
    return Deployment(
        model=Model.model_validate(fields),
        entry=entry,
        host=Provider(id="fireworks", name="Fireworks", adapter="fireworks"),
        base_url="https://a.example",
    )


def a_request(**changes: object) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)  # type: ignore[arg-type]  # a builder's shorthand


def test_the_providers_own_id_is_what_is_sent() -> None:
    request, notes = a_deployment().fit_request(a_request())

    assert request.model == "accounts/fireworks/models/m"
    assert notes == ()


@pytest.mark.parametrize("effort", get_args(Effort))
@pytest.mark.parametrize("reasoning", ["none", "optional", "default-on", "always", None])
def test_an_effort_is_only_sent_to_models_that_take_it(
    effort: Effort, reasoning: str | None
) -> None:
    request, notes = a_deployment(reasoning=reasoning).fit_request(
        a_request(reasoning_effort=effort)
    )

    takes_it = reasoning in {"optional", "default-on"} or (
        reasoning == "always" and effort != "none"
    )
    assert (request.reasoning_effort == effort) is takes_it
    assert bool(notes) is not takes_it


def test_no_effort_is_sent_unasked() -> None:
    request, notes = a_deployment(reasoning="default-on").fit_request(a_request())

    assert request.reasoning_effort is None
    assert notes == ()


def test_a_limit_above_the_models_own_is_lowered_with_a_note() -> None:
    deployment = a_deployment(max_output_tokens=100)

    assert deployment.fit_request(a_request(max_output_tokens=50))[1] == ()
    request, notes = deployment.fit_request(a_request(max_output_tokens=500))
    assert request.max_output_tokens == 100
    assert "100" in notes[0]


@pytest.mark.parametrize(
    ("limit", "sent"),
    [(100, 100), (DEFAULT_OUTPUT_TOKENS["fireworks"], None), (1_000_000, None), (None, None)],
)
def test_default_parameters_of_an_adapter_never_exceed_the_model(
    limit: int | None, sent: int | None
) -> None:
    request, notes = a_deployment(max_output_tokens=limit).fit_request(a_request())

    assert request.max_output_tokens == sent
    assert notes == ()  # nobody asked for more


def test_parameters_that_a_model_refuses_are_dropped_with_a_note() -> None:
    deployment = a_deployment(unsupported=("temperature", "top_p", "stop"))

    request, notes = deployment.fit_request(a_request(temperature=0.2, stop=("END",)))

    assert (request.temperature, request.top_p, request.stop) == (None, None, ())
    assert [note.split()[0] for note in notes] == ["temperature", "stop"]


def test_the_maker_is_named_before_the_platform() -> None:
    assert a_deployment().made_by == "DeepSeek AI (via Fireworks)"
    assert a_deployment(maker="Fireworks").made_by == "Fireworks"


WEATHER = Tool(name="get_weather", description="The weather of a city", parameters={})


@pytest.mark.parametrize("effort", [None, *get_args(Effort)[1:]])
def test_reasoning_is_off_with_tools_for_a_model_that_cannot_do_both(effort: Effort | None) -> None:
    deployment = a_deployment(reasoning="optional", tools=True, tools_while_reasoning=False)

    with_tools, notes = deployment.fit_request(a_request(tools=(WEATHER,), reasoning_effort=effort))
    without, no_notes = deployment.fit_request(a_request(reasoning_effort=effort))

    assert with_tools.reasoning_effort == "none"  # its default effort would be refused, too
    [note] = notes
    assert effort is None or f"reasoning_effort {effort}" in note
    assert (without.reasoning_effort, no_notes) == (effort, ())


def test_an_effort_stays_beside_tools_where_nothing_speaks_against_it() -> None:
    asked = a_request(tools=(WEATHER,), reasoning_effort="high")

    assert (
        a_deployment(reasoning="optional", tools=True).fit_request(asked)[0].reasoning_effort
        == "high"
    )


def test_a_model_that_cannot_stop_reasoning_for_tools_takes_none() -> None:
    deployment = a_deployment(reasoning="always", tools=True, tools_while_reasoning=False)
    model = deployment.model

    with pytest.raises(NotSupported, match="M does not call tools"):
        deployment.fit_request(a_request(tools=(WEATHER,)))
    assert model.takes_tools is False
    assert list_supported_parameters(model, "openai_compatible")["tools"] == "no"


@pytest.mark.parametrize("name", ["gpt-6-astra", "gpt-6.1-sol", "gpt-6.2-astra", "gpt-6.2-sol"])
def test_openais_models_call_tools_while_they_reason_by_the_responses_api(name: str) -> None:
    catalogue = Catalogue.load()

    assert catalogue.get_model(name).takes_tools is True
    assert catalogue.providers["openai"].wire.api == "responses"


PICTURE = Attachment(media_type="image/png", data=b"x")
PAPER = Attachment(media_type="application/pdf", data=b"x")
NOTES = Attachment(media_type="text/plain", data=b"x")


@pytest.mark.parametrize(
    ("attachment", "inputs", "missing"),
    [
        (PICTURE, ("text",), "does not see images"),
        (PAPER, ("text", "image"), "does not read PDF files"),
        (PICTURE, ("text", "image"), None),
        (NOTES, ("text",), None),
        (PICTURE, None, None),
    ],
)
def test_a_file_that_the_model_cannot_read_is_refused_before_anything_is_sent(
    attachment: Attachment, inputs: tuple[str, ...] | None, missing: str | None
) -> None:
    facts = {} if inputs is None else {"inputs": inputs}
    request = a_request(messages=(Message(role="user", content="", attachments=(attachment,)),))

    if missing is None:
        assert a_deployment(**facts).fit_request(request)[1] == ()
        return
    with pytest.raises(NotSupported, match=missing):
        a_deployment(**facts).fit_request(request)


@pytest.mark.parametrize("choice", ["required", NamedTool("get_weather"), "none", "auto"])
def test_a_model_that_cannot_be_forced_to_call_a_tool_decides_by_itself(
    choice: ToolChoice,
) -> None:
    asked = a_request(tools=(WEATHER,), tool_choice=choice)

    request, notes = a_deployment(forced_tools=False).fit_request(asked)

    is_forced = choice not in {"auto", "none"}
    assert request.tool_choice == ("auto" if is_forced else choice)
    assert bool(notes) is is_forced
    name = "get_weather" if isinstance(choice, NamedTool) else "at least one tool"
    assert (name in (request.system or "")) is is_forced
    assert a_deployment().fit_request(asked)[0].tool_choice == choice


def test_a_schema_for_a_model_that_takes_none_becomes_an_instruction() -> None:
    asked = a_request(response_schema={"type": "object"}, system="Be brief")

    request, [note] = a_deployment(structured_output=False).fit_request(asked)

    assert request.response_schema is None
    assert request.system == (
        "Be brief\n\nAnswer with one JSON object, without any other text, "
        'that follows this JSON Schema: {"type": "object"}'
    )
    assert "instruction" in note


def test_a_search_is_only_asked_of_models_that_search() -> None:
    catalogue = Catalogue.load()
    request = a_request(web_search=True)

    with pytest.raises(NotSupported, match="does not search the web at Fireworks"):
        a_deployment().fit_request(request)
    for name, is_sent, is_noted in (
        ("claude-sonnet-5-5", True, False),
        ("gpt-6-luna", True, False),
        ("gemini-3.8-flash", True, False),
        ("xai/grok-4.7", True, False),
        ("perplexity/sonar", False, True),
    ):
        model = catalogue.get_model(name)
        entry = model.deployments[0]
        host = catalogue.providers[entry.provider]
        fitted, notes = Deployment(model=model, entry=entry, host=host, base_url="").fit_request(
            request
        )
        assert fitted.web_search is is_sent
        assert any("price of a web search" in note for note in notes) is is_noted


@pytest.mark.parametrize(
    ("is_open", "tools", "expected"),
    [
        (False, None, None),
        (True, None, TextCalls()),
        (True, True, TextCalls()),
        (True, False, TextCalls(tool_mode="text")),
    ],
)
def test_calls_in_the_text_are_only_read_where_servers_leave_them_there(
    *, is_open: bool, tools: bool | None, expected: TextCalls | None
) -> None:
    host = Provider(
        id="v", name="V", adapter="openai_compatible", wire=RequestDialect(text_calls=is_open)
    )
    deployment = replace(a_deployment(tools=tools), host=host)
    tool = Tool(name="a", description="", parameters={})

    request, notes = deployment.fit_request(a_request(tools=(tool,)))

    assert request.text_calls == expected
    assert notes == ()


@pytest.mark.parametrize(
    ("base_url", "masks"),
    [
        ("http://127.0.0.1:11434/v1", False),
        ("http://localhost:11434", False),
        ("http://[::1]:11434", False),
        ("http://10.0.0.5:11434/v1", True),
        ("http://127.0.0.1.example:11434", True),
        ("http://127.0.0.1@models.example", True),
        ("http://[nonsense", True),
    ],
)
def test_keys_in_prompts_are_masked_unless_the_server_is_on_this_machine(
    base_url: str, masks: bool
) -> None:
    host = Catalogue.load().providers["ollama"]

    assert replace(a_deployment(), host=host, base_url=base_url).masks_keys is masks
