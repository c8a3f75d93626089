"""Texts of the prompts that are sent to models."""

from collections.abc import Sequence
from typing import Final

EXPERT: Final = (
    "You are an expert software developer. Generate clean, efficient, and well-documented code. "
    "Answer with one fenced code block that holds the complete file, "
    "and at most one short sentence around it."
)
ANALYST: Final = (
    "You are an expert software developer who reads other people's code with care. "
    "Be specific: name the line or the construct, say what is wrong and what to write instead."
)
ASSISTANT: Final = "You are a helpful assistant. Answer precisely and say when you do not know."
STRATEGIST: Final = (
    "You are a strategist for software and organisations. Give the architecture or approach, the "
    "steps in their order, the risks with what to do about each, and the resources needed. "
    "Name your assumptions, and what would change your advice."
)
DEBATER: Final = (
    "You weigh a question from several sides. Argue the optimistic, the cautious and the balanced "
    "view, each with its strongest evidence, then judge between them and say what would decide it."
)
COORDINATOR: Final = (
    "You lead a small team alone: first plan the work, then do it completely, with working code "
    "where code is asked for, then review what you did and name its weak points."
)

ANALYSES: Final = {
    "review": (
        "Please review the following code for best practices, potential issues, and improvements:"
    ),
    "optimize": "Please analyze and optimize the following code for performance and efficiency:",
    "debug": "Please analyze the following code for potential bugs and issues:",
    "document": "Please generate comprehensive documentation for the following code:",
}


def build_analysis(kind: str, request: str, code: str | None) -> str:
    """Ask for an analysis. Without `code` the request itself carries the code."""
    if code is None:
        return f"{ANALYSES[kind]}\n\n{request}"
    return f"{ANALYSES[kind]}\n\n{code}\n\nWhat the person asked for: {request}"


def add_context(
    prompt: str,
    *,
    file: str | None,
    language: str | None,
    framework: str | None,
    context: str | None,
    tests: str | None,
) -> str:
    """Add what the params say about the surroundings of the code."""
    parts = [prompt]
    if file:
        parts.append(f"File: {file}")
    if language:
        parts.append(f"Language: {language}")
    if framework:
        parts.append(f"Framework: {framework}")
    if context:
        parts.append(f"Existing code for context:\n\n{context}")
    if tests:
        parts.append(f"Tests that the code must pass:\n\n{tests}")
    return "\n\n".join(parts)


def add_answers(prompt: str, answers: Sequence[str]) -> str:
    """Ask for one answer in place of several, which are shown without their authors."""
    shown = "\n\n".join(
        f'<answer number="{number}">\n{answer}\n</answer>'
        for number, answer in enumerate(answers, start=1)
    )
    return (
        f"{prompt}\n\n{len(answers)} independent answers to this request follow. Compare them, "
        "find where they disagree and decide who is right, then give one complete answer of your "
        f"own. Do not mention that there were others.\n\n{shown}"
    )
