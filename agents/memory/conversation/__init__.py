"""The conversation that tasks of one session share: its turns, what fits a model, where it is."""

from agents.memory.conversation.history import SHORTENED, History, find_level, read_turn_limit
from agents.memory.conversation.store import (
    Conversations,
    PostgresConversations,
    SessionKey,
    read_conversation,
)
from agents.memory.conversation.turns import (
    Conversation,
    PastTurn,
    build_answer_message,
    list_given_exchange,
)

__all__ = [
    "SHORTENED",
    "Conversation",
    "Conversations",
    "History",
    "PastTurn",
    "PostgresConversations",
    "SessionKey",
    "build_answer_message",
    "find_level",
    "list_given_exchange",
    "read_conversation",
    "read_turn_limit",
]
