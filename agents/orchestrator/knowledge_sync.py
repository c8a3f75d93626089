"""Knowledge sync: reads the database's knowledge about models."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from uuid import UUID

from loguru import logger

from agents.selection.evidence.knowledge import Knowledge, OperatorControl
from agents.selection.evidence.observations import CheckAccuracy, Observations, Observed
from protocol.errors import CogoError
from protocol.messages import Envelope, MessageType
from protocol.records.models import ControlRow, ModelKnowledge, OutcomeRow, PolicyName
from protocol.store.models import ModelStore
from providers.catalogue.model_names import name_lane

REFRESH_SECONDS: Final = 2.0
NO_OWNER: Final = UUID(int=0)
"""The owner of the deployment's policy."""
POLICY_NAMES: Final = frozenset(PolicyName)


class KnowledgeSync:
    """Holds the knowledge of the last refresh; choices never wait for the database."""

    def __init__(
        self,
        *,
        store: ModelStore,
        agent_id: str,
        start: Knowledge,
        get_sizes: Callable[[], Mapping[str, float]] = dict,
        every_seconds: float = REFRESH_SECONDS,
    ) -> None:
        """Create it; `get_sizes` returns the billions of parameters of open models, by lane."""
        self._store = store
        self._agent_id = agent_id
        self._start = start
        self._get_sizes = get_sizes
        self._every_seconds = every_seconds
        self._changed = asyncio.Event()
        self.knowledge = start
        """An immutable snapshot, replaced at each change."""
        self._last: tuple[ModelKnowledge, Mapping[str, float]] | None = None

    def handle_message(self, message: Envelope) -> None:
        """Refresh soon if the status of a model changed; other messages are ignored."""
        if message.type == MessageType.MODEL_STATUS:
            self._changed.set()

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            self._changed.clear()
            await self.refresh()
            try:
                async with asyncio.timeout(self._every_seconds):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def refresh(self) -> None:
        """Read the knowledge. If the store does not answer, keep the old one."""
        try:
            found = await self._store.model_knowledge(agent_id=self._agent_id)
        except CogoError as error:
            logger.debug("the knowledge about models could not be read", error=str(error))
            return
        sizes = dict(self._get_sizes())
        if (found, sizes) != self._last:
            self._last = (found, sizes)
            knowledge = build_knowledge(found, start=self._start, sizes=sizes)
            # Learning from thousands of outcomes takes tens of milliseconds.
            await asyncio.to_thread(knowledge.forecaster.prepare)
            self.knowledge = knowledge


def build_knowledge(
    found: ModelKnowledge, *, start: Knowledge, sizes: Mapping[str, float] = MappingProxyType({})
) -> Knowledge:
    """Return `start` with the rows of the database; unknown policies are ignored."""
    policies = {
        owner: PolicyName(name) for owner, name in found.policies.items() if name in POLICY_NAMES
    }
    return replace(
        start,
        observations=replace(build_observations(found), sizes=sizes),
        policy=policies.pop(NO_OWNER, start.policy),
        owner_policies=policies,
        controls=tuple(control for row in found.controls if (control := _parse_control(row))),
    )


def _parse_control(row: ControlRow) -> OperatorControl | None:
    """Return the control of a row, or None for `allow` and for scopes of later versions."""
    kind, _, name = row.scope.partition(":")
    if row.action == "allow" or kind not in {"everywhere", "owner", "task_type"}:
        return None
    return OperatorControl(
        action=row.action,
        subject=name_lane(row.subject),
        reason=row.reason,
        owner=UUID(name) if kind == "owner" else None,
        task_type=name if kind == "task_type" else None,
    )


def build_observations(found: ModelKnowledge) -> Observations:
    """Return the observations in these rows."""
    return Observations(
        outcomes={
            (row.model_id, row.kind): _build_observed(row)
            for row in found.outcomes
            if not row.after
        },
        rescues={
            (tuple(row.after), row.model_id, row.kind): _build_observed(row)
            for row in found.outcomes
            if row.after
        },
        checks={
            (row.source, row.kind): CheckAccuracy(
                good=row.good,
                good_passed=row.good_passed,
                bad=row.bad,
                bad_passed=row.bad_passed,
            )
            for row in found.checks
        },
        health=dict(found.health),
    )


def _build_observed(row: OutcomeRow) -> Observed:
    """Return what a row shows. Of weights that nobody's judgements made, only a trace is left."""
    judged = row.judged if row.sources else 0.0
    return Observed(
        judged=judged,
        good=min(max(row.good, 0.0), judged),
        judged_by=row.sources,
        answered=row.answered,
        first_token_ms=row.first_token_ms,
        total_ms=row.total_ms,
        cost_usd=row.cost_usd,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        called=row.called,
        calls_rejected=row.called * (row.calls_rejected or 0.0),
        calls_failed=row.called * (row.calls_failed or 0.0),
    )
