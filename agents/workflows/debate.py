"""DEBATE: independent answers first; only where they differ are they argued over and decided."""

from datetime import timedelta

from agents.workflows.engine import Result, Run, workflow
from agents.workflows.params import ChatParams
from agents.workflows.prompts import debate as prompts
from agents.workflows.swarms.agreement import Comparison, may_agree
from agents.workflows.swarms.casting import DEBATERS, JUDGES, cast_debate
from agents.workflows.swarms.debate_record import DebateRecord
from agents.workflows.swarms.debate_result import build_agreement, build_decision, build_undecided
from agents.workflows.swarms.positions import Position, Reply, Ruling
from agents.workflows.swarms.time_limits import LEAST_LIMIT, USUAL_LIMIT, settle_without_late


@workflow("DEBATE", params=ChatParams)
async def debate(run: Run) -> Result:
    """Ask models of three makers independently; unless they agree, argue once and decide.

    At most eight calls if none fails. Who fails or stalls is left out. The dissent is part of the
    result.
    """
    began, panel = run.now, run.panel(*DEBATERS, *JUDGES)
    record = DebateRecord(cast_debate(panel))
    await take_positions(run, record)
    await compare(run, record)
    for answer, score in record.score_openings():
        run.judge(answer, score, source="agreement")
    if record.is_agreed:
        return build_agreement(record, panel)
    if record.can_pay_round(run):
        await argue(run, record)
    ruling = await decide(run, record, max(USUAL_LIMIT, run.now - began))
    return build_decision(record, panel, ruling) if ruling else build_undecided(record, panel)


async def take_positions(run: Run, record: DebateRecord) -> None:
    """Ask all debaters at once; none sees another."""
    question, params = prompts.ask_for_position(run.prompt), run.params_as(ChatParams)
    steps = {
        name: run.ask(
            name, question, schema=Position, model=member.model, role=member.role,
            not_by=record.list_others(name), with_history=True,
            params=params.for_step(prompts.describe_debater(name), question),
        )
        for name, member in record.cast.debaters.items()
    }  # fmt: skip
    record.open(steps, await settle_without_late(run, [*steps.values()]))


async def compare(run: Run, record: DebateRecord) -> None:
    """If positions agree in other words, find it out by one cheap call."""
    verdicts = record.list_verdicts()
    if record.is_agreed or not may_agree(verdicts):
        return
    step = run.ask(
        "comparison", prompts.ask_for_comparison(run.prompt, verdicts), schema=Comparison,
        role="fast", system=prompts.COMPARER,
    )  # fmt: skip
    record.compare(step, await run.settle_within(LEAST_LIMIT, step))


async def argue(run: Run, record: DebateRecord) -> None:
    """Show each debater the others, without their names, to attack their strongest point."""
    params, steps = run.params_as(ChatParams), {}
    for name, own in record.positions.items():
        others = [each.to_data() for other, each in record.positions.items() if other != name]
        run.random.shuffle(others)
        prompt = prompts.ask_for_reply(run.prompt, own.to_data(), others)
        steps[name] = run.ask(
            name, prompt, schema=Reply, model=record.get_model(name),
            role=record.cast.debaters[name].role, not_by=record.list_others(name),
            with_history=True,
            params=params.for_step(prompts.describe_debater(name), prompt),
        )  # fmt: skip
    record.close(steps, await settle_without_late(run, [*steps.values()]))


async def decide(run: Run, record: DebateRecord, limit: timedelta) -> Ruling | None:
    """Have a model that did not debate decide, without knowing who said what.

    One that takes longer than the limit is replaced as one that fails.
    """
    order = [*record.positions]
    run.random.shuffle(order)
    prompt = prompts.ask_for_ruling(run.prompt, record.show_to_judge(order))
    for judge in record.list_judges():
        step = run.ask(
            "verdict", prompt, schema=Ruling, model=judge, role=JUDGES[0],
            not_by=record.list_others(), with_history=True,
            params=run.params_as(ChatParams).for_step(prompts.JUDGE, prompt),
        )  # fmt: skip
        ended = await run.settle_within(limit, step)
        record.add_verdict(step, ended)
        if isinstance(ended, Ruling):
            return ended
    return None
