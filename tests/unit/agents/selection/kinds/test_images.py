"""Each way in which an image can come to a task leads to a model that sees."""

from typing import Any

import pytest

from agents.errors import NoModel
from agents.orchestrator.tool_check import find_tool_needs
from agents.selection.choose import choose_model
from agents.selection.model_profiles import get_profile_cache
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from gateway.tasks.openai.chat_request import ChatCompletionRequest, build_chat_task
from gateway.tasks.openai.responses.request import ResponseRequest, build_response_task
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

CATALOGUE = Catalogue.load()
SERVED = tuple(CATALOGUE.models)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
QUESTION = "What is this?"


def turn(content: str, *urls: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content} | ({"attachments": list(urls)} if urls else {})


def completion(*parts: dict[str, Any]) -> dict[str, Any]:
    content = [{"type": "text", "text": QUESTION}, *parts]
    body = {"model": "auto", "messages": [{"role": "user", "content": content}]}
    task = build_chat_task(ChatCompletionRequest.model_validate(body), model=None)
    return dict(task.params)


def response(*parts: dict[str, Any]) -> dict[str, Any]:
    content = [{"type": "input_text", "text": QUESTION}, *parts]
    body = {"model": "auto", "input": [{"role": "user", "content": content}]}
    return dict(build_response_task(ResponseRequest.model_validate(body), model=None).params)


WAYS: dict[str, dict[str, Any]] = {
    "an address": {"attachments": ["https://example.org/a/cat.PNG?size=2"]},
    "a data URL": {"attachments": [PIXEL]},
    "an object of Storage": {"attachments": ["storage:photos/u/cat.webp"]},
    "a type": {"attachments": [{"url": "https://example.org/cat", "type": "image/*"}]},
    "a name": {"attachments": [{"url": "https://example.org/1", "name": "cat.jpg"}]},
    "an address that says nothing": {"attachments": ["https://example.org/1?sig=abc"]},
    "beside other files": {"attachments": ["data:text/plain,The%20cat.", PIXEL]},
    "a turn": {"messages": [turn(QUESTION, PIXEL)]},
    "an earlier turn": {
        "messages": [turn("Look", PIXEL), turn("Yes?", role="assistant"), turn("Why?")]
    },
    "image_url": completion({"type": "image_url", "image_url": {"url": "https://example.org/1"}}),
    "image_url with data": completion({"type": "image_url", "image_url": {"url": PIXEL}}),
    "input_image": response({"type": "input_image", "image_url": "https://example.org/1"}),
    "stated": {"task_requirements": {"modalities": ["image"]}},
    "a tool that shows images": {"tools": ["cogo:view_image"]},
}


def choose(prompt: str, params: dict[str, Any], policy: PolicyName, *served: str) -> str:
    needs = Requirements.from_task("CHAT", prompt, params)
    if find_tool_needs(params).sees:
        needs = needs.model_copy(update={"modalities": (*needs.modalities, "image")})
    wanted = SelectionRequest(needs=needs, policy=policy, served=served or SERVED, seed="1")
    return choose_model(wanted, CATALOGUE).selected.model_id


@pytest.mark.parametrize("policy", PolicyName)
@pytest.mark.parametrize("way", WAYS)
def test_an_image_goes_to_a_model_that_sees(way: str, policy: PolicyName) -> None:
    chosen = choose(QUESTION, WAYS[way], policy)

    assert "image" in (get_profile_cache(CATALOGUE).get(chosen).inputs or ())


@pytest.mark.parametrize("way", [each for each in WAYS if each != "a tool that shows images"])
def test_a_model_that_does_not_see_is_refused(way: str) -> None:
    needs = Requirements.from_task("CHAT", QUESTION, WAYS[way])
    blind = "fireworks/glm-5p3"

    with pytest.raises(NoModel, match="image"):
        choose_model(SelectionRequest(needs=needs, served=(blind,)), CATALOGUE)


@pytest.mark.parametrize(
    "prompt",
    [
        "What do you see in this picture? https://example.org/cat.png",
        "Describe the attached photo",
        "Was ist auf diesem Bild zu sehen?",
        "这张照片里有什么？",
    ],
)
def test_an_image_that_is_only_mentioned_goes_to_a_model_that_sees_if_one_is_there(
    prompt: str,
) -> None:
    blind, sees = "fireworks/glm-5p3", "gpt-4o-mini"

    assert choose(prompt, {}, PolicyName.RULES, blind, sees) == sees
    assert choose(prompt, {}, PolicyName.RULES, blind) == blind


def test_only_a_request_that_comes_with_an_image_is_about_it() -> None:
    later = [turn("Look", PIXEL), turn("A cat.", role="assistant"), turn("Translate it to French")]
    needs = Requirements.from_task("CHAT", "Look", {"messages": later})

    assert needs.kind == "translation"
    assert "image" in needs.modalities


def test_a_page_to_build_from_a_picture_is_code_for_a_model_that_sees() -> None:
    needs = Requirements.from_task(
        "CHAT", "Write a React component that looks like this screenshot", {"attachments": [PIXEL]}
    )

    assert needs.kind == "code-generation"
    assert "image" in needs.modalities
