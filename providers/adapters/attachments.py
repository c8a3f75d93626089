"""Files of a request: their text, their data as vendors want it, and those that no vendor takes."""

import base64
from typing import Final

from providers.chat import Attachment, Message
from providers.errors import NotSupported

PDF: Final = "application/pdf"
IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")
"""Images that all vendors take; Google takes more."""


def build_text(message: Message) -> str:
    """Return the text of a turn with that of its attached text files."""
    texts = [each.text for each in message.attachments]
    return "\n\n".join([message.content, *(text for text in texts if text is not None)])


def list_files(message: Message) -> list[Attachment]:
    """Return the attachments of a turn that are not part of its text."""
    return [each for each in message.attachments if each.text is None]


def encode_data(attachment: Attachment) -> str:
    """Return the data as base64."""
    return base64.b64encode(attachment.data or b"").decode()


def build_data_url(attachment: Attachment) -> str:
    """Return the URL of a file, or a `data:` URL with its content."""
    if attachment.url is not None:
        return attachment.url
    return f"data:{attachment.media_type};base64,{encode_data(attachment)}"


def refuse_attachment(vendor: str, attachment: Attachment, *, takes: str) -> NotSupported:
    """Return the error for a file that a vendor does not take."""
    name = f" ({attachment.name})" if attachment.name else ""
    return NotSupported(
        vendor, f"files of type {attachment.media_type}{name} cannot be sent: it takes {takes}"
    )
