"""The earlier turns of one attempt, cut to what the asked model takes. Pure."""

from dataclasses import dataclass, field
from typing import Final

from agents.memory.conversation.trimming import (
    MAX_LEVEL,
    TrimmedConversation,
    add_conversation,
    compute_history_tokens,
    trim_conversation,
)
from agents.memory.conversation.turns import PastConversation
from protocol.records import ClaimedSubtask
from providers.catalogue.schema import Model
from providers.chat import ChatRequest
from providers.errors import ContextTooLong, ProviderError

OFF: Final = "off"
SHORTENED: Final = (
    "The model refused the conversation as too long for it, so fewer of its turns were sent."
)


@dataclass(slots=True, kw_only=True)
class History:
    """The conversation before a request, and how often the model has found it too long."""

    model: Model
    conversation: PastConversation = field(default_factory=PastConversation)
    is_capped: bool = True
    """Whether it is kept short to save money, too; not if the task names a number of turns."""
    level: int = 0
    sent: TrimmedConversation = field(default_factory=TrimmedConversation)
    """What was sent last."""

    def add_to(self, request: ChatRequest) -> ChatRequest:
        """Return the request with as much of the conversation as fits before it."""
        self.sent = trim_conversation(
            self.conversation,
            tokens=self.compute_room(request),
            offered={each.name for each in request.tools},
        )
        return add_conversation(request, self.sent)

    def compute_room(self, request: ChatRequest) -> int:
        """Return the tokens for earlier turns beside a request."""
        return compute_history_tokens(
            request,
            window=self.model.context_window,
            max_output_tokens=self.model.max_output_tokens,
            is_capped=self.is_capped,
            level=self.level,
        )

    def shorten_after(self, error: ProviderError) -> bool:
        """Return whether to ask again with less: the model took the last request for too long."""
        if not isinstance(error, ContextTooLong) or not self.sent.tokens or self.level >= MAX_LEVEL:
            return False
        self.level += 1
        return True


def read_turn_limit(params: object) -> int | None:
    """Return how many turns a task wants; 0 for `off`, None if it does not say."""
    stated = params.get("history") if isinstance(params, dict) else None
    if stated == OFF:
        return 0
    if not isinstance(stated, int) or isinstance(stated, bool):
        return None
    return max(stated, 0)


def find_level(claimed: ClaimedSubtask) -> int:
    """Return how often the model has refused earlier attempts as too long."""
    return sum(
        each.model_id == claimed.lane and (each.error or {}).get("class") == ContextTooLong.code
        for each in claimed.history
    )
