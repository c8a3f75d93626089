"""The end of the demo: what was done by whom and at what cost, and what to type next."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from cogo.terminal import command_path, print_line, print_table
from cogo.watch.format import agent_name, cost_text, marked, milliseconds, task_tokens
from protocol.records import Attempt, Task

HEADINGS = ("TASK", "MODEL", "BY", "ATTEMPTS", "TTFT", "TOTAL", "TOKENS", "COST")


def print_report(
    names: Mapping[UUID, str],
    tasks: Sequence[Task],
    attempts: Mapping[UUID, Sequence[Attempt]],
    *,
    simulated: bool,
) -> None:
    """Print one line a task, in the order of `names`."""
    by_id = {task.id: task for task in tasks}
    rows = [
        _row(name, by_id[id_], attempts[id_], simulated=simulated) for id_, name in names.items()
    ]
    print_line()
    print_table(HEADINGS, rows, drop=("ATTEMPTS", "TTFT", "BY", "TOKENS"))


def _row(name: str, task: Task, attempts: Sequence[Attempt], *, simulated: bool) -> tuple[str, ...]:
    worked = [each for each in attempts if each.lane != "cio"]
    last = worked[-1] if worked else None
    total = (task.finished_at - task.created_at).total_seconds() if task.finished_at else None
    return (
        name,
        marked(last.model_id or last.lane, simulated=simulated) if last else task.status,
        agent_name(last.agent_id) if last else "-",
        str(len(worked)),
        milliseconds(last.first_token_ms) if last else "-",
        milliseconds(total * 1000) if total is not None else "-",
        str(task_tokens(task)),
        cost_text(task.cost_usd),
    )


def next_steps(*, simulated: bool) -> Iterator[str]:
    """Say what to type next, with the path that works from where the person is."""
    cogo = command_path()
    yield ""
    yield "Next:"
    steps = {
        f"{cogo} up": "starts it and leaves it running",
        f'{cogo} submit "Write a Python function is_palindrome(text)"': "in a second terminal",
        f"{cogo} watch": "shows everything, as it happens",
    }
    for command, what in steps.items():
        yield f"  {command}"
        yield f"      {what}"
    if simulated:
        yield ""
        yield (
            "All answers were simulated. Set ANTHROPIC_API_KEY (or FIREWORKS_API_KEY, "
            "OPENAI_API_KEY) and run this again: that turns on a real model."
        )
