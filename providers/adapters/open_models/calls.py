"""Calls of open models: each is sent in the form that its server takes, and its answer is read."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from providers.adapters.open_models.history import write_broken_calls
from providers.adapters.open_models.reading import AnswerReader
from providers.adapters.open_models.refusals import (
    NOTE_FOLDED,
    NOTE_TAUGHT,
    Form,
    choose_next_form,
)
from providers.adapters.open_models.teaching import teach
from providers.chat import (
    ChatRequest,
    Done,
    Event,
    FinishReason,
    Message,
    TextCalls,
    TokenUsage,
)
from providers.errors import CallFailed, MalformedResponse

Send = Callable[[ChatRequest], AsyncGenerator[Event, None]]
"""Sends a request as it is."""


class OpenModelCalls:
    """Sends the requests of one adapter, and remembers for each model which form its server takes.

    `takes_tool_choice`: whether servers are known to heed the choice of a tool.
    """

    def __init__(self, *, takes_tool_choice: bool = True) -> None:
        self._takes_tool_choice = takes_tool_choice
        self._forms: dict[str, Form] = {}
        self._unforced: set[str] = set()
        """Models that answered without a call that they had to make."""

    async def stream(self, request: ChatRequest, send: Send) -> AsyncGenerator[Event, None]:
        """Send a request with `text_calls`, and yield the events of its answer.

        Before any token, a refused request is sent again in another form, and so is one whose
        answer the server could not read and does not quote.
        """
        lasting = self._forms.get(request.model, Form())
        form = replace(lasting, in_text=lasting.in_text or self._begins_in_text(request))
        notes = _describe(lasting, request)
        while True:
            reader, begun = AnswerReader(request), False
            try:
                async with aclosing(send(_build(request, form))) as events:
                    async for event in events:
                        for each in reader.feed(event):
                            begun = begun or not isinstance(each, TokenUsage)
                            self._watch(each, request, form)
                            yield _add_notes(each, notes)
            except CallFailed as error:
                rescued = _rescue(reader, error)
                if rescued:
                    for each in rescued:
                        yield _add_notes(each, notes)
                    return
                change = None if begun else choose_next_form(error, form, request)
                if change is None:
                    raise
                form = change.form
                if change.is_lasting:
                    lasting = replace(
                        lasting,
                        in_text=lasting.in_text or change.note == NOTE_TAUGHT,
                        folds_system=form.folds_system,
                    )
                if change.note is not None:
                    notes = (*notes, change.note)
            else:
                if lasting != Form():
                    self._forms[request.model] = lasting
                return

    def _watch(self, event: Event, request: ChatRequest, form: Form) -> None:
        """Remember a model that ends its answer without a call that it had to make."""
        if (
            isinstance(event, Done)
            and event.finish_reason is FinishReason.STOP
            and _is_forced(request)
            and not form.in_text
        ):
            self._unforced.add(request.model)

    def _begins_in_text(self, request: ChatRequest) -> bool:
        how = request.text_calls or TextCalls()
        if how.tool_mode == "text" or not _is_forced(request):
            return how.tool_mode == "text"
        # A server that may not heed the choice heeds a schema; a single tool it is offered alone.
        may_ignore = how.tool_mode is None and not self._takes_tool_choice
        has_choice = request.tool_choice == "required" and len(request.tools) > 1
        return request.model in self._unforced or (may_ignore and has_choice)


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


def _is_forced(request: ChatRequest) -> bool:
    return bool(request.tools) and request.tool_choice not in ("auto", "none")


def _rescue(reader: AnswerReader, error: CallFailed) -> list[Event]:
    lost = error.lost if isinstance(error, MalformedResponse) else None
    return [] if lost is None else reader.rescue(lost)


def _describe(form: Form, request: ChatRequest) -> tuple[str, ...]:
    """Return notes about a form that the server is known to need."""
    is_taught = form.in_text and bool(request.tools) and request.tool_choice != "none"
    notes = ((NOTE_TAUGHT, is_taught), (NOTE_FOLDED, form.folds_system))
    return tuple(note for note, applies in notes if applies)


def _add_notes(event: Event, notes: tuple[str, ...]) -> Event:
    if not notes or not isinstance(event, Done):
        return event
    return replace(event, notes=(*event.notes, *notes))
