"""The channels as an AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference)."""

from typing import Any, Final

from protocol.messages import PAYLOADS
from scripts.docs_pages.protocol.channels import CHANNELS, Channel
from scripts.docs_pages.protocol.schemas import build_message, build_schemas

_SCHEMAS: Final = "#/components/schemas/"
_PARAMETERS: Final = {
    "task_id": {"description": "The id of the task, a UUID."},
    "user_id": {"description": "The id of the person, a UUID."},
}
_DESCRIPTION: Final = (
    "Notifications of COGO on Supabase Realtime: private broadcasts whose event is the type of the "
    "message and whose payload is the envelope. A lost message only delays work."
)


def build_asyncapi(*, version: str) -> dict[str, Any]:
    """Return a document of all channels, messages and schemas."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "COGO", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {_build_name(each): _build_channel(each) for each in CHANNELS},
        "operations": {f"receive-{_build_name(each)}": _build_operation(each) for each in CHANNELS},
        "components": {
            "messages": {
                kind.value: {"name": kind.value, "payload": build_message(kind, _SCHEMAS)}
                for kind in PAYLOADS
            },
            "schemas": dict(build_schemas(_SCHEMAS)),
        },
    }


def _build_name(channel: Channel) -> str:
    return channel.topic.replace(":{task_id}", "-of-one-task").replace(
        ":{user_id}", "-of-one-person"
    )


def _build_channel(channel: Channel) -> dict[str, Any]:
    named = {name: text for name, text in _PARAMETERS.items() if f"{{{name}}}" in channel.topic}
    parameters = {"parameters": named} if named else {}
    return {
        "address": channel.topic,
        "description": f"Received by {channel.receivers}.",
        **parameters,
        "messages": {
            kind.value: {"$ref": f"#/components/messages/{kind.value}"} for kind in channel.types
        },
    }


def _build_operation(channel: Channel) -> dict[str, Any]:
    return {"action": "receive", "channel": {"$ref": f"#/channels/{_build_name(channel)}"}}
