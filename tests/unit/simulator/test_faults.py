"""Faults are parsed strictly and counted per prompt."""

import pytest

from simulator.faults import (
    AlteredAnswer,
    Breakage,
    BrokenBody,
    BrokenInfo,
    CallsAsText,
    Effect,
    ErrorStatus,
    Fault,
    FaultError,
    FaultRegistry,
    OddDeltas,
    ParserError,
    ScheduledFault,
    ServerHabit,
    SlowHeaders,
    TaggedThinking,
    parse_fault,
)
from simulator.local.call_texts import Writing
from simulator.request import Vendor


def take(
    faults: FaultRegistry,
    prompt: str = "p",
    *,
    vendor: Vendor = Vendor.OPENAI,
    model: str = "m",
    header: str | None = None,
) -> Fault | None:
    headers = {"x-cogo-fault": header} if header else {}
    return faults.take(vendor=vendor, model=model, prompt=prompt, headers=headers)


@pytest.mark.parametrize(
    ("spec", "effect", "times"),
    [
        ("429 retry_after=0.5 times=2", ErrorStatus(429, "0.5"), 2),
        ("529", ErrorStatus(529), None),
        ("stall, after=0", BrokenBody(Breakage.STALL, 0), None),
        ("cut;times=1", BrokenBody(Breakage.CUT, 3), 1),
        ("clean-end", BrokenBody(Breakage.CLEAN_END), None),
        ("bad-json after=7", BrokenBody(Breakage.BAD_JSON, 7), None),
        ("error-event", BrokenBody(Breakage.ERROR_EVENT), None),
        (" slow-headers=1.5 ", SlowHeaders(1.5), None),
        ("finish=abort times=1", AlteredAnswer(finish_reason="abort"), 1),
        ("empty", AlteredAnswer(is_empty=True), None),
        ("text-calls=hermes", CallsAsText(Writing("hermes")), None),
        ("text-calls=llama flaw=malformed times=1", CallsAsText(Writing("llama", "malformed")), 1),
        ("parse-error=qwen-xml after=2", ParserError(Writing("qwen-xml"), 2), None),
        ("refuses-tools", ServerHabit.REFUSES_TOOLS, None),
        ("thinking=forced", TaggedThinking.FORCED, None),
        ("call-deltas=no-index", OddDeltas("no-index"), None),
        ("info=404", BrokenInfo(404), None),
        ("info=bad-json times=1", BrokenInfo(Breakage.BAD_JSON), 1),
    ],
)
def test_a_fault_is_parsed_from_words(spec: str, effect: Effect, times: int | None) -> None:
    fault = parse_fault(spec)

    assert (fault.effect, fault.times) == (effect, times)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "200",
        "explode",
        "text-calls",
        "text-calls=cobol",
        "text-calls=hermes flaw=ugly",
        "thinking=hard",
        "call-deltas=upwards",
        "info=cut",
        "cut after",
        "cut after=x",
        "429 after=2",
        "slow-headers=soon",
        "stall=1",
    ],
)
def test_an_invalid_fault_is_refused(spec: str) -> None:
    with pytest.raises(FaultError):
        parse_fault(spec)


def test_times_limits_a_fault_per_prompt() -> None:
    faults = FaultRegistry()

    taken = [take(faults, prompt, header="500 times=2") is not None for prompt in "aaabab"]

    assert taken == [True, True, False, True, False, True]


def test_after_a_used_up_fault_the_next_one_applies() -> None:
    faults = FaultRegistry()
    faults.schedule([ScheduledFault(fault=parse_fault("cut"))])
    prompt = "x [[fault:429 times=1]]"

    specs = [fault.spec for _ in range(2) if (fault := take(faults, prompt))]

    assert specs == ["429 times=1", "cut"]


def test_a_scheduled_fault_applies_to_its_vendor_and_model_only() -> None:
    faults = FaultRegistry()
    faults.schedule(
        [ScheduledFault(fault=parse_fault("500"), vendor=Vendor.FIREWORKS, model="deepseek")]
    )

    def is_hit(vendor: Vendor, model: str) -> bool:
        return take(faults, vendor=vendor, model=model) is not None

    assert is_hit(Vendor.FIREWORKS, "deepseek")
    assert not is_hit(Vendor.FIREWORKS, "glm")
    assert not is_hit(Vendor.OPENAI, "deepseek")


def test_a_new_schedule_resets_the_counts() -> None:
    faults = FaultRegistry()
    once = [ScheduledFault(fault=parse_fault("500 times=1"))]

    faults.schedule(once)
    first = take(faults)
    spent = take(faults)
    faults.schedule(once)
    again = take(faults)

    assert (first is not None, spent, again is not None) == (True, None, True)
