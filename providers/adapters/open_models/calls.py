"""Calls of open models: each is sent in the form that its server takes, and its answer is read."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from providers.adapters.open_models.history import write_broken_calls
from providers.adapters.open_models.reading import AnswerReader
from providers.adapters.open_models.refusals import Form, choose_next_form
from providers.adapters.open_models.teaching import teach
from providers.chat import ChatRequest, Done, Event, Message, TextCalls, TokenUsage
from providers.errors import CallFailed, MalformedResponse

NOTE_TAUGHT: Final = "tools were taught in the instructions: the server takes none for this model"
NOTE_REPEATED: Final = (
    "the server could not read its model's call, which was asked for again as text"
)
NOTE_FOLDED: Final = "the instructions were sent with the first turn: the model takes none apart"

Send = Callable[[ChatRequest], AsyncGenerator[Event, None]]
"""Sends a request as it is."""


class OpenModelCalls:
    """Sends the requests of one adapter, and remembers for each model which form its server takes.

    `takes_tool_choice`: whether servers are known to heed the choice of a tool.
    """

    def __init__(self, *, takes_tool_choice: bool = True) -> None:
        self._takes_tool_choice = takes_tool_choice
        self._forms: dict[str, Form] = {}

    async def stream(self, request: ChatRequest, send: Send) -> AsyncGenerator[Event, None]:
        """Send a request with `text_calls`, and yield the events of its answer.

        Before any token, a refused request is sent again in another form, and so is one whose
        answer the server could not read and does not quote.
        """
        learned = self._forms.get(request.model, Form())
        form = replace(learned, in_text=learned.in_text or self._begins_in_text(request))
        notes = _describe(learned, request)
        while True:
            reader, begun = AnswerReader(request), False
            try:
                async with aclosing(send(_build(request, form))) as events:
                    async for event in events:
                        for each in reader.feed(event):
                            begun = begun or not isinstance(each, TokenUsage)
                            yield _add_notes(each, notes)
            except CallFailed as error:
                rescued = _rescue(reader, error)
                if rescued:
                    for each in rescued:
                        yield _add_notes(each, notes)
                    return
                following = None if begun else choose_next_form(error, form, request)
                if following is None:
                    raise
                if isinstance(error, MalformedResponse):
                    notes = (*notes, NOTE_REPEATED)
                else:
                    learned = replace(
                        learned,
                        in_text=learned.in_text or (following.in_text and not form.in_text),
                        folds_system=following.folds_system,
                    )
                    notes = _describe(learned, request)
                form = following
            else:
                if learned != Form():
                    self._forms[request.model] = learned
                return

    def _begins_in_text(self, request: ChatRequest) -> bool:
        how = request.text_calls or TextCalls()
        if how.tool_mode is not None:
            return how.tool_mode == "text"
        # A server that may not heed the choice heeds a schema; a single tool it is offered alone.
        return (
            request.tool_choice == "required"
            and len(request.tools) > 1
            and not self._takes_tool_choice
        )


def _build(request: ChatRequest, form: Form) -> ChatRequest:
    """Return the request as it is sent."""
    if form.in_text:
        request = teach(request, takes_schemas=form.takes_schemas)
    else:
        request = replace(request, messages=write_broken_calls(request.messages))
    if form.folds_system and request.system is not None:
        first = Message(role="user", content=request.system)
        rest = request.messages
        if rest and rest[0].role == "user":
            first = replace(rest[0], content=f"{request.system}\n\n{rest[0].content}")
            rest = rest[1:]
        request = replace(request, system=None, messages=(first, *rest))
    return request


def _rescue(reader: AnswerReader, error: CallFailed) -> list[Event]:
    lost = error.lost if isinstance(error, MalformedResponse) else None
    return [] if lost is None else reader.rescue(lost)


def _describe(form: Form, request: ChatRequest) -> tuple[str, ...]:
    """Return notes about a form that was learned."""
    is_taught = form.in_text and bool(request.tools) and request.tool_choice != "none"
    notes = ((NOTE_TAUGHT, is_taught), (NOTE_FOLDED, form.folds_system))
    return tuple(note for note, applies in notes if applies)


def _add_notes(event: Event, notes: tuple[str, ...]) -> Event:
    if not notes or not isinstance(event, Done):
        return event
    return replace(event, notes=(*event.notes, *notes))
