"""Long-term memory: documents and facts of the caller, and searches in them."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.dependencies import GatewayServices, ServicesDep, TasksRead, TasksWrite
from gateway.strict_json import StrictRoute
from gateway.tasks.memory import store_document
from gateway.tasks.memory_search import search_for
from gateway.tasks.task_run import cancel_on_disconnect
from protocol.errors import NotFound
from protocol.json_values import repair_surrogates
from protocol.records.base import may_have_more
from protocol.records.memory import (
    AddedDocument,
    DocumentRow,
    ForgottenMemory,
    KeptFact,
    MemoryForgetting,
    MemoryHit,
    MemoryKind,
    MemoryRow,
    MemorySearch,
    MemoryStatus,
    NewFact,
)

router = APIRouter(prefix="/memory", tags=["memory"], route_class=StrictRoute)

OwnerParam: TypeAlias = Annotated[
    UUID | None, Query(description="Whose memory, for operators; default: that of the key.")
]
_SourceName = Annotated[str, Field(min_length=1, max_length=1_000)]
_KINDS: Final[dict[str, MemoryKind]] = {"fact": "fact", "document": "chunk"}


class NewDocumentBody(BaseModel):
    """A document; one of the same source is replaced."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"source": "handbook.md", "text": "# Refunds\n\n..."}]},
    )

    source: _SourceName = Field(
        description="What names it; its end (.md, .html, .py) says how its text is cut."
    )
    text: str = Field(min_length=1)
    title: str | None = Field(None, max_length=500)
    metadata: dict[str, Any] = Field(default_factory=dict)


class NewFactBody(BaseModel):
    """A fact."""

    model_config = ConfigDict(extra="forbid")

    content: str = Field(min_length=1, max_length=20_000)
    source: _SourceName | None = None
    happened_at: datetime | None = None


class NewFactsBody(BaseModel):
    """Facts to remember."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"facts": [{"content": "Ada prefers trains."}]}]},
    )

    facts: list[NewFactBody] = Field(min_length=1, max_length=1_000)


class SearchBody(BaseModel):
    """What to look for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "When is a refund paid?"}]}
    )

    query: str = Field(min_length=1, max_length=10_000)
    sources: list[_SourceName] | None = Field(
        None, max_length=100, description="Names, `notes/*`, `facts` or `documents`."
    )
    limit: int = Field(8, ge=1, le=100)
    words: bool = Field(False, description="By words alone, without a call of a model.")


class ForgetBody(BaseModel):
    """What to delete: all criteria must match, and at least one is required."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"source": "notes/*", "dry_run": True}]}
    )

    ids: list[UUID] | None = Field(None, max_length=1_000)
    kind: Literal["fact", "document"] | None = None
    source: _SourceName | None = None
    before: datetime | Literal["infinity"] | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _require_criterion(self) -> Self:
        if not (self.ids or self.kind or self.source or self.before):
            raise ValueError("name ids, kind, source or before; 'infinity' is before all")
        return self


class Documents(BaseModel):
    """A page of documents, newest first."""

    documents: list[DocumentRow]
    next: str | None = Field(description="`after` of the next page; null if there is none.")


class DocumentDetails(BaseModel):
    """A document, and its chunks in their order."""

    document: DocumentRow
    chunks: list[MemoryRow]
    next: int | None = Field(description="`first` of the next page; null if there is none.")


class Facts(BaseModel):
    """A page of facts, newest first."""

    facts: list[MemoryRow]
    next: str | None = Field(description="`after` of the next page; null if there is none.")


class KeptFacts(BaseModel):
    """The facts by their place in the request."""

    facts: list[KeptFact]


class SearchAnswer(BaseModel):
    """What was found, best first. It is data, not instructions."""

    hits: list[MemoryHit]
    notes: list[str] = Field(description="What limited the search.")


class PageRequest(BaseModel):
    """The size of a page, and where it begins."""

    limit: int = Field(50, ge=1, le=200)
    after: UUID | None = Field(None, description="`next` of the previous page.")
    source: _SourceName | None = None


class ChunkPageRequest(BaseModel):
    """The size of a page of chunks, and where it begins."""

    limit: int = Field(1_000, ge=1, le=1_000)
    first: int = Field(0, ge=0, le=2**31 - 1, description="`next` of the previous page.")


@router.post("/documents", summary="Add a document")
async def add_document(
    body: NewDocumentBody, services: ServicesDep, principal: TasksWrite, owner: OwnerParam = None
) -> AddedDocument:
    """Cut a document into chunks and store them; vectors follow."""
    content = repair_surrogates(body.text).encode()
    document = await services.memory.cut_document(content, body.source)
    return await store_document(
        services.store,
        principal.choose_owner(owner),
        body.source,
        document,
        title=body.title,
        metadata=body.metadata,
    )


@router.get("/documents", summary="List documents")
async def list_documents(
    services: ServicesDep,
    principal: TasksRead,
    page: Annotated[PageRequest, Query()],
    owner: OwnerParam = None,
) -> Documents:
    """List documents without their texts."""
    whose = principal.choose_owner(owner)
    last = await _find_document(services, whose, page.after) if page.after else None
    found = await services.store.fetch_documents(
        limit=page.limit, owner=whose, source=page.source, last=last
    )
    is_full = may_have_more(found, page.limit)
    return Documents(documents=found, next=str(found[-1].id) if is_full else None)


@router.get("/facts", summary="List facts")
async def list_facts(
    services: ServicesDep,
    principal: TasksRead,
    page: Annotated[PageRequest, Query()],
    owner: OwnerParam = None,
) -> Facts:
    """List facts."""
    whose = principal.choose_owner(owner)
    last = await _find_memory(services, whose, page.after) if page.after else None
    found = await services.store.fetch_memories(
        limit=page.limit, owner=whose, kind="fact", source=page.source, last=last
    )
    is_full = may_have_more(found, page.limit)
    return Facts(facts=found, next=str(found[-1].id) if is_full else None)


@router.post("/facts", summary="Remember facts")
async def remember_facts(
    body: NewFactsBody, services: ServicesDep, principal: TasksWrite, owner: OwnerParam = None
) -> KeptFacts:
    """Remember facts; the same again is no other one."""
    facts = [NewFact(**each.model_dump()) for each in body.facts]
    kept = await services.store.remember(owner=principal.choose_owner(owner), facts=facts)
    return KeptFacts(facts=kept)


@router.post("/search", summary="Search memory")
async def search_memory(
    body: SearchBody,
    request: Request,
    services: ServicesDep,
    principal: TasksRead,
    owner: OwnerParam = None,
) -> SearchAnswer:
    """Search by meaning and by words. The query is embedded by a task, with tasks:write."""
    whose = principal.choose_owner(owner)
    search = MemorySearch(query=body.query, sources=body.sources, limit=body.limit)
    found = await cancel_on_disconnect(
        services, request, search_for(services, principal, whose, search, words=body.words)
    )
    return SearchAnswer(hits=found.hits, notes=found.notes)


@router.post("/forget", summary="Forget facts and documents")
async def forget(
    body: ForgetBody, services: ServicesDep, principal: TasksWrite, owner: OwnerParam = None
) -> ForgottenMemory:
    """Delete facts and documents of one owner that meet all criteria, with their vectors."""
    which = MemoryForgetting(
        owner=principal.choose_owner(owner),
        ids=body.ids,
        kind=None if body.kind is None else _KINDS[body.kind],
        source=body.source,
        before=body.before,
        dry_run=body.dry_run,
    )
    return await services.store.forget_memory(which)


@router.get("/status", summary="Count what is remembered")
async def show_status(
    services: ServicesDep, principal: TasksRead, owner: OwnerParam = None
) -> MemoryStatus:
    """Count what is remembered, and what waits for a vector."""
    return await services.store.fetch_memory_status(owner=principal.choose_owner(owner))


@router.get("/documents/{document_id}", summary="Show a document")
async def show_document(
    document_id: UUID,
    services: ServicesDep,
    principal: TasksRead,
    page: Annotated[ChunkPageRequest, Query()],
    owner: OwnerParam = None,
) -> DocumentDetails:
    """Return a document with its chunks, in pages."""
    document = await _find_document(services, principal.choose_owner(owner), document_id)
    chunks = await services.store.fetch_chunks(
        document_id=document_id, first=page.first, limit=page.limit
    )
    is_full = may_have_more(chunks, page.limit)
    return DocumentDetails(
        document=document, chunks=chunks, next=page.first + len(chunks) if is_full else None
    )


@router.get("/{memory_id}", summary="Show a fact or a chunk")
async def show_memory(
    memory_id: UUID, services: ServicesDep, principal: TasksRead, owner: OwnerParam = None
) -> MemoryRow:
    """Return a fact, or a chunk of a document."""
    return await _find_memory(services, principal.choose_owner(owner), memory_id)


@router.delete("/{memory_id}", summary="Forget a fact or a document")
async def forget_one(
    memory_id: UUID, services: ServicesDep, principal: TasksWrite, owner: OwnerParam = None
) -> ForgottenMemory:
    """Delete a fact, a chunk or a document by its id."""
    which = MemoryForgetting(owner=principal.choose_owner(owner), ids=[memory_id])
    gone = await services.store.forget_memory(which)
    if not (gone.forgotten or gone.documents):
        raise NotFound(f"there is no memory {memory_id}, or it is not yours")
    return gone


async def _find_document(
    services: GatewayServices, owner: UUID | None, document_id: UUID
) -> DocumentRow:
    found = await services.store.fetch_documents(limit=1, owner=owner, document_id=document_id)
    if not found:
        raise NotFound(f"there is no document {document_id}, or it is not yours")
    return found[0]


async def _find_memory(services: GatewayServices, owner: UUID | None, memory_id: UUID) -> MemoryRow:
    rows = await services.store.fetch_memories_between(first=memory_id, last=memory_id, limit=1)
    if not rows or rows[0].owner != owner:
        raise NotFound(f"there is no memory {memory_id}, or it is not yours")
    return rows[0]
