"""What a server's error says about the request, and the form in which to send it instead."""

import re
from dataclasses import dataclass, replace
from typing import Final

from providers.adapters.refusals import refuses_schema
from providers.chat import ChatRequest
from providers.errors import AuthenticationFailed, CallFailed, MalformedResponse, RateLimited

_TOOLS: Final = re.compile(
    r"tool choice requires|requires? --(?:enable-auto-tool-choice|tool-call-parser|jinja)"
    r"|unsupported param(?:eter)?s?:? *['\"`]?tool|tools? param\w* (?:is|are) not"
    r"|(?:tools?|functions?|tool use|(?:tool|function)[- _]call(?:s|ing)?)\b[^.\n]{0,60}"
    r"\b(?:not|n't|un)\s*(?:be )?(?:support|available|enabled|allowed|implemented)"
    r"|(?:not|n't) (?:currently )?support[^.\n]{0,40}\b(?:tool|function)(?:s|[- _]call)",
    re.IGNORECASE,
)
"""Messages of servers that take no tools, for this model or at all."""
_TEMPLATE: Final = re.compile(
    r"raise_exception|at row \d+, column \d+|\bjinja|chat[_ ]?template|template error"
    r"|roles? must alternate|roles? (?:is |are )?(?:not |un)supported|roles are supported",
    re.IGNORECASE,
)
"""Messages of chat templates that do not render the turns, or some role among them."""
_STATUSES: Final = frozenset({400, 404, 415, 422, 500, 501})


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which a request is sent."""

    in_text: bool = False
    """Whether tools are taught in the instructions, and calls and results are text."""
    takes_schemas: bool = True
    folds_system: bool = False
    """Whether the instructions are a part of the first turn."""


def choose_next_form(error: CallFailed, form: Form, request: ChatRequest) -> Form | None:
    """Return the form in which to send a request after a refusal, before any token; or None."""
    has_tools = bool(request.tools) or any(
        each.tool_calls or each.role == "tool" for each in request.messages
    )
    message = error.vendor_message or ""
    if isinstance(error, MalformedResponse):
        is_lost = error.lost is not None and has_tools and not form.in_text
        return replace(form, in_text=True) if is_lost else None
    if error.status not in _STATUSES or isinstance(error, AuthenticationFailed | RateLimited):
        return None
    is_about_template = _TEMPLATE.search(message) is not None
    if has_tools and not form.in_text and (is_about_template or _TOOLS.search(message)):
        return replace(form, in_text=True)
    if form.in_text and form.takes_schemas and refuses_schema(error):
        return replace(form, takes_schemas=False)
    has_system = form.in_text or request.system is not None
    if has_system and not form.folds_system and is_about_template:
        return replace(form, folds_system=True)
    return None
