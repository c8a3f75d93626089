"""Counts of calls by outcome and deployment."""

from datetime import timedelta
from uuid import uuid4

import pytest

from agents.middleware.call_counts import CallCounts, CallOutcome, classify_call
from agents.middleware.rate_limit import build_draws
from providers import errors
from providers.calls.middleware import CallContext, CallReport, VendorCall
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.chat import ChatRequest, Done, FinishReason, Message
from providers.errors import TimedOut, TimeoutPhase

DONE = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")
SECOND = timedelta(seconds=1)


def ended(error: BaseException | None, *, spoken: bool = False, sent: bool = True) -> CallReport:
    return CallReport(
        sent=sent,
        error=error,
        done=None if error else DONE,
        first_token=SECOND if spoken else None,
    )


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        (ended(None), CallOutcome.ANSWERED),
        (ended(errors.InvalidRequest("v", "no")), CallOutcome.ANSWERED),
        (ended(errors.AuthenticationFailed("v", "no")), CallOutcome.ANSWERED),
        (ended(errors.Overloaded("v", "no")), CallOutcome.FAILED),
        (ended(errors.MalformedResponse("v", "no")), CallOutcome.FAILED),
        (ended(errors.IncompleteStream("v", "no")), CallOutcome.FAILED),
        (ended(TimedOut("v", TimeoutPhase.STALL, SECOND)), CallOutcome.FAILED),
        (ended(TimedOut("v", TimeoutPhase.CONNECT, SECOND)), CallOutcome.UNREACHABLE),
        (ended(errors.ConnectionFailed("v", "no")), CallOutcome.UNREACHABLE),
        (ended(errors.ConnectionFailed("v", "no"), spoken=True), CallOutcome.FAILED),
        (ended(errors.RateLimited("v", "no")), CallOutcome.LIMITED),
        (ended(errors.CircuitOpen("v", "no"), sent=False), CallOutcome.NOTHING),
        (ended(GeneratorExit()), CallOutcome.NOTHING),
    ],
)
def test_key_failures_requests_and_limits_are_no_failures_of_the_vendor(
    report: CallReport, outcome: CallOutcome
) -> None:
    assert classify_call(report) is outcome


def a_tally() -> CallCounts:
    return CallCounts(deployment="v:m", model_id="m", provider="v")


def test_a_report_resets_its_counts_and_keeps_the_failures_in_a_row() -> None:
    counts = a_tally()
    counts.add(ended(None), has_spare_keys=False)
    for _ in range(2):
        counts.add(ended(errors.Overloaded("v", "no")), has_spare_keys=False)
    counts.add(ended(errors.ConnectionFailed("v", "no")), has_spare_keys=False)
    trial = uuid4()
    counts.trial = (trial, "running")

    first = counts.build_report(concurrency=4, running=1)
    after = counts.reset()

    assert (first.answered, first.failed, first.in_a_row, first.unreachable) == (1, 2, 2, 1)
    assert first.trial == "running"
    second = after.build_report(concurrency=4, running=1)
    assert (second.answered, second.failed, second.in_a_row) == (0, 0, 0)
    assert second.unreachable is None
    assert (second.trial, second.trial_id) == ("running", trial)
    after.add(ended(errors.ConnectionFailed("v", "no")), has_spare_keys=False)
    assert after.build_report(concurrency=4, running=1).unreachable == 2


def test_the_wish_to_wait_is_everybodys_only_with_one_key() -> None:
    error = errors.RateLimited("v", "no", retry_after=5 * SECOND)
    alone, one_of_many = a_tally(), a_tally()

    alone.add(ended(error), has_spare_keys=False)
    one_of_many.add(ended(error), has_spare_keys=True)

    assert alone.build_report(concurrency=1, running=0).retry_after_seconds == 5
    assert one_of_many.build_report(concurrency=1, running=0).retry_after_seconds is None


def test_draws_are_the_deployments_own_rates_before_its_providers() -> None:
    catalogue = Catalogue.load()
    model = catalogue.get_model("claude-sonnet-5-5")
    place = Deployment(
        model=model,
        entry=model.deployments[0].model_copy(update={"requests_per_minute": 7}),
        host=catalogue.providers["anthropic"].model_copy(
            update={"requests_per_minute": 50, "tokens_per_minute": 9000}
        ),
        base_url="",
    )
    request = ChatRequest(model="m", messages=(Message(role="user", content="x" * 4000),))

    draws = build_draws(VendorCall(deployment=place, request=request, context=CallContext()))

    assert [(each.amount, each.per_minute) for each in draws] == [(1, 7), (2000, 9000)]
    assert len({each.bucket for each in draws}) == 2
