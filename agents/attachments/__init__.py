"""Files that come with a task: images, PDF files and texts, by URL, by value or from Storage.

- `media_types`: the types that are accepted, and which one a content is.
- `params`: what a task says of them, checked before anything is spent.
- `loader`: their contents, checked before a model is asked.
"""

from agents.attachments.loader import (
    AttachmentInvalid,
    AttachmentLoader,
    AttachmentUnavailable,
    FileAccess,
    FileLimits,
    LoadedFiles,
)
from agents.attachments.params import AttachmentList, AttachmentParam, list_file_kinds

__all__ = [
    "AttachmentInvalid",
    "AttachmentList",
    "AttachmentLoader",
    "AttachmentParam",
    "AttachmentUnavailable",
    "FileAccess",
    "FileLimits",
    "LoadedFiles",
    "list_file_kinds",
]
