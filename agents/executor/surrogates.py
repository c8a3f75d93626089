"""Text as UTF-8 can hold it: some vendors cut an emoji in two, and JSON lets the halves pass."""

from dataclasses import replace

from providers.chat import Citation, Event, ReasoningDelta, TextDelta


class SurrogateRepairer:
    """Mends the deltas of one answer; of a character that is cut the first half waits."""

    def __init__(self) -> None:
        self._text = ""
        self._reasoning = ""

    def mend(self, event: Event) -> Event:
        """Give the same event with whole characters; what stays half becomes U+FFFD."""
        match event:
            case TextDelta(text):
                whole, self._text = _split(self._text + text)
                return TextDelta(repair_surrogates(whole))
            case ReasoningDelta(text):
                whole, self._reasoning = _split(self._reasoning + text)
                return ReasoningDelta(repair_surrogates(whole))
            case Citation():
                title = repair_surrogates(event.title) if event.title is not None else None
                return replace(event, url=repair_surrogates(event.url), title=title)
            case _:
                return event


def repair_surrogates(text: str) -> str:
    """Join halves that stand together, and replace those that stand alone."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _split(text: str) -> tuple[str, str]:
    """Cut off the first half of a character at the end."""
    if "\ud800" <= text[-1:] <= "\udbff":
        return text[:-1], text[-1:]
    return text, ""
