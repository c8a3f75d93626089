"""Prompts of COORDINATE."""

from collections.abc import Sequence
from typing import Final

from agents.quoting import RULE, enclose

PLANNER: Final = (
    "You plan work for specialists who cannot talk to each other and see only their own part and "
    "the results that it needs. Say first how the whole hangs together, then divide it where parts "
    "are independent. Fewer parts are better: each must be worth a specialist's time."
)
SPECIALIST: Final = (
    "You do one part of a larger piece of work, completely. Others do the other parts; do not do "
    "theirs, and keep to what was agreed with them."
)
INTEGRATOR: Final = (
    "You make one complete result of the parts that specialists have done. Solve contradictions "
    "between them and fill gaps."
)
TESTER: Final = (
    "You write tests of a program that several people have written, from what was asked for: that "
    "its files work together, not what each of them does alone. Answer with one fenced code block "
    "that holds one file of tests."
)
REVISER: Final = (
    "You repair a program that several people have written. Answer with the complete new text of "
    "each file that must change, each in a fenced block below a line with its path, and with no "
    "other file. Tests stay as they are."
)
READY: Final = "ready"
"""The word by which a review says that nothing must change."""


def ask_for_blueprint(request: str, most: int) -> str:
    """Ask for the plan."""
    return (
        f"{request}\n\n"
        f"Plan this as at most {most} parts. Answer as JSON. `approach` says in a few sentences "
        "how the whole is built. Each of `parts` has a `name` of one or two words, an "
        "`instruction` that a specialist can follow without knowing the rest, its `interface`: "
        "what others may rely on (names, arguments and results of functions, or what a text "
        "contains), `acceptance`: how one sees that it is done, `needs`: the names of the parts "
        "whose results it must have before it can begin, usually none, its `kind`: `code` for a "
        "program, else `text`, and its `file`: for code the path of its file, which no other part "
        "has, else null."
    )


def ask_for_piece(request: str, approach: str, part: Sequence[str], results: Sequence[str]) -> str:
    """Ask a specialist for one part: its instruction, its interface, when it is done."""
    instruction, interface, acceptance = part
    agreed = f"\n\nOthers rely on this: {interface}" if interface else ""
    done = f"\n\nIt is done when: {acceptance}" if acceptance else ""
    shown = "\n\n".join(results)
    given = f"\n\nResults that your part builds on; use them:\n\n{shown}\n{RULE}" if shown else ""
    whole = enclose("whole", f"{request}\n\n{approach}")
    about = f"This is a part of a larger piece of work:\n\n{whole}"
    return f"{instruction}{agreed}{done}\n\n{about}{given}"


def ask_for_whole(request: str, results: Sequence[str]) -> str:
    """Ask for one text of all parts."""
    shown = "\n\n".join(results)
    return (
        f"{request}\n\nSpecialists have done these parts:\n\n{shown}\n{RULE}\n\n"
        "Give the complete result."
    )


def ask_for_common_tests(request: str, approach: str, files: str, language: str) -> str:
    """Ask for tests of all files together."""
    how = (
        "Write plain pytest functions with assert, from three to eight of them. Import the files "
        "as modules, `src/shop/cart.py` as `shop.cart`."
        if language == "python"
        else "Write from three to eight tests for Node's own runner (node:test and node:assert). "
        "Import the files by their relative paths."
    )
    task = enclose("task", f"{request}\n\n{approach}")
    return (
        f"Write tests, in {language}, of this program as a whole:\n\n{task}\n\n{files}\n{RULE}"
        f"\n\n{how} Test that the files work together, with examples "
        "whose results follow from the task; never what it leaves open."
    )


def ask_for_debate(request: str, result: str, known: str) -> str:
    """Ask a debate whether a result can be handed over."""
    return (
        f"Is the result below {READY} or unfinished? The verdict is exactly one of these two "
        "words. It is unfinished if something that was asked for is missing, wrong or "
        "contradictory; the reasons then name each problem, its file or place, and what to write "
        "instead, the worst first. Matters of taste are no reason.\n\n"
        f"{enclose('request', request)}\n\n{enclose('result', result)}\n{RULE}"
        + (f"\n\nIt was run: {known}" if known else "")
    )


def ask_for_correction(request: str, result: str, problems: Sequence[str]) -> str:
    """Ask for a text again, or for the files of a program that must change."""
    listed = "\n\n".join(enclose("problem", each) for each in problems)
    return (
        f"{request}\n\nThis is the result so far:\n\n{enclose('result', result)}\n\n"
        f"What was found:\n\n{listed}\n{RULE}\n\n"
        "Solve these problems and change nothing else. Where they are wrong, keep it as it is. Do "
        "not mention the earlier version."
    )
