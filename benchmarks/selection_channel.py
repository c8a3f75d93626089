"""Time from a request on `model-selection` to its answer, on an idle system."""

import asyncio
import time
from typing import Any, Final

from benchmarks.figures import quantiles
from benchmarks.system import empty_home, running_system
from protocol.bus import OutgoingMessage
from protocol.messages import (
    Envelope,
    MessageType,
    ModelSelectionRequest,
    ModelSelectionResponse,
    read_payload,
)
from protocol.topics import MODEL_SELECTION, SELECTION_TARGET
from protocol.transport.channels import Channels

QUESTIONS: Final = 100
WARM_UP: Final = 10
PAUSE_SECONDS: Final = 0.05
"""Seconds after an answer until the system is idle again."""
PATIENCE_SECONDS: Final = 30.0


async def run() -> list[dict[str, Any]]:
    """Send requests one at a time over Realtime, as another system would."""
    with empty_home() as home:
        async with (
            running_system(home) as system,
            Channels(system.url, system.secret_key) as bus,
            asyncio.timeout(None) as patience,
        ):
            answers: asyncio.Queue[tuple[float, Envelope]] = asyncio.Queue()
            ready = asyncio.Event()
            async with bus.listen(
                MODEL_SELECTION,
                lambda message: answers.put_nowait((time.perf_counter(), message)),
                on_ready=ready.set,
            ):
                await ready.wait()
                samples = []
                for number in range(WARM_UP + QUESTIONS):
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_SECONDS)
                    samples.append(await _one(bus, answers, number))
                    await asyncio.sleep(PAUSE_SECONDS)
    return [
        {
            "name": "selection_channel",
            "unit": "ms",
            **quantiles(samples[WARM_UP:]),
            "goal_p95": 100,
        }
    ]


async def _one(
    bus: Channels, answers: "asyncio.Queue[tuple[float, Envelope]]", number: int
) -> float:
    question = Envelope.wrap(
        MessageType.MODEL_SELECTION_REQUEST,
        ModelSelectionRequest(
            task_requirements={"complexity": "high" if number % 2 else "low"},
        ),
        source="benchmark",
        target=SELECTION_TARGET,
    )
    before = time.perf_counter()
    await bus.publish([OutgoingMessage(topic=MODEL_SELECTION, envelope=question)])
    while True:
        heard_at, message = await answers.get()
        if message.type != MessageType.MODEL_SELECTION_RESPONSE:
            continue
        answer = read_payload(message, ModelSelectionResponse)
        if answer.request_id == question.id:
            if answer.selected_model is None:
                raise RuntimeError(f"no model was chosen: {answer.selection_reason}")
            return (heard_at - before) * 1000
