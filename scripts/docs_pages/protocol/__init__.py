"""The protocol as documents: JSON Schema, AsyncAPI and pages for people, made from the models."""

from scripts.docs_pages.protocol.files import documents

__all__ = ["documents"]
