"""The channels as an AsyncAPI document (https://www.asyncapi.com/docs/reference/specification/v3.0.0)."""

from typing import Any, Final

from protocol.messages import PAYLOADS
from scripts.docs_pages.protocol.channels import CHANNELS, Channel
from scripts.docs_pages.protocol.schemas import message, schemas

_SCHEMAS: Final = "#/components/schemas/"
_TASK_ID: Final = {"task_id": {"description": "The id of the task, a UUID."}}
_DESCRIPTION: Final = (
    "Doorbells of COGO on Supabase Realtime: private broadcasts whose event is the type of the "
    "message and whose payload is the envelope. A message that is lost costs time, never a task."
)


def asyncapi(*, version: str) -> dict[str, Any]:
    """Describe every channel, message and shape in one document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "COGO", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {_name(each): _channel(each) for each in CHANNELS},
        "operations": {f"hear-{_name(each)}": _operation(each) for each in CHANNELS},
        "components": {
            "messages": {
                kind.value: {"name": kind.value, "payload": message(kind, _SCHEMAS)}
                for kind in PAYLOADS
            },
            "schemas": dict(schemas(_SCHEMAS)),
        },
    }


def _name(channel: Channel) -> str:
    return channel.topic.replace(":{task_id}", "-of-one-task")


def _channel(channel: Channel) -> dict[str, Any]:
    parameters = {"parameters": _TASK_ID} if "{task_id}" in channel.topic else {}
    return {
        "address": channel.topic,
        "description": f"Heard by {channel.hearers}.",
        **parameters,
        "messages": {
            kind.value: {"$ref": f"#/components/messages/{kind.value}"} for kind in channel.types
        },
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {"action": "receive", "channel": {"$ref": f"#/channels/{_name(channel)}"}}
