"""Faults are read strictly and counted per prompt."""

import pytest

from simulator.faults import (
    Alter,
    Break,
    Breakage,
    Delay,
    FaultDesk,
    FaultError,
    Refuse,
    Scheduled,
    parse_fault,
)
from simulator.request import Question, Vendor


def a_question(prompt: str = "p", *, vendor: Vendor = Vendor.OPENAI, model: str = "m") -> Question:
    return Question(
        vendor=vendor,
        model=model,
        prompt=prompt,
        context="",
        message_count=1,
        max_tokens=None,
        stream=True,
        wants_reasoning=False,
        shows_reasoning=True,
        wants_usage=False,
        is_cacheable=False,
    )


@pytest.mark.parametrize(
    ("spec", "what", "times"),
    [
        ("429 retry_after=0.5 times=2", Refuse(429, "0.5"), 2),
        ("529", Refuse(529), None),
        ("stall, after=0", Break(Breakage.STALL, 0), None),
        ("cut;times=1", Break(Breakage.CUT, 3), 1),
        ("clean-end", Break(Breakage.CLEAN_END), None),
        ("bad-json after=7", Break(Breakage.BAD_JSON, 7), None),
        ("error-event", Break(Breakage.ERROR_EVENT), None),
        (" slow-headers=1.5 ", Delay(1.5), None),
        ("finish=abort times=1", Alter(finish="abort"), 1),
        ("empty", Alter(is_empty=True), None),
    ],
)
def test_a_fault_is_read_from_words(
    spec: str, what: Refuse | Break | Delay | Alter, times: int | None
) -> None:
    fault = parse_fault(spec)

    assert (fault.what, fault.times) == (what, times)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "200",
        "explode",
        "cut after",
        "cut after=x",
        "429 after=2",
        "slow-headers=soon",
        "stall=1",
    ],
)
def test_words_that_are_no_fault_are_refused(spec: str) -> None:
    with pytest.raises(FaultError):
        parse_fault(spec)


def test_a_fault_with_times_is_spent_per_prompt() -> None:
    desk = FaultDesk()
    header = {"x-cogo-fault": "500 times=2"}

    taken = [desk.take(a_question(prompt), header) is not None for prompt in "aaabab"]

    assert taken == [True, True, False, True, False, True]


def test_a_spent_fault_makes_room_for_the_next_one() -> None:
    desk = FaultDesk()
    desk.schedule([Scheduled(fault=parse_fault("cut"))])
    question = a_question("x [[fault:429 times=1]]")

    specs = [fault.spec for _ in range(2) if (fault := desk.take(question, {}))]

    assert specs == ["429 times=1", "cut"]


def test_a_scheduled_fault_keeps_to_its_vendor_and_model() -> None:
    desk = FaultDesk()
    desk.schedule([Scheduled(fault=parse_fault("500"), vendor=Vendor.FIREWORKS, model="deepseek")])

    def is_hit(vendor: Vendor, model: str) -> bool:
        return desk.take(a_question(vendor=vendor, model=model), {}) is not None

    assert is_hit(Vendor.FIREWORKS, "deepseek")
    assert not is_hit(Vendor.FIREWORKS, "glm")
    assert not is_hit(Vendor.OPENAI, "deepseek")


def test_a_new_schedule_counts_from_zero() -> None:
    desk = FaultDesk()
    once = [Scheduled(fault=parse_fault("500 times=1"))]

    desk.schedule(once)
    first = desk.take(a_question(), {})
    spent = desk.take(a_question(), {})
    desk.schedule(once)
    again = desk.take(a_question(), {})

    assert (first is not None, spent, again is not None) == (True, None, True)
