"""Keys and passwords in prompts are masked before they leave this machine.

Only shapes that their issuers document, so that ordinary code is left alone: scanners that judge by
entropy (detect-secrets and the like) flag hashes and identifiers, read files line by line, and cost
milliseconds for each prompt. One expression over each text costs microseconds per kilobyte.
"""

import re
from dataclasses import replace
from typing import Final

from providers.chat import ChatRequest, Message

__all__ = ["MASK", "mask_keys", "masked"]

MASK: Final = "[masked key]"

_KEYS: Final = re.compile(
    r"""
    \b(?:
        sb_secret_[\w-]{16,}                                # Supabase
      | sk-(?:ant-|proj-|or-v1-|svcacct-)?[A-Za-z0-9_-]{20,}  # Anthropic, OpenAI, OpenRouter
      | (?:fw|gsk|hf|xai|csk|nvapi|tgp_v1|lsv2_pt)[_-][A-Za-z0-9_-]{20,}  # Fireworks, Groq, others
      | pplx-[A-Za-z0-9]{20,}                               # Perplexity
      | AIza[A-Za-z0-9_-]{35}                               # Google
      | (?:AKIA|ASIA)[A-Z0-9]{16}\b                         # Amazon Web Services
      | gh[pousr]_[A-Za-z0-9]{36,}                          # GitHub
      | github_pat_[A-Za-z0-9_]{22,}
      | glpat-[A-Za-z0-9_-]{20,}                            # GitLab
      | xox[abeoprs]-[A-Za-z0-9-]{10,}                      # Slack
      | (?:sk|rk)_live_[A-Za-z0-9]{16,}                     # Stripe
      | npm_[A-Za-z0-9]{36}
      | pypi-[A-Za-z0-9_-]{50,}
      | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}   # a JSON web token
    )
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]+?-----END[ ][A-Z ]*PRIVATE[ ]KEY-----
    """,
    re.VERBOSE,
)


def mask_keys(text: str) -> tuple[str, int]:
    """The text without keys, and how many there were."""
    return _KEYS.subn(MASK, text)


def masked(request: ChatRequest) -> tuple[ChatRequest, int]:
    """The request as it may leave, and how many keys were taken out."""
    system, found = mask_keys(request.system or "")
    messages = []
    for message in request.messages:
        message, here = _masked_message(message)  # noqa: PLW2901
        messages.append(message)
        found += here
    if not found:
        return request, 0
    return replace(request, system=system or None, messages=tuple(messages)), found


def _masked_message(message: Message) -> tuple[Message, int]:
    content, found = mask_keys(message.content)
    calls = []
    for call in message.tool_calls:
        arguments, here = mask_keys(call.arguments)
        calls.append(replace(call, arguments=arguments))
        found += here
    if not found:
        return message, 0
    return replace(message, content=content, tool_calls=tuple(calls)), found
