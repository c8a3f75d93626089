"""Searches of long-term memory: how long they take, how well vectors are found, what storing costs.

One owner of 100,000 memories, and 100 owners of 1,000, with vectors of 384 and 1,536 dimensions, on
Postgres 18 as `cogo up` runs it. Texts are words drawn as often as in a language, vectors lie around
2,000 centres; a question is six words of one text and a vector beside its own. The database is asked
by one client, as it is while nobody else works.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import Any, Final
from uuid import UUID

from benchmarks.figures import quantiles
from benchmarks.queue.database import Connection, connect
from benchmarks.system import empty_home
from cogo.migrations import load_migrations, migrate
from embedded.postgres.cluster import Postgres

GOAL_MS: Final = 20.0
"""p95 of a search among 100,000."""
MODEL: Final = "bench"
_WORDS: Final = 30_000
_LENGTH: Final = 120
_CENTRES: Final = 2_000
_CHUNKS: Final = 1_000
"""Of one document."""
_ADD: Final = "select from public.cogo_add_document($1, $2, $2, $3, $4)"
_STORE: Final = """
with given as (
  update public.cogo_memories m
     set model_id = $3, dimensions = cardinality(g.vector::real[]), embedded_at = now()
    from unnest($1::uuid[], $2::text[]) as g (id, vector)
   where m.id = g.id
  returning m as memory, g.vector::real[] as vector
)
select cogo.store_memory_vector(g.memory, g.vector) from given g
"""
_SEARCH: Final = """
select id, found_by from public.cogo_search_memory(
  p_owner => $1, p_query => $2, p_vector => $3, p_model_id => $4, p_sources => $5, p_kinds => $6
)
"""
_EXACT: Final = """
select w.id from cogo.memory_vectors_{dimensions} w where w.owner = $1
 order by (w.vector operator(extensions.<=>) $2::real[]::extensions.halfvec) + 0 limit 10
"""
_SIZES: Final = """
select c.relname, pg_relation_size(c.oid) as bytes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('cogo', 'public')
   and (c.relname like '%memor%' or c.relname like 'embedding_queue%') and c.relkind in ('r', 'i')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many owners with so many memories each, and how many questions are asked."""

    owners: int
    each: int
    dimensions: int
    questions: int
    checkpoints: Sequence[int] = ()
    """After so many memories of the last owner it is measured, too: where the limit is."""


FULL: Final = (
    Load(owners=1, each=200_000, dimensions=384, questions=300, checkpoints=(25_000, 50_000, 100_000)),
    Load(owners=100, each=1_000, dimensions=384, questions=300),
    Load(owners=1, each=100_000, dimensions=1536, questions=300, checkpoints=(25_000, 50_000)),
    Load(owners=100, each=1_000, dimensions=1536, questions=300),
)
QUICK: Final = (
    Load(owners=1, each=6_000, dimensions=384, questions=20),
    Load(owners=10, each=200, dimensions=1536, questions=20),
)


@dataclass(slots=True)
class _Texts:
    """Texts and vectors that are alike in every run."""

    dimensions: int
    chance: random.Random = field(default_factory=lambda: random.Random(16))
    words: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    centres: list[list[float]] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = ["".join(self.chance.choices(letters, k=7)) for _ in range(_WORDS)]
        total = 0.0
        for place in range(_WORDS):
            total += 1 / (place + 2.7)
            self.weights.append(total)
        self.centres = [
            [self.chance.gauss(0, 1) for _ in range(self.dimensions)] for _ in range(_CENTRES)
        ]
        self.noise = [self.chance.gauss(0, 0.7) for _ in range(1_000_000)]

    def text(self) -> str:
        return " ".join(self.chance.choices(self.words, cum_weights=self.weights, k=_LENGTH))

    def vector(self) -> list[float]:
        return self.beside(self.chance.choice(self.centres))

    def beside(self, vector: Sequence[float]) -> list[float]:
        begin = self.chance.randrange(len(self.noise) - self.dimensions)
        return list(map(add, vector, self.noise[begin : begin + self.dimensions]))


@dataclass(frozen=True, slots=True)
class _Question:
    owner: UUID
    text: str
    vector: list[float]


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Measure everything; `quick` only shows that it runs."""
    for load in QUICK if quick else FULL:
        with empty_home() as home:
            async with Postgres(home, major=18) as postgres:
                url = postgres.dsn("postgres", "postgres")
                await migrate(url, load_migrations())
                service = await connect(url)
                owner = await connect(url, "postgres")
                try:
                    await _measure(service, owner, load, report)
                finally:
                    await service.close()
                    await owner.close()


async def _measure(
    service: Connection, owner: Connection, load: Load, report: Callable[[dict[str, Any]], None]
) -> None:
    texts = _Texts(load.dimensions)
    questions: list[_Question] = []
    spent = {"texts": 0.0, "vectors": 0.0}
    count = 0
    for number in range(load.owners):
        who = UUID(int=number + 1)
        for first in range(0, load.each, _CHUNKS):
            size = min(_CHUNKS, load.each - first)
            given = [texts.text() for _ in range(size)]
            vectors = [texts.vector() for _ in range(size)]
            place = texts.chance.randrange(size)
            asked = " ".join(texts.chance.sample(given[place].split(), 6))
            questions.append(_Question(who, asked, texts.beside(vectors[place])))
            await _store(service, who, f"doc-{first // _CHUNKS}.md", given, vectors, spent)
            count += size
            if first + size in load.checkpoints:
                await _ask(service, owner, load, questions, count, report)
    await _ask(service, owner, load, questions, count, report)
    sizes = {row["relname"]: row["bytes"] for row in await owner.fetch(_SIZES)}
    report(
        {
            "name": "memory_store",
            "unit": "rows/s",
            "owners": load.owners,
            "dimensions": load.dimensions,
            "memories": count,
            "texts": round(count / spent["texts"]),
            "vectors": round(count / spent["vectors"]),
            "mib": {name: round(size / 2**20, 1) for name, size in sizes.items() if size > 2**20},
        }
    )


async def _store(
    service: Connection,
    who: UUID,
    source: str,
    texts: Sequence[str],
    vectors: Sequence[Sequence[float]],
    spent: dict[str, float],
) -> None:
    at = time.perf_counter()
    await service.execute(_ADD, who, source, "0" * 64, [{"content": text} for text in texts])
    spent["texts"] += time.perf_counter() - at
    ids = await service.fetch(
        "select id from public.cogo_memories m where owner = $1 and source = $2 order by place",
        who,
        source,
    )
    written = ["{" + ",".join(f"{number:.5f}" for number in vector) + "}" for vector in vectors]
    at = time.perf_counter()
    for begin in range(0, len(ids), 64):  # as many as a task embeds
        part = slice(begin, begin + 64)
        await service.execute(_STORE, [row["id"] for row in ids[part]], written[part], MODEL)
    spent["vectors"] += time.perf_counter() - at


async def _ask(
    service: Connection,
    owner: Connection,
    load: Load,
    questions: Sequence[_Question],
    count: int,
    report: Callable[[dict[str, Any]], None],
) -> None:
    # As autovacuum does, a little later.
    await owner.execute("vacuum analyze")
    chance = random.Random(len(questions))
    asked = [chance.choice(questions) for _ in range(load.questions)]
    around = {"owners": load.owners, "dimensions": load.dimensions, "memories": count}
    for name, arguments in _variants().items():
        for question in asked[:20]:
            await service.fetch(_SEARCH, *arguments(question))
        samples = []
        for question in asked:
            at = time.perf_counter()
            await service.fetch(_SEARCH, *arguments(question))
            samples.append((time.perf_counter() - at) * 1000)
        report(
            {"name": f"memory_search_{name}", "unit": "ms", **around, **quantiles(samples)}
            | {"goal_p95": GOAL_MS}
        )
    exact = _EXACT.format(dimensions=load.dimensions)
    found = 0
    for question in asked[:100]:
        best = {row["id"] for row in await owner.fetch(exact, question.owner, question.vector)}
        hits = await service.fetch(
            _SEARCH, question.owner, "", question.vector, MODEL, None, None
        )
        found += len(best & {row["id"] for row in hits})
    recall = found / (10 * len(asked[:100]))
    report({"name": "memory_vector_recall_at_10", "unit": "share", **around, "recall": recall})


def _variants() -> dict[str, Callable[[_Question], tuple[Any, ...]]]:
    return {
        "fused": lambda q: (q.owner, q.text, q.vector, MODEL, None, None),
        "words": lambda q: (q.owner, q.text, None, None, None, None),
        "vectors": lambda q: (q.owner, "", q.vector, MODEL, None, None),
        "fused_in_one_document": lambda q: (q.owner, q.text, q.vector, MODEL, ["doc-0.md"], None),
        "fused_in_documents": lambda q: (q.owner, q.text, q.vector, MODEL, ["doc-*"], ["chunk"]),
    }
