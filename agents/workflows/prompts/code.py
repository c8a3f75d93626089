"""Prompts about code."""

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
