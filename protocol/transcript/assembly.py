"""The transcript of a running task: its text and tool calls, from messages and rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias
from uuid import UUID

from protocol.lanes import CIO, is_model_lane
from protocol.messages import (
    MAX_CALL_ID,
    MAX_SUMMARY,
    Envelope,
    MessageType,
    SubtaskProgress,
    ToolCalled,
    ToolReturned,
    read_payload,
    select_arguments,
    write_content,
)
from protocol.records import Subtask, TurnLine
from protocol.tool_names import find_tool_name
from protocol.transcript.reading import ReadPosition, SubtaskReader, TranscriptUpdate
from protocol.transcript.stored_turns import read_arguments, read_called_names
from protocol.transcript.turn import StepLabel, SubtaskText, TurnText
from protocol.transcript.updates import (
    TextKind,
    ToolCallUpdate,
)

LivePayload: TypeAlias = SubtaskProgress | ToolCalled | ToolReturned

_LIVE: Final[Mapping[str, type[LivePayload]]] = {
    MessageType.SUBTASK_PROGRESS: SubtaskProgress,
    MessageType.TOOL_CALL: ToolCalled,
    MessageType.TOOL_RESULT: ToolReturned,
}


def is_answer_step(metadata: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Return whether a subtask's text is the task's answer, and not only for other steps.

    Workflows say so in `metadata.answer`. Plans of COGO 0.1 mark the others with `params.draft`.
    """
    stated = metadata.get("answer")
    return stated if isinstance(stated, bool) else params.get("draft") is not True


def calls_tools(row: Subtask) -> bool:
    """Return whether a subtask may have stored turns."""
    return bool(row.params.get("tools") or row.params.get("client_tools"))


def read_live(message: Envelope) -> LivePayload | None:
    """Return the payload of a message with text or a tool call; None for others.

    Raise MalformedMessage.
    """
    shape = _LIVE.get(message.type)
    return None if shape is None else read_payload(message, shape)


class Transcript:
    """The text, the reasoning and the tool calls of each subtask of a task."""

    def __init__(self, task_id: UUID) -> None:
        self._task_id = task_id
        self._subtasks: dict[UUID, SubtaskText] = {}

    @property
    def has_gap(self) -> bool:
        """True if a delta was received and the text before it was not."""
        return any(each.has_gap for each in self._subtasks.values())

    def get_attempt(self, subtask_id: UUID) -> int:
        """Return the latest known attempt of a subtask; 0 if it has none."""
        known = self._subtasks.get(subtask_id)
        return 0 if known is None else known.attempt

    def get_text(
        self, subtask_id: UUID, kind: TextKind = "text", *, turn: int | None = None, after: int = 0
    ) -> str:
        """Return the text of a turn from `after` characters on, up to the first gap.

        turn: None: the last one; "" if the model calls tools in it, since it is not the answer.
        """
        known = self._subtasks.get(subtask_id)
        if known is None or not known.turns:
            return ""
        if turn is not None:
            return known.turns[turn].read(kind, after) if turn in known.turns else ""
        last = known.turns[max(known.turns)]
        return "" if kind == "text" and last.calls else last.read(kind, after)

    def get_last_stored(self, subtask_id: UUID) -> int:
        """Return the `seq` of the last stored turn that is known; 0 if none is."""
        known = self._subtasks.get(subtask_id)
        return 0 if known is None else known.stored

    def apply_live(self, live: LivePayload) -> None:
        """Apply a live message."""
        match live:
            case SubtaskProgress():
                self.apply_delta(live)
            case ToolCalled():
                self.apply_call(live)
            case ToolReturned():
                self.apply_result(live)

    def apply_delta(self, progress: SubtaskProgress) -> None:
        """Apply a live delta; deltas may be applied in any order and repeatedly."""
        known = self._get_subtask(progress.subtask_id)
        known.step = StepLabel(progress.key, progress.role, progress.answer, progress.model)
        if (turn := known.begin(progress.attempt, progress.turn, is_said=True)) is not None:
            turn.add(progress.kind, progress.offset, progress.delta, start=progress.start)

    def apply_call(self, call: ToolCalled) -> None:
        """Apply the message that a model calls a tool."""
        known = self._get_subtask(call.subtask_id)
        known.step = StepLabel(call.key, call.role, call.answer, known.step.model)
        if (turn := known.begin(call.attempt, call.turn)) is not None:
            before = turn.calls.get(call.call_id) or self._build_call(call)
            turn.calls[call.call_id] = replace(
                before, tool=call.tool, arguments=call.arguments, is_cut=call.cut
            )

    def apply_result(self, result: ToolReturned) -> None:
        """Apply the message about what a tool gave."""
        known = self._get_subtask(result.subtask_id)
        known.step = StepLabel(result.key, result.role, result.answer, known.step.model)
        if (turn := known.begin(result.attempt, result.turn)) is not None:
            before = turn.calls.get(result.call_id) or self._build_call(result)
            turn.calls[result.call_id] = replace(
                before,
                tool=result.tool,
                status=result.status,
                summary=result.summary,
                size=result.size,
                duration_ms=result.duration_ms,
                rejected=result.rejected,
            )

    def apply_snapshot(
        self,
        subtask_id: UUID,
        attempt: int,
        *,
        turn: int | None = 1,
        text: str = "",
        reasoning: str = "",
    ) -> None:
        """Apply the text of a turn of an attempt up to some point; it may be empty.

        turn: None if only the attempt is known.
        """
        known = self._get_subtask(subtask_id)
        found = known.begin(attempt, turn, is_said=bool(text or reasoning))
        if found is not None:
            found.merge("text", text)
            found.merge("reasoning", reasoning)

    def apply_row(self, row: Subtask) -> None:
        """Apply the attempt, the checkpoint and the output of a subtask's row.

        Only models have text: that of a flow or a check is no part of the transcript.
        """
        saved, output = row.checkpoint, row.output
        is_model = is_model_lane(row.lane) or (row.lane == CIO and row.type != "PLAN")
        if not is_model or (row.id not in self._subtasks and not saved and not output):
            return
        self._get_subtask(row.id).step = _label(row)
        self.apply_snapshot(row.id, row.attempt, turn=None)
        if saved:
            self.apply_snapshot(
                row.id,
                _to_number(saved.get("attempt")),
                turn=_to_number(saved.get("turn")) or 1,
                text=str(saved.get("content") or ""),
                reasoning=str(saved.get("reasoning") or ""),
            )
        if output:
            turn = _to_number(output.get("turns")) or 1
            reasoning = str(output.get("reasoning_content") or "")
            self.apply_snapshot(row.id, row.attempt, turn=turn, reasoning=reasoning)
            self._settle(row.id, row.attempt, turn, str(output.get("text") or ""))

    def apply_turns(self, row: Subtask, lines: Iterable[TurnLine]) -> None:
        """Apply stored turns of a subtask, in order, after those applied before."""
        known = self._get_subtask(row.id)
        known.step = _label(row)
        for line in lines:
            if line.seq != known.stored + 1:
                continue
            known.stored = line.seq
            if line.kind == "answer":
                known.answers += 1
                known.arguments = read_arguments(line)
                turn = known.keep(known.answers, line.attempt)
                turn.settle(line.text or "")
                self._add_stored_calls(row, turn, line)
            elif line.kind in {"begun", "result"} and known.answers:
                turn = known.keep(known.answers, line.attempt)
                self._apply_stored_call(row.id, turn, line)

    def read(self, positions: dict[UUID, ReadPosition]) -> Iterator[TranscriptUpdate]:
        """Yield the updates after `positions` (by subtask), advancing them past each update."""
        for subtask_id in self._subtasks:
            yield from self.read_subtask(subtask_id, positions)

    def read_subtask(
        self, subtask_id: UUID, positions: dict[UUID, ReadPosition]
    ) -> Iterator[TranscriptUpdate]:
        """Yield the same as `read`, for one subtask."""
        known = self._subtasks.get(subtask_id)
        position = positions.get(subtask_id)
        if known is None or (position is None and not known.has_content):
            return
        if position is not None and position.attempt > known.attempt:
            return  # the reader has seen a later attempt, on another connection
        if position is None:
            position = positions[subtask_id] = ReadPosition(attempt=known.attempt)
        reader = SubtaskReader(self._task_id, subtask_id, known, position)
        if position.attempt < known.attempt:
            yield from reader.begin_attempt()
        for number in sorted(known.turns):
            yield from reader.read_turn(number, known.turns[number])

    def _get_subtask(self, subtask_id: UUID) -> SubtaskText:
        return self._subtasks.setdefault(subtask_id, SubtaskText())

    def _settle(self, subtask_id: UUID, attempt: int, turn: int, text: str) -> None:
        if (found := self._get_subtask(subtask_id).begin(attempt, turn)) is not None:
            found.settle(text)

    def _build_call(self, message: ToolCalled | ToolReturned) -> ToolCallUpdate:
        return ToolCallUpdate(
            task_id=self._task_id,
            subtask_id=message.subtask_id,
            turn=message.turn,
            call_id=message.call_id,
            tool=message.tool,
            key=message.key,
            role=message.role,
            is_answer=message.answer,
        )

    def _add_stored_calls(self, row: Subtask, turn: TurnText, line: TurnLine) -> None:
        """Add the calls of a stored answer that we run: not each has a row of its beginning."""
        known = self._get_subtask(row.id)
        callers = _list_names(row.params.get("client_tools"))
        for call_id, name in read_called_names(line).items():
            if name not in callers and call_id not in turn.calls:
                tool = find_tool_name(name, _list_names(row.params.get("tools")))
                call = self._build_stored_call(row.id, call_id, tool)
                arguments = known.arguments.get(call_id)
                turn.calls[call_id] = replace(call, started_at=line.created_at, **_show(arguments))

    def _build_stored_call(self, subtask_id: UUID, call_id: str, tool: str) -> ToolCallUpdate:
        known = self._get_subtask(subtask_id)
        return ToolCallUpdate(
            task_id=self._task_id,
            subtask_id=subtask_id,
            turn=known.answers,
            call_id=call_id,
            tool=tool,
            key=known.step.key,
            role=known.step.role,
            is_answer=known.step.is_answer,
        )

    def _apply_stored_call(self, subtask_id: UUID, turn: TurnText, line: TurnLine) -> None:
        known = self._get_subtask(subtask_id)
        call_id = (line.call_id or "")[:MAX_CALL_ID]
        call = turn.calls.get(call_id) or self._build_stored_call(
            subtask_id, call_id, line.tool or ""
        )
        if (arguments := known.arguments.get(call_id)) is not None:
            call = replace(call, **_show(arguments))
        if line.kind == "begun":
            call = replace(call, started_at=line.created_at)
        if line.kind == "result":
            text = write_content(line.content)
            call = replace(
                call,
                tool=line.tool or call.tool,
                status=line.status or "unknown",
                summary=text[:MAX_SUMMARY],
                size=len(text),
                duration_ms=None if line.seconds is None else round(line.seconds * 1000),
                rejected=line.rejected,
            )
        turn.calls[call_id] = call


def _show(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what watchers see of arguments, as fields of a call."""
    if arguments is None:
        return {}
    shown = select_arguments(arguments)
    return {"arguments": shown, "is_cut": shown is None}


def _list_names(tools: object) -> list[str]:
    """Return the names of tools in params: of those that we run, or that the caller does."""
    names = [
        each.get("name") if isinstance(each, dict) else each
        for each in (tools if isinstance(tools, list) else ())
    ]
    return [each for each in names if isinstance(each, str)]


def _label(row: Subtask) -> StepLabel:
    role = row.metadata.get("role")
    is_answer = is_answer_step(row.metadata, row.params)
    model = row.lane if is_model_lane(row.lane) else None
    return StepLabel(row.key, role if isinstance(role, str) else None, is_answer, model)


def _to_number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
