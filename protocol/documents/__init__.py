"""The protocol as documents: JSON Schema, AsyncAPI and pages for people, made from the models."""

from protocol.documents.files import documents

__all__ = ["documents"]
