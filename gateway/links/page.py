"""The page of a question: HTML without scripts, which every browser and reader shows."""

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterator
from html import escape
from typing import Final

from pydantic import JsonValue
from starlette.responses import HTMLResponse

from protocol.records import ApprovalRow

MAX_COMMENT: Final = 10_000
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1.05rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 44rem; padding: 1.5rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; white-space: pre-wrap; }
dt { font-weight: 600; margin-top: .8rem; }
dd { margin: 0; }
pre { border: 1px solid; margin: 0; max-height: 24rem; overflow: auto; padding: .6rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
label { display: block; font-weight: 600; margin-top: 1.2rem; }
textarea { box-sizing: border-box; font: inherit; width: 100%; }
button { border: 2px solid; border-radius: .4rem; cursor: pointer; font: inherit; font-weight: 600;
  margin: 1rem .8rem 0 0; min-height: 2.75rem; padding: 0 1.4rem; }
:focus-visible { outline: 3px solid #2a6fdb; outline-offset: 2px; }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_HASH}'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # No other site learns the address. With `no-referrer` browsers would send the form with the
    # origin `null`, which a gateway on loopback refuses.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_CONTROLS: Final = {"Cc", "Cf", "Co", "Cs"}
_HARMLESS: Final = "\n\t\u200c\u200d"
"""Of these categories; the last two join letters and pictures."""


def build_page(status: int, title: str, *paragraphs: str, body: str = "") -> HTMLResponse:
    """Build a page. `body` is HTML, the other texts are not."""
    texts = "".join(f"<p>{show_text(each)}</p>" for each in paragraphs)
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{show_text(title[:100])}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{show_text(title)}</h1>{texts}{body}</main></body></html>\n",
        status,
        HEADERS,
    )


def build_question_page(
    approval: ApprovalRow, *, answers_as: str, problem: str | None = None, status: int = 200
) -> HTMLResponse:
    """Build the page that asks; `problem`: why the last answer was not taken."""
    alert = "" if problem is None else f'<p role="alert"><strong>{show_text(problem)}</strong></p>'
    return build_page(
        status,
        approval.question,
        body=f"<dl>{''.join(_list_facts(approval, answers_as))}</dl>{alert}{_build_form(approval)}",
    )


def build_answered_page(approval: ApprovalRow, *, status: int = 200) -> HTMLResponse:
    """Build the page that says how a question was answered, by whom and when."""
    who = approval.answered_name
    if approval.answered_via == "expiry":
        who = "nobody: its time had passed"
    verb = "Refused" if not approval.approved else "Approved"
    if approval.is_text_question and approval.approved:
        verb = "Answered"
    facts = [
        _build_fact("Question", show_text(approval.question)),
        _build_fact(f"{verb} by", show_text(who)),
        _build_fact("When", f"{approval.answered_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    if approval.comment:
        facts.append(_build_fact("Comment", f"<pre>{show_text(approval.comment)}</pre>"))
    title = f"{verb}. The first answer counts."
    return build_page(status, title, body=f'<dl role="status">{"".join(facts)}</dl>')


def _list_facts(approval: ApprovalRow, answers_as: str) -> Iterator[str]:
    if isinstance(approval.show, dict):
        for name, value in approval.show.items():
            yield _build_fact(name, _show_value(value), is_html_name=False)
    elif approval.show is not None:
        yield _build_fact("Shown", _show_value(approval.show))
    cost = "unknown" if approval.cost_usd is None else f"up to ${approval.cost_usd:.4f}"
    yield _build_fact("Approving costs", cost)
    if approval.expires_at is not None:
        then = "an approval" if approval.on_expiry == "approve" else "a refusal"
        when = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC"
        yield _build_fact("Until", f"{when}; no answer by then is {then}")
    yield _build_fact("You answer as", show_text(answers_as))


def _build_form(approval: ApprovalRow) -> str:
    is_text = approval.is_text_question
    label = "Your answer" if is_text else "Comment (optional)"
    approve = "Send the answer" if is_text else "Approve"
    limits = f'maxlength="{MAX_COMMENT}"{" required" if is_text else ""}'
    return (
        '<form method="post">'
        f'<label for="comment">{label}</label>'
        f'<textarea id="comment" name="comment" rows="4" {limits}></textarea>'
        f'<button name="approved" value="yes">{approve}</button>'
        '<button name="approved" value="no" formnovalidate>Refuse</button></form>'
    )


def _build_fact(name: str, value: str, *, is_html_name: bool = True) -> str:
    return f"<dt>{name if is_html_name else show_text(name)}</dt><dd>{value}</dd>"


def _show_value(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return f"<pre>{show_text(text)}</pre>"


def show_text(text: str) -> str:
    """Escape a text for HTML; controls and directions are shown by their numbers."""
    return "".join(
        f"\\u{ord(each):04x}"
        if each not in _HARMLESS and unicodedata.category(each) in _CONTROLS
        else escape(each)
        for each in text
    )
