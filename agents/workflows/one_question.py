"""Tasks that are one question, answered as the task's policy wants it.

One model answers; with the policy `ensemble` a team, whose answers one model combines; with
`cascade` a cheap model first, and a better one if that answer fails a check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.workflows.engine import Answer, LastStep, Result, Run, Step, StepFailed
from agents.workflows.engine.task_data import follow_task_schema
from agents.workflows.params.step_params import RESPONSE_SCHEMA
from agents.workflows.prompts.talk import add_answers
from agents.workflows.swarms.agreement import group_verdicts, score_agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the settings of the request."""

    prompt: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """`messages`, if it has any, are the whole conversation and replace the prompt."""
    role: str | None = None

    def ask(
        self,
        run: Run,
        key: str,
        *,
        model: str | None = None,
        answer: bool = False,
        drafts: Sequence[str] = (),
        after: Sequence[str] = (),
    ) -> Step[Answer]:
        """Describe the step that asks it; with `drafts` for one answer in place of these.

        `after` names models whose answers failed.
        """
        prompt, params = self.prompt, dict(self.params)
        if drafts:
            prompt = add_answers(prompt, drafts)
            if turns := params.get("messages"):
                params["messages"] = [*turns, {"role": "user", "content": prompt}]
        step = run.ask(
            key,
            prompt,
            model=model,
            role=self.role,
            answer=answer,
            with_history=True,
            after=after,
            params=params,
        )
        return follow_task_schema(run, step) if answer else step


async def answer_question(run: Run, question: Question) -> Result | LastStep:
    """Answer as the policy wants it; calls of the caller's tools are one answer's."""
    if question.params.get("client_tools"):
        return run.hand_over(question.ask(run, "main", answer=True))
    match run.decide("policy"):
        case "ensemble":
            return await ask_team(run, question)
        case "cascade":
            return await climb_ladder(run, question)
        case _:
            return run.hand_over(question.ask(run, "main", answer=True))


async def ask_team(run: Run, question: Question) -> LastStep:
    """Ask a team at once and let its best model combine the answers; without a team ask one."""
    team = run.team()
    best = team[0] if team else None
    drafts = await run.settled(
        *(question.ask(run, f"main_{n}", model=each) for n, each in enumerate(team, start=1))
    )
    answers = [each for each in drafts if isinstance(each, Answer)]
    texts = [each.text for each in answers]
    scores = score_agreement(group_verdicts(texts))
    for answer, score in zip(answers, scores or (), strict=scores is not None):
        run.judge(answer, score, source="agreement")
    return run.hand_over(question.ask(run, "main", model=best, answer=True, drafts=texts))


async def climb_ladder(run: Run, question: Question) -> Result | LastStep:
    """Ask the cheapest model that is good enough; while an answer fails its check, a better one."""
    check = "schema" if RESPONSE_SCHEMA in run.params else "form"
    *cheaper, best = run.ladder(question.role or "answer", check)
    failed: list[str] = []
    for model in cheaper:
        try:
            answer = await question.ask(run, "main", model=model, answer=True, after=failed)
        except StepFailed as error:
            if error.error_class == "invalid_answer":
                failed.append(model)
            continue
        if answer.problem is None:
            return Result(answer.text, output=answer.output)
        failed.append(model)
    return run.hand_over(question.ask(run, "main", model=best, answer=True, after=failed))
