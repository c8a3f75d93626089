"""The stored turns of a task, as text: what models said, called and got."""

from collections.abc import Iterator, Mapping, Sequence

from cogo.watch.calls import format_call
from protocol.messages import write_content
from protocol.records import Subtask, TurnLine

_INDENT = " " * 11


def list_turn_lines(step: Subtask, turns: Sequence[TurnLine]) -> Iterator[str]:
    """Yield the lines of one step: its stored turns, and the answer that ended them."""
    number, ended = 0, {each.call_id for each in turns if each.kind == "result"}
    for each in turns:
        match each.kind:
            case "answer":
                number += 1
                yield f"{step.key}, turn {number}"
                if (each.text or "").strip():
                    yield _write("says", each.text or "")
                for call in _list_calls(each):
                    yield _write("calls", format_call(call.get("name"), call.get("arguments")))
            case "approval":
                verdict = "approved" if each.approved else "refused"
                comment = f": {each.comment}" if each.comment else ""
                yield _write("a person", f"{verdict} {each.call_id}{comment}")
            case "begun" if each.call_id not in ended:
                yield _write("began", f"{each.tool}; what it gave is not stored")
            case "result":
                verb = "gave" if each.status == "ok" else str(each.status)
                took = f" in {each.seconds:.1f} s" if each.seconds else ""
                yield _write(verb, f"{each.tool}{took}\n{write_content(each.content)}")
            case _:
                continue
    if number and step.output is not None:
        yield f"{step.key}, turn {number + 1}"
        yield _write("says", str(step.output.get("text") or ""))


def _write(verb: str, text: str) -> str:
    return f"  {verb:<9}" + text.strip("\n").replace("\n", f"\n{_INDENT}")


def _list_calls(turn: TurnLine) -> list[Mapping[str, object]]:
    calls = turn.calls if isinstance(turn.calls, list) else []
    return [each for each in calls if isinstance(each, dict)]
