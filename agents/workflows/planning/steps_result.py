"""The result of AUTO, made of what its steps have given. Pure."""

from collections.abc import Mapping
from typing import Any

from agents.workflows.engine import Result
from agents.workflows.planning.plan_progress import PlanProgress
from agents.workflows.planning.whole import combine_verifications


def build_steps_result(work: PlanProgress, described: Mapping[str, Any]) -> Result:
    """Return the result: the text of the step that needs the others, or of all that nobody needs.

    Steps that were not done are named in it, too.
    """
    needed = {each for name in work.done for each in work.needs[name]}
    ends = [each for each in work.list_done() if each.name not in needed]
    text = ends[0].value.text
    if len(ends) > 1:
        text = "\n\n".join(f"## {each.name}\n\n{each.value.text}" for each in ends)
    merged = work.merge()
    output: dict[str, Any] = {**described}
    if merged.files:
        output["files"] = merged.files
    if len(merged.files) == 1:
        output["generated_code"] = next(iter(merged.files.values()))
    if (verification := combine_verifications(work.list_done())) is not None:
        output["verification"] = verification
    output |= {**work.parts.build_output(text), "notes": [*work.notes, *merged.notes]}
    return Result(text, output=output)
