"""What a server's error says about the request, and the form in which to send it instead."""

import re
from dataclasses import dataclass, replace
from typing import Final

from providers.adapters.refusals import refuses_schema
from providers.chat import ChatRequest
from providers.errors import AuthenticationFailed, CallFailed, MalformedResponse, RateLimited

NOTE_TAUGHT: Final = "tools were taught in the instructions: the server takes none for this model"
NOTE_SCHEMA: Final = "tools were taught in the instructions: the server refused the schema of one"
NOTE_REPEATED: Final = (
    "the server could not read its model's call, which was asked for again as text"
)
NOTE_FOLDED: Final = "the instructions were sent with the first turn: the model takes none apart"

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


@dataclass(frozen=True, slots=True)
class FormChange:
    """Another form after an error."""

    form: Form
    note: str | None = None
    """For the user."""
    is_lasting: bool = False
    """Whether the model's server takes no other form, whatever is asked."""


def choose_next_form(error: CallFailed, form: Form, request: ChatRequest) -> FormChange | None:
    """Return how to send a request after an error before any token; None if it is of no use."""
    has_tools = bool(request.tools) or any(
        each.tool_calls or each.role == "tool" for each in request.messages
    )
    in_text = replace(form, in_text=True) if has_tools and not form.in_text else None
    message = error.vendor_message or ""
    if isinstance(error, MalformedResponse):
        return FormChange(in_text, NOTE_REPEATED) if in_text and error.lost else None
    if error.status not in _STATUSES or isinstance(error, AuthenticationFailed | RateLimited):
        return None
    is_about_template = _TEMPLATE.search(message) is not None
    if in_text and (is_about_template or _TOOLS.search(message)):
        return FormChange(in_text, NOTE_TAUGHT, is_lasting=True)
    if in_text and request.response_schema is None and refuses_schema(error):
        return FormChange(in_text, NOTE_SCHEMA)
    if form.in_text and form.takes_schemas and refuses_schema(error):
        return FormChange(replace(form, takes_schemas=False))
    has_system = form.in_text or request.system is not None
    if has_system and not form.folds_system and is_about_template:
        return FormChange(replace(form, folds_system=True), NOTE_FOLDED, is_lasting=True)
    return None
