"""Gives one answer, at the pace of its model and with the fault that was asked for."""

import asyncio

from simulator.faults import Break, Breakage, Chop, Delay, Fault
from simulator.pacing import Metronome, Pace
from simulator.planned import Draft
from simulator.request import Question
from simulator.request_log import Entry
from simulator.response import Stage
from simulator.formats.base import Step, Wire, dump


class Performance:
    """Everything that is known when the answer to one request begins."""

    def __init__(
        self, wire: Wire, question: Question, draft: Draft, pace: Pace, fault: Fault | None
    ) -> None:
        self._wire = wire
        self._question = question
        self._draft = draft
        self._pace = pace
        what = fault.what if fault else None
        self._delay = what.seconds if isinstance(what, Delay) else 0.0
        self._break = what if isinstance(what, Break) else None
        self._chop = what.size if isinstance(what, Chop) else None

    async def play(self, stage: Stage, entry: Entry) -> None:
        """Answer as a stream or as one body, whichever was asked for."""
        if self._delay:
            await asyncio.sleep(self._delay)
        if self._question.stream:
            await self._stream(stage, entry)
        else:
            await self._answer_whole(stage)

    async def _stream(self, stage: Stage, entry: Entry) -> None:
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        await stage.start(200, headers | self._wire.headers(self._draft))
        metronome = Metronome(self._pace)
        for frame in self._wire.frames(self._draft, wants_usage=self._question.wants_usage):
            if self._break and _is_time(self._break, frame.step, entry.pieces):
                await self._break_off(stage, self._break.how)
                return
            if frame.step is Step.PIECE:
                await metronome.wait(frame.tokens)
                entry.pieces += 1
            await self._say(stage, frame.data)
        await stage.end()

    async def _say(self, stage: Stage, data: bytes) -> None:
        size = self._chop or len(data)
        for start in range(0, len(data), size):
            await stage.say(data[start : start + size])
            if self._chop:
                await asyncio.sleep(0)  # else the packets leave as one

    async def _break_off(self, stage: Stage, how: Breakage) -> None:
        match how:
            case Breakage.STALL:
                await stage.fall_silent()
            case Breakage.CUT:
                stage.abort()
            case Breakage.CLEAN_END:
                await stage.end()
            case Breakage.BAD_JSON:
                await stage.say(self._wire.broken_frame())
                await stage.end()
            case Breakage.ERROR_EVENT:
                await stage.say(self._wire.error_frame())
                await stage.end()

    async def _answer_whole(self, stage: Stage) -> None:
        await Metronome(self._pace).wait(self._draft.output_tokens)
        how = self._break.how if self._break else None
        body = dump(self._wire.whole(self._draft, is_finished=how is not Breakage.CLEAN_END))
        if how is Breakage.ERROR_EVENT:
            body = self._wire.error_frame().partition(b"data: ")[2].strip()
        half = body[: len(body) // 2]
        if how is Breakage.BAD_JSON:
            body = half
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        await stage.start(200, headers | self._wire.headers(self._draft))
        if how in {Breakage.STALL, Breakage.CUT}:
            await stage.say(half)
            await self._break_off(stage, how)
        else:
            await stage.say(body)
            await stage.end()


def _is_time(fault: Break, step: Step, pieces: int) -> bool:
    return step is Step.CLOSING or (step is Step.PIECE and pieces >= fault.after)
