"""What servers of open-weight models do with a request: refusals, dropped tools, limits."""

from dataclasses import replace
from typing import Final

from simulator.faults import LOADING, BrokenInfo, Effect, ServerHabit, TaggedThinking
from simulator.formats.base import StatusError
from simulator.local.call_texts import Writing
from simulator.local.models import ServedModel, find_model, find_writing
from simulator.local.taught import find_taught_tools
from simulator.planned import PlannedResponse, count_tokens
from simulator.request import LOCAL_VENDORS, CompletionRequest, Vendor

_REFUSING: Final = {Vendor.OLLAMA, Vendor.VLLM}
"""Those that refuse tools; the others drop them."""


def serve_as_vendor(
    request: CompletionRequest, effect: Effect | None
) -> tuple[CompletionRequest, Writing | None]:
    """Return the request as its server takes it, and how the model writes calls as text.

    Raises:
        StatusError: the server refuses the request.
    """
    if request.vendor not in LOCAL_VENDORS:
        return request, None
    model = find_model(request.vendor, request.model)
    _check_length(request, model)
    if effect is ServerHabit.IGNORES_CHOICE:
        request = replace(request, tool_choice="auto")
    if request.tools and (effect is ServerHabit.REFUSES_TOOLS or not model.calls_tools):
        if request.vendor in _REFUSING:
            raise StatusError(400, _write_refusal(request))
        request = replace(request, tools=())
    writing = find_writing(request.model)
    if not request.tools and (taught := find_taught_tools(request)):
        return replace(request, tools=taught), writing or Writing()
    return request, writing


def _check_length(request: CompletionRequest, model: ServedModel) -> None:
    """Raise `StatusError` for a prompt that does not fit. Ollama cuts it instead."""
    tokens = count_tokens(request.conversation.context) + count_tokens(request.prompt)
    if request.vendor is Vendor.OLLAMA or tokens <= model.context:
        return
    if request.vendor is Vendor.VLLM:
        raise StatusError(
            400,
            f"This model's maximum context length is {model.context} tokens. However, your request "
            f"has {tokens} input tokens. Please reduce the length of the input messages.",
        )
    raise StatusError(400, "the request exceeds the available context size, try increasing it")


def _write_refusal(request: CompletionRequest) -> str:
    if request.vendor is Vendor.OLLAMA:
        return f"registry.ollama.ai/library/{request.model} does not support tools"
    return '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'


def describe_trouble(broken: BrokenInfo) -> str:
    """Return the message of a server that cannot describe itself."""
    return "Loading model" if broken == LOADING else f"Simulated {broken.how}."


def tag_thinking(planned: PlannedResponse, how: TaggedThinking) -> PlannedResponse:
    """Return a response whose reasoning is in its text."""
    reasoning = planned.reasoning or "I was asked something, and answer it."
    before = {
        TaggedThinking.FORCED: f"{reasoning}\n</think>\n\n",
        TaggedThinking.TAGS: f"<think>\n{reasoning}\n</think>\n\n",
        TaggedThinking.UNCLOSED: f"<think>\n{reasoning}\n",
        TaggedThinking.EMPTY: "<think>\n\n</think>\n\n",
    }
    return replace(planned, reasoning="", text=before[how] + planned.text)


def write_parse_error(vendor: Vendor, text: str) -> str:
    """Return the message of a server that could not parse its model's calls, which it quotes."""
    if vendor is Vendor.OLLAMA:
        first = text.lstrip()[:1] or " "
        problem = f"invalid character '{first}' looking for beginning of value"
        return f"error parsing tool call: raw='{text}', err={problem}"
    return f"Failed to parse input at pos {len(text)}: {text}"
