"""The response of a model, collected event by event, and the completion built from it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, assert_never

from pydantic import JsonValue

from agents.executor.output_checks import Checker, OutputCheck, find_problem
from agents.executor.request import is_about_code
from agents.executor.structured import get_schema, parse_data
from agents.extraction.answer import Extracted, extract_code
from agents.memory.citing import list_citations
from agents.memory.conversation import build_answer_message, list_given_exchange
from agents.workflows.params.step_params import DRAFT, NOTES, UNVERIFIED
from protocol.json_values import repair_surrogates
from protocol.records import Checkpoint, ClaimedSubtask, Completion, SessionMessage, Usage
from protocol.verification import NO_TESTS, add_summary
from providers import chat
from providers.calls.fallback import FailedCall
from providers.catalogue.deployment import Deployment
from providers.prices import Cost

CUT = "the answer was cut at the limit of output tokens: raise params.max_output_tokens"
"""A note on an answer that is usable but incomplete."""


class SurrogateRepairer:
    """Repairs the deltas of one response by holding back half a surrogate pair."""

    def __init__(self) -> None:
        self._text = ""
        self._reasoning = ""

    def repair(self, event: chat.Event) -> chat.Event:
        """Return the event with whole characters; an unpaired surrogate becomes U+FFFD."""
        match event:
            case chat.TextDelta(text):
                whole, self._text = _split_off_half(self._text + text)
                return chat.TextDelta(repair_surrogates(whole))
            case chat.ReasoningDelta(text):
                whole, self._reasoning = _split_off_half(self._reasoning + text)
                return chat.ReasoningDelta(repair_surrogates(whole))
            case chat.Citation():
                title = repair_surrogates(event.title) if event.title is not None else None
                return replace(event, url=repair_surrogates(event.url), title=title)
            case _:
                return event


def _split_off_half(text: str) -> tuple[str, str]:
    if "\ud800" <= text[-1:] <= "\udbff":
        return text[:-1], text[-1:]
    return text, ""


@dataclass(slots=True, kw_only=True)
class ResponseBuilder:
    """The parts of a response as they arrive; complete only once `done` is set."""

    claimed: ClaimedSubtask
    deployment: Deployment
    turn: int | None = None
    """Number of the answer in its loop of tool calls, from 1."""
    failed_calls: Sequence[FailedCall] = ()
    """Calls of this attempt that failed before their first token and were repeated."""
    was_sent: bool = True
    """Whether a request was sent; otherwise the attempt cost nothing."""
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    citations: list[chat.Citation] = field(default_factory=list)
    calls: list[chat.ToolCall] = field(default_factory=list)
    tokens: chat.TokenUsage | None = None
    done: chat.Done | None = None
    first_token_ms: int | None = None
    code: Extracted | None = None
    """The code of the answer, if the subtask is about code; set by `run_checks`."""
    data: JsonValue = None
    """The data of the answer, if it must follow a schema; set by `run_checks`."""
    checks: tuple[OutputCheck, ...] = ()
    cached: bool = False
    """Whether the answer comes from the cache, without a call and at no cost."""

    def add_event(self, event: chat.Event, *, seconds: float) -> None:
        """Add one event, `seconds` after the start of the attempt."""
        match event:
            case chat.TextDelta(text):
                self._note_token(seconds)
                self.text.append(text)
            case chat.ReasoningDelta(text):
                self._note_token(seconds)
                self.reasoning.append(text)
            case chat.TextWasThinking():
                self.reasoning += self.text
                self.text.clear()
            case chat.TokenUsage():
                self.tokens = event
            case chat.Done():
                self.done = event
            case chat.Citation():
                self.citations.append(event)
            case chat.ToolCall():
                self.calls.append(event)
            case chat.ToolCallDelta():
                pass  # the complete call follows
            case _ as unreachable:
                assert_never(unreachable)

    def build_checkpoint(self) -> Checkpoint:
        """Return the text so far."""
        return Checkpoint(
            content="".join(self.text), reasoning="".join(self.reasoning), turn=self.turn
        )

    async def run_checks(self, checker: Checker) -> None:
        """Extract code or data and check the answer; raises InvalidData if it breaks its schema."""
        text = "".join(self.text)
        stated = self._get_param("language")
        if is_about_code(self.claimed):
            self.code = await asyncio.to_thread(
                extract_code, text, language=stated, target_file=self._get_param("target_file")
            )
        code = self.code
        self.checks = await checker.check(
            text=text,
            finish_reason=self.done.finish_reason if self.done else None,
            code=code.code if code else None,
            language=None if code is None or code.is_diff else stated or code.language,
        )
        if code is not None and code.problems:
            self.checks += (OutputCheck(name="files", problem="; ".join(code.problems)),)
        if (schema := get_schema(self.claimed)) is not None:
            self.data = await parse_data(text, schema, checker)

    def _get_param(self, name: str) -> str | None:
        value = self.claimed.params.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def is_cacheable(self) -> bool:
        """Whether it may be cached: it is complete, passed its checks and is not itself cached."""
        is_complete = self.done is not None and self.done.finish_reason is chat.FinishReason.STOP
        return is_complete and not self.cached and find_problem(self.checks) is None

    def build_cached_answer(self) -> dict[str, Any]:
        """Return what `answer_cache` stores."""
        return {
            "text": "".join(self.text),
            "reasoning": "".join(self.reasoning),
            "citations": self._list_citations(),
            "vendor_finish_reason": self.done.vendor_finish_reason if self.done else "",
            "notes": list(self.done.notes) if self.done else [],
        }

    def build_usage(self, cost: Cost | None, *, seconds: float) -> Usage:
        """Return the usage of this attempt. `cost` is None if no price is known."""
        tokens = self.tokens
        return Usage(
            model_id=self.claimed.lane,
            provider=self.deployment.provider,
            input_tokens=tokens.uncached if tokens else None,
            cached_tokens=tokens.cached if tokens else None,
            output_tokens=tokens.output if tokens else None,
            reasoning_tokens=tokens.reasoning if tokens else None,
            cost_usd=self._sum_cost(cost),
            first_token_ms=self.first_token_ms,
            duration_ms=round(seconds * 1000),
            finish_reason=self.done.finish_reason if self.done else None,
            simulated=self.deployment.simulated,
            derived={
                "maker": self.deployment.model.maker,
                "made_by": self.deployment.made_by,
                "price_source": "cache" if self.cached else cost.source if cost else None,
                "usage": dict(tokens.raw) if tokens else None,
                "request_id": self.done.request_id if self.done else None,
                **({"cached": True} if self.cached else {}),
                **({"simulated": True} if self.deployment.simulated else {}),
                **(
                    {"absorbed": list(map(_describe, self.failed_calls))}
                    if self.failed_calls
                    else {}
                ),
            },
        )

    def build_partial_usage(self, *, seconds: float) -> Usage:
        """Return the usage of an attempt that was cut off.

        Vendors report prompt tokens first and output tokens at the end. An intermediate count of
        output tokens would be too small, so it stays unknown, and so does the cost.
        """
        usage = self.build_usage(None, seconds=seconds)
        return usage.model_copy(update={"output_tokens": None, "reasoning_tokens": None})

    def build_completion(self, cost: Cost | None, *, seconds: float) -> Completion:
        """Return the completion. The vendor's values are unchanged; ours are in `derived`."""
        usage = self.build_usage(cost, seconds=seconds)
        text = "".join(self.text)
        return Completion(
            ref=self.claimed.ref,
            output=self._build_output(text, usage),
            usage=usage,
            messages=self.build_messages(list_given_exchange(self.claimed.params)),
        )

    def _note_token(self, seconds: float) -> None:
        if self.first_token_ms is None and self.claimed.task.stream:
            self.first_token_ms = round(seconds * 1000)

    def _sum_cost(self, cost: Cost | None) -> Decimal | None:
        """Return the cost plus that of failed calls, as far as those reported their usage."""
        if self.cached or self.deployment.simulated or not self.was_sent:
            return Decimal()
        if cost is None:
            return None
        return cost.usd + sum((each.cost.usd for each in self.failed_calls if each.cost), Decimal())

    def _build_output(self, text: str, usage: Usage) -> dict[str, Any]:
        params = self.claimed.params
        output: dict[str, Any] = {
            "text": text,
            "model_used": self.claimed.lane,
            "provider": self.deployment.provider,
            "generation_time": usage.duration_ms,
            "finish_reason": usage.finish_reason,
            "notes": self._list_notes(),
            "derived": {"cost_usd": str(usage.cost_usd) if usage.cost_usd is not None else None}
            | usage.derived,
        }
        if branch := params.get("git_branch"):
            output["git_branch"] = branch
        problem = find_problem(self.checks)
        if problem is not None:
            output["problem"] = problem
        if self.code is not None:
            output |= {
                "generated_code": self.code.code,
                "files": dict(self.code.files),
                "file_path": params.get("target_file"),
                "language": params.get("language"),
                "verification": self._build_verification(),
            }
            if self.code.is_diff:
                output["is_diff"] = True
        if get_schema(self.claimed) is not None:
            output["data"] = self.data
        cited = None if params.get(DRAFT) is True else list_citations(text, params)
        if cited is not None or self.citations:
            found, notes = cited or ([], [])
            output["citations"] = [*found, *self._list_citations()]
            output["notes"] += notes
        if self.reasoning:
            output["reasoning_content"] = "".join(self.reasoning)
        if self.deployment.simulated:
            output["simulated"] = True
        return output

    def _build_verification(self) -> dict[str, Any]:
        """Return what is known of code that was not run."""
        problem = find_problem(self.checks)
        reason = problem or self._get_param(UNVERIFIED) or NO_TESTS
        verification: dict[str, Any] = {
            "status": "unverified" if problem is None else "failed",
            "reason": reason,
            "checks": [each.to_json() for each in self.checks],
        }
        return add_summary(verification)

    def _list_citations(self) -> list[dict[str, Any]]:
        return [{"url": each.url, "title": each.title} for each in self.citations]

    def _list_notes(self) -> list[str]:
        """Return notes for a person about the params, the request and the answer."""
        planned = self.claimed.params.get(NOTES)
        notes = [str(each) for each in planned] if isinstance(planned, list) else []
        if self.done is not None:
            notes += self.done.notes
            if self.done.finish_reason is chat.FinishReason.LENGTH:
                notes.append(CUT)
        return notes

    def build_messages(self, exchange: Sequence[chat.Message]) -> list[SessionMessage]:
        """Return the turn for the session; `exchange` are the calls that led to the answer."""
        if self.claimed.task.session_id is None or self.claimed.params.get(DRAFT) is True:
            return []
        return [
            SessionMessage(role="user", content=self.claimed.task.prompt),
            build_answer_message("".join(self.text), exchange),
        ]


def _describe(call: FailedCall) -> dict[str, Any]:
    return {
        "provider": call.deployment.provider,
        "model": call.deployment.provider_model,
        "key": call.key_label,
        "class": call.error.code,
        "status": call.error.status,
        "duration_ms": round(call.duration.total_seconds() * 1000),
        "cost_usd": str(call.cost.usd) if call.cost else None,
    }
