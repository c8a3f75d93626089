"""Outputs of steps that leases leave out, kept by orchestrators for the next replays."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from protocol.records.flows import FlowRecord, StepRecord

MAX_CHARACTERS: Final = 64_000_000


class StepOutputs(Protocol):
    """The part of a store that reads outputs of steps."""

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return the outputs of these steps, by key."""
        ...


class _Place(NamedTuple):
    """One end of one step. A redriven step ends again, with another number."""

    task_id: UUID
    key: str
    attempt: int
    end_no: int | None


class OutputCache:
    """Reads outputs once; those that were not used for longest are forgotten first."""

    def __init__(self, store: StepOutputs, *, max_characters: int = MAX_CHARACTERS) -> None:
        self._store = store
        self._max_characters = max_characters
        self._kept: OrderedDict[_Place, tuple[Mapping[str, Any], int]] = OrderedDict()
        self._characters = 0

    async def fill(self, task_id: UUID, record: FlowRecord, keys: Sequence[str]) -> FlowRecord:
        """Return the record with the outputs of these steps."""
        wanted = [each for each in record.steps if each.key in set(keys)]
        places = {each.key: _build_place(task_id, each) for each in wanted}
        found = {
            key: dict(self._kept[place][0]) for key, place in places.items() if place in self._kept
        }
        for key in found:
            self._kept.move_to_end(places[key])
        if missing := [key for key in places if key not in found]:
            fetched = await self._store.fetch_step_outputs(task_id=task_id, keys=missing)
            for key, output in fetched.items():
                self._keep(places[key], output)
            # A step without an output has an empty one, so that nobody asks for it again.
            found |= {key: fetched.get(key, {}) for key in missing}
        return record.model_copy(
            update={
                "steps": [
                    each.model_copy(update={"output": found[each.key], "is_output_left_out": False})
                    if each.key in found
                    else each
                    for each in record.steps
                ]
            }
        )

    def _keep(self, place: _Place, output: Mapping[str, Any]) -> None:
        size = len(json.dumps(output, default=str))
        self._kept[place] = (output, size)
        self._characters += size
        while self._characters > self._max_characters:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._characters -= dropped


def _build_place(task_id: UUID, step: StepRecord) -> _Place:
    return _Place(task_id, step.key, step.attempt, step.end_no)
