"""DEBATE: independent answers first; only where they differ are they argued over and decided."""

from agents.workflows.engine import Result, Run, workflow
from agents.workflows.params import ChatParams
from agents.workflows.prompts import debate as prompts
from agents.workflows.swarms.agreement import Comparison, may_agree
from agents.workflows.swarms.casting import DEBATERS, JUDGES, cast_debate
from agents.workflows.swarms.debate_record import DebateRecord
from agents.workflows.swarms.debate_result import build_agreement, build_decision, build_undecided
from agents.workflows.swarms.patience import settle_patiently, settle_soon
from agents.workflows.swarms.positions import Position, Reply, Ruling


@workflow("DEBATE", params=ChatParams)
async def debate(run: Run) -> Result:
    """Ask models of three makers independently; unless they agree, argue once and decide.

    At most eight calls if none fails. Who fails or stalls is left out. The dissent is part of the
    result.
    """
    panel = run.panel(*DEBATERS, *JUDGES)
    held = DebateRecord(cast_debate(panel))
    await take_positions(run, held)
    await compare(run, held)
    if held.is_agreed:
        return build_agreement(held, panel)
    if held.can_pay_round(run):
        await argue(run, held)
    ruling = await decide(run, held)
    return build_decision(held, panel, ruling) if ruling else build_undecided(held, panel)


async def take_positions(run: Run, held: DebateRecord) -> None:
    """Ask all debaters at once; none sees another."""
    question, params = prompts.ask_for_position(run.prompt), run.params_as(ChatParams)
    steps = {
        name: run.ask(
            name, question, schema=Position, model=member.model, role=member.role,
            not_by=held.list_others(name), with_history=True,
            params=params.for_step(prompts.describe_debater(name), question),
        )
        for name, member in held.cast.debaters.items()
    }  # fmt: skip
    held.open(steps, await settle_patiently(run, [*steps.values()]))


async def compare(run: Run, held: DebateRecord) -> None:
    """If positions agree in other words, find it out by one cheap call."""
    verdicts = held.list_verdicts()
    if held.is_agreed or not may_agree(verdicts):
        return
    step = run.ask(
        "comparison", prompts.ask_for_comparison(run.prompt, verdicts), schema=Comparison,
        role="fast", system=prompts.COMPARER,
    )  # fmt: skip
    held.compare(step, await settle_soon(run, step))


async def argue(run: Run, held: DebateRecord) -> None:
    """Show each debater the others, without their names, to attack their strongest point."""
    params, steps = run.params_as(ChatParams), {}
    for name, own in held.positions.items():
        others = [each.to_data() for other, each in held.positions.items() if other != name]
        run.random.shuffle(others)
        prompt = prompts.ask_for_reply(run.prompt, own.to_data(), others)
        steps[name] = run.ask(
            name, prompt, schema=Reply, model=held.get_model(name),
            role=held.cast.debaters[name].role, not_by=held.list_others(name), with_history=True,
            params=params.for_step(prompts.describe_debater(name), prompt),
        )  # fmt: skip
    held.close(steps, await settle_patiently(run, [*steps.values()]))


async def decide(run: Run, held: DebateRecord) -> Ruling | None:
    """Have a model that did not debate decide, without knowing who said what."""
    order = [*held.positions]
    run.random.shuffle(order)
    prompt = prompts.ask_for_ruling(run.prompt, held.show_to_judge(order))
    for judge in held.list_judges():
        step = run.ask(
            "verdict", prompt, schema=Ruling, model=judge, role=JUDGES[0],
            not_by=held.list_others(), with_history=True,
            params=run.params_as(ChatParams).for_step(prompts.JUDGE, prompt),
        )  # fmt: skip
        [ended] = await run.settled(step)
        held.add_verdict(step, ended)
        if isinstance(ended, Ruling):
            return ended
    return None
