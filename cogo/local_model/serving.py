"""Reserves memory for the server of a model before it starts."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cogo.config.local_model import (
    HostedModel,
    hold_reservations,
    read_served_models,
    remove_served_model,
    write_served_model,
)
from cogo.errors import CommandError
from cogo.local_model.fit import Reservation, ServingPlan, Shortage, calculate_room, plan_serving
from cogo.local_model.library import InstalledModel
from cogo.local_model.machine import (
    count_free_cores,
    measure_free_memory,
    measure_resident_memory,
)


@dataclass(frozen=True, slots=True)
class Hosting:
    """A model that is to be served, or is served already."""

    model: InstalledModel
    served: HostedModel
    is_ours: bool
    """Whether this process must start the server."""


def measure_room(served: Sequence[HostedModel] | None = None) -> int:
    """Return the memory for another model, beside those that are served."""
    others = read_served_models() if served is None else served
    return calculate_room(
        measure_free_memory(),
        [
            Reservation(
                alias=each.alias, reserved=each.memory, resident=measure_resident_memory(each.pid)
            )
            for each in others
        ],
    )


@contextmanager
def reserve_model(
    model: InstalledModel, *, idle_seconds: int, parallel: int | None = None
) -> Iterator[Hosting]:
    """Reserve memory for a model while the block runs. Raises CommandError if there is too little.

    A model that is served already is used as it is.
    """
    facts = model.read_facts()
    with hold_reservations() as folder:
        others = read_served_models(folder)
        found = next((each for each in others if each.alias == model.alias), None)
        served = found
        if served is None:
            plan = plan_serving(model.size, facts, room=measure_room(others), parallel=parallel)
            if isinstance(plan, Shortage):
                raise CommandError(explain_shortage(model.alias, plan, others))
            served = _build(model, plan, idle_seconds)
            write_served_model(folder, served)
    try:
        yield Hosting(model, served, is_ours=found is None)
    finally:
        if found is None:
            with suppress(OSError), hold_reservations() as folder:
                remove_served_model(folder, model.alias)


def explain_shortage(alias: str, shortage: Shortage, others: Sequence[HostedModel]) -> str:
    """Return why a model cannot be served, and what to do."""
    names = ", ".join(each.alias for each in others)
    beside = f" beside {names}: stop one of them" if names else ": close other programs"
    return (
        f"{alias} needs {shortage.needed / 1e6:,.0f} MB of memory, and {shortage.room / 1e6:,.0f} "
        f"MB are left{beside}, or use a smaller model or quantization"
    )


def _build(model: InstalledModel, plan: ServingPlan, idle_seconds: int) -> HostedModel:
    return HostedModel(
        alias=model.alias,
        supervisor=os.getpid(),
        memory=plan.memory,
        context=plan.context,
        parallel=plan.parallel,
        threads=count_free_cores(),
        idle_seconds=idle_seconds,
        file=str(model.path),
        sha256=model.sha256,
    )
