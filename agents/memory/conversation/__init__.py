"""The conversation that tasks of one session share: its turns, what fits a model, where it is."""

from agents.memory.conversation.history import SHORTENED, History, find_level, read_turn_limit
from agents.memory.conversation.redis_copy import RedisCommands, open_conversations
from agents.memory.conversation.store import (
    Conversations,
    PostgresConversations,
    SessionKey,
    load_conversation,
)
from agents.memory.conversation.turns import (
    PastConversation,
    PastTurn,
    build_answer_message,
    list_given_exchange,
)

__all__ = [
    "SHORTENED",
    "Conversations",
    "History",
    "PastConversation",
    "PastTurn",
    "PostgresConversations",
    "RedisCommands",
    "SessionKey",
    "build_answer_message",
    "find_level",
    "list_given_exchange",
    "load_conversation",
    "open_conversations",
    "read_turn_limit",
]
