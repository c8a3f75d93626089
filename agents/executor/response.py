"""What a model said, gathered, and the completion made of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, assert_never

from agents.executor.code_extraction import ExtractedCode, extract_code
from agents.executor.output_checks import Checker, OutputCheck, find_problem
from agents.executor.request import CODE_TYPES
from agents.orchestrator.plan_builder import DRAFT
from agents.workflows.plan import NOTES
from protocol.records import Checkpoint, ClaimedSubtask, Completion, SessionMessage, Usage
from providers import chat
from providers.calls.fallback import Absorbed
from providers.prices import Cost
from providers.router import Deployment

CUT = "the answer was cut at the limit of output tokens: raise params.max_output_tokens"
"""A note: what is there may be used, and is not whole."""


@dataclass(slots=True, kw_only=True)
class ResponseBuilder:
    """The parts of an answer as they arrive; valid as a whole only once `done` is there."""

    claimed: ClaimedSubtask
    deployment: Deployment
    absorbed: Sequence[Absorbed] = ()
    """Calls of this attempt that failed before their first word and were made again."""
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    citations: list[chat.Citation] = field(default_factory=list)
    tokens: chat.Usage | None = None
    done: chat.Done | None = None
    first_token_ms: int | None = None
    program: ExtractedCode | None = None
    """The code of the text, where the subtask is about code; known once checked."""
    checks: tuple[OutputCheck, ...] = ()
    cached: bool = False
    """It was kept from an earlier call: nobody was asked, and it costs nothing."""

    def take(self, event: chat.Event, *, seconds: float) -> None:
        """Add one event, `seconds` after the question."""
        match event:
            case chat.TextDelta(text):
                self._saw_token(seconds)
                self.text.append(text)
            case chat.ReasoningDelta(text):
                self._saw_token(seconds)
                self.reasoning.append(text)
            case chat.TextWasThinking():
                self.reasoning += self.text
                self.text.clear()
            case chat.Usage():
                self.tokens = event
            case chat.Done():
                self.done = event
            case chat.Citation():
                self.citations.append(event)
            case chat.ToolCall() | chat.ToolCallDelta():
                pass  # no workflow offers tools, so no model calls them
            case _ as unreachable:
                assert_never(unreachable)

    def checkpoint(self) -> Checkpoint:
        """Give the text so far."""
        return Checkpoint(content="".join(self.text), reasoning="".join(self.reasoning))

    @property
    def is_worth_keeping(self) -> bool:
        """Whether the same request may be answered with it: it is whole, sound and new."""
        done = self.done
        whole = done is not None and done.finish_reason is chat.FinishReason.STOP
        return whole and not self.cached and find_problem(self.checks) is None

    def kept(self) -> dict[str, Any]:
        """Give what `answer_cache` keeps of it."""
        done = self.done
        return {
            "text": "".join(self.text),
            "reasoning": "".join(self.reasoning),
            "citations": [{"url": each.url, "title": each.title} for each in self.citations],
            "vendor_finish_reason": done.vendor_finish_reason if done else "",
            "notes": list(done.notes) if done else [],
        }

    def _saw_token(self, seconds: float) -> None:
        if self.first_token_ms is None and self.claimed.task.stream:
            self.first_token_ms = round(seconds * 1000)

    def usage(self, cost: Cost | None, *, seconds: float) -> Usage:
        """Give what this attempt used. `cost` is None where no price is known: that is not free."""
        tokens = self.tokens
        return Usage(
            model_id=self.claimed.lane,
            provider=self.deployment.provider,
            input_tokens=tokens.uncached if tokens else None,
            cached_tokens=tokens.cached if tokens else None,
            output_tokens=tokens.output if tokens else None,
            reasoning_tokens=tokens.reasoning if tokens else None,
            cost_usd=self._total(cost),
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
                **({"absorbed": [_told(each) for each in self.absorbed]} if self.absorbed else {}),
            },
        )

    def _total(self, cost: Cost | None) -> Decimal | None:
        """Absorbed calls that said what they used are paid too; most were refused unread."""
        if self.cached or self.deployment.simulated:
            return Decimal()
        if cost is None:
            return None
        return cost.usd + sum((each.cost.usd for each in self.absorbed if each.cost), Decimal())

    def interrupted(self, *, seconds: float) -> Usage:
        """Give what an attempt that was cut off had used by then.

        Vendors count the prompt first and what was generated at the end: a count of the latter
        from the middle is too small, so it stays unknown, and the cost with it.
        """
        usage = self.usage(None, seconds=seconds)
        return usage.model_copy(update={"output_tokens": None, "reasoning_tokens": None})

    async def check(self, checker: Checker) -> None:
        """Look at the whole answer without running it."""
        text = "".join(self.text)
        if self.claimed.type in CODE_TYPES:
            self.program = await asyncio.to_thread(extract_code, text)
        code, language = self.program or (None, None)
        stated = self.claimed.params.get("language")
        self.checks = await checker.check(
            text=text,
            finish_reason=self.done.finish_reason if self.done else None,
            code=code,
            language=stated if isinstance(stated, str) else language,
        )

    def completion(self, cost: Cost | None, *, seconds: float) -> Completion:
        """Make the completion; the vendor's words stay, derived values are named so."""
        usage = self.usage(cost, seconds=seconds)
        text = "".join(self.text)
        return Completion(
            ref=self.claimed.ref,
            output=self._output(text, usage),
            usage=usage,
            messages=self._messages(text),
        )

    def _output(self, text: str, usage: Usage) -> dict[str, Any]:
        output: dict[str, Any] = {
            "text": text,
            "model_used": self.claimed.lane,
            "provider": self.deployment.provider,
            "generation_time": usage.duration_ms,
            "finish_reason": usage.finish_reason,
            "notes": self._notes(),
            "derived": {"cost_usd": str(usage.cost_usd) if usage.cost_usd is not None else None}
            | usage.derived,
        }
        if branch := self.claimed.params.get("git_branch"):
            output["git_branch"] = branch
        if self.program is not None:
            problem = find_problem(self.checks)
            output |= {
                "generated_code": self.program.code,
                "file_path": self.claimed.params.get("target_file"),
                "language": self.claimed.params.get("language"),
                "verification": {
                    "status": "unverified" if problem is None else "failed",
                    "reason": problem or "no tests were run",
                    "checks": [each.recorded() for each in self.checks],
                },
            }
        if self.citations:
            output["citations"] = [
                {"url": each.url, "title": each.title} for each in self.citations
            ]
        if self.reasoning:
            output["reasoning_content"] = "".join(self.reasoning)
        if self.deployment.simulated:
            output["simulated"] = True
        return output

    def _notes(self) -> list[str]:
        """Return what a person should know of the params, the request and the answer."""
        planned = self.claimed.params.get(NOTES)
        notes = [str(each) for each in planned] if isinstance(planned, list) else []
        if self.done is not None:
            notes += self.done.notes
            if self.done.finish_reason is chat.FinishReason.LENGTH:
                notes.append(CUT)
        return notes

    def _messages(self, text: str) -> list[SessionMessage]:
        if self.claimed.task.session_id is None or self.claimed.params.get(DRAFT) is True:
            return []
        return [
            SessionMessage(role="user", content=self.claimed.task.prompt),
            SessionMessage(role="assistant", content=text),
        ]


def _told(call: Absorbed) -> dict[str, Any]:
    return {
        "provider": call.deployment.provider,
        "model": call.deployment.provider_model,
        "key": call.key_label,
        "class": call.error.code,
        "status": call.error.status,
        "duration_ms": round(call.duration.total_seconds() * 1000),
        "cost_usd": str(call.cost.usd) if call.cost else None,
    }
