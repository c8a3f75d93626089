"""Searches of long-term memory: how long they take, how well vectors are found, what storing costs.

One owner of 100,000 memories, 100 owners of 1,000, then, as long as it is likely to end within
eight minutes, 200,000 of one, and 50,000 with vectors of 1,536 dimensions in place of 384; on
Postgres 18 as `cogo up` runs it. The last line says what was left out. Texts have 120 words, drawn
as often as in a language; vectors lie around 2,000 centres. A question is six words of one text and
a vector beside its own. One client asks; `cpu` is what a search costs, however busy the machine is.
The index of vectors is built at once, to save time; what one more vector costs is measured after
that, as tasks store them.
"""

import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from operator import add
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from benchmarks.figures import quantiles
from benchmarks.queue.database import Connection, connect
from benchmarks.system import empty_home
from cogo.migrations import load_migrations, migrate
from embedded.postgres.cluster import Postgres

GOAL_MS: Final = 20.0
"""p95 of a search among 100,000."""
LIMIT_S: Final = 480.0
_MEASURED: Final = 5_000
"""Memories that are added while their words are indexed."""
_WORDS: Final = 30_000
_LENGTH: Final = 120
_CENTRES: Final = 2_000
_CHUNKS: Final = 1_000
"""Of one document."""
_BATCH: Final = 64
"""As many as one task embeds."""
_ADD: Final = "select from public.cogo_add_document($1, $2, $2, $3, $4)"
_LOAD: Final = """
insert into cogo.memory_vectors_{dimensions}
select m.id, cogo.owner_key(m.owner), $3, false, m.kind, m.source,
       extensions.l2_normalize(g.vector::real[]::extensions.vector)::extensions.halfvec
  from unnest($1::uuid[], $2::text[]) as g (id, vector) join public.cogo_memories m on m.id = g.id
on conflict (id) do update set vector = excluded.vector
"""
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
select id from public.cogo_search_memory(
  p_owner => $1, p_query => $2, p_vector => $3, p_model_id => $4, p_sources => $5, p_kinds => $6
)
"""
_EXACT: Final = """
select w.id from cogo.memory_vectors_{dimensions} w where w.owner = $1
 order by (w.vector operator(extensions.<=>) $2::real[]::extensions.halfvec) + 0 limit 10
"""
_INDEX: Final = """
create index memory_words_words on cogo.memory_words using gin (words) with (fastupdate = off)
"""
_SIZES: Final = """
select c.relname, pg_relation_size(c.oid) as bytes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('cogo', 'public') and c.relname like '%memor%' and c.relkind in ('r', 'i')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many owners with so many memories in all, after which questions are asked."""

    owners: int
    memories: int
    dimensions: int
    questions: int = 300

    @property
    def weight(self) -> float:
        """How long it takes, compared with others: texts cost as much as 400 dimensions."""
        return self.memories * (400 + self.dimensions)


FULL: Final = (
    Load(owners=1, memories=100_000, dimensions=384),
    Load(owners=100, memories=100_000, dimensions=384),
    Load(owners=1, memories=200_000, dimensions=384),
    Load(owners=1, memories=50_000, dimensions=1536),
)
QUICK: Final = (
    Load(owners=1, memories=7_000, dimensions=384, questions=20),
    Load(owners=10, memories=10_000, dimensions=1536, questions=20),
)


class Texts:
    """Texts and vectors that are alike in every run."""

    def __init__(self) -> None:
        self.chance: Final = random.Random(16)  # noqa: S311 - no secret
        letters = "abcdefghijklmnopqrstuvwxyz"
        self._words = ["".join(self.chance.choices(letters, k=7)) for _ in range(_WORDS)]
        self._weights: list[float] = []
        for place in range(_WORDS):
            before = self._weights[-1] if self._weights else 0.0
            self._weights.append(before + 1 / (place + 2.7))
        self._noise = [self.chance.gauss(0, 0.7) for _ in range(1_000_000)]
        self._centres = [[self.chance.gauss(0, 1) for _ in range(1536)] for _ in range(_CENTRES)]

    def make_text(self) -> str:
        """Return a text, whose words are seldom or often as those of a language are."""
        return " ".join(self.chance.choices(self._words, cum_weights=self._weights, k=_LENGTH))

    def make_vector(self, dimensions: int) -> list[float]:
        """Return a vector somewhere around a centre."""
        return self.move(self.chance.choice(self._centres)[:dimensions])

    def move(self, vector: Sequence[float]) -> list[float]:
        """Return a vector beside this one."""
        begin = self.chance.randrange(len(self._noise) - len(vector))
        return list(map(add, vector, self._noise[begin : begin + len(vector)]))


@dataclass(frozen=True, slots=True)
class _Question:
    owner: UUID
    text: str
    memory: UUID


@dataclass(slots=True)
class _World:
    service: Connection
    owner: Connection
    load: Load
    report: Callable[[dict[str, Any]], None]
    texts: Texts
    questions: list[_Question] = field(default_factory=list)
    memories: list[UUID] = field(default_factory=list)

    async def measure(self) -> None:
        each = self.load.memories // self.load.owners
        began = time.perf_counter()
        measured = max(1, _MEASURED // each)
        await self._add_texts(range(measured), min(each, _MEASURED))
        rate = round(len(self.memories) / (time.perf_counter() - began))
        self._say("memory_add", "rows/s", rate=rate)
        await self.owner.execute("drop index cogo.memory_words_words")
        if each > _MEASURED:
            await self._add_texts(range(1), each - _MEASURED)
        await self._add_texts(range(measured, self.load.owners), each)
        await self.owner.execute("set maintenance_work_mem = '2GB'")
        await self.owner.execute(_INDEX)
        await self._measure_vectors(self.load.dimensions)
        rows = await self.owner.fetch(_SIZES)
        mib = {row["relname"]: round(row["bytes"] / 2**20, 1) for row in rows}
        self._say("memory_sizes", "MiB", **{name: size for name, size in mib.items() if size > 1})

    def _say(self, name: str, unit: str, **figures: Any) -> None:
        around = {"owners": self.load.owners, "memories": len(self.memories)}
        self.report({"name": name, "unit": unit} | around | figures)

    async def _add_texts(self, owners: Sequence[int], each: int) -> None:
        for number in owners:
            who = UUID(int=number + 1)
            for _ in range(0, each, _CHUNKS):
                count = min(_CHUNKS, each)
                source = f"doc-{len(self.memories) // count}.md"
                given = [self.texts.make_text() for _ in range(count)]
                chunks = [{"content": text} for text in given]
                await self.service.execute(_ADD, who, source, "0" * 64, chunks)
                rows = await self.service.fetch(
                    "select id from public.cogo_memories where owner = $1 and source = $2"
                    " order by place",
                    who,
                    source,
                )
                place = self.texts.chance.randrange(count)
                asked = " ".join(self.texts.chance.sample(given[place].split(), 6))
                self.questions.append(_Question(who, asked, rows[place]["id"]))
                self.memories += [row["id"] for row in rows]

    async def _measure_vectors(self, dimensions: int) -> None:
        await self.service.execute("select cogo.prepare_vectors('memory', $1)", dimensions)
        vectors = await self._load_vectors(dimensions)
        await self.owner.execute("vacuum analyze")
        chance = random.Random(dimensions)  # noqa: S311 - no secret
        asked = [chance.choice(self.questions) for _ in range(self.load.questions)]
        near = [self.texts.move(vectors[question.memory]) for question in asked]
        for name, build in _VARIANTS.items():
            given = [
                build(question, vector, f"bench-{dimensions}")
                for question, vector in zip(asked, near, strict=True)
            ]
            for arguments in given[:20]:
                await self.service.fetch(_SEARCH, *arguments)
            before = _read_cpu_ms(self.service)
            took = [await _time(self.service.fetch(_SEARCH, *arguments)) for arguments in given]
            self._say(
                f"memory_search_{name}", "ms", dimensions=dimensions, goal_p95=GOAL_MS,
                cpu=round((_read_cpu_ms(self.service) - before) / len(took), 2),
                **quantiles(took),
            )  # fmt: skip
        await self._measure_recall(dimensions, asked[:100], near[:100])
        more = self.memories[: 10 * _BATCH]
        seconds = 0.0
        for begin in range(0, len(more), _BATCH):
            ids = more[begin : begin + _BATCH]
            written = [_write(self.texts.make_vector(dimensions)) for _ in ids]
            stored = self.service.execute(_STORE, ids, written, f"bench-{dimensions}")
            seconds += await _time(stored) / 1000
        rate = round(len(more) / seconds)
        self._say("memory_store_vectors", "rows/s", dimensions=dimensions, rate=rate)

    async def _load_vectors(self, dimensions: int) -> dict[UUID, list[float]]:
        """Give all memories vectors; return those that are asked about."""
        [(index, definition)] = await self.owner.fetch(
            "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
            " where indrelid = $1::text::regclass and pg_get_indexdef(indexrelid) like '%hnsw%'",
            f"cogo.memory_vectors_{dimensions}",
        )
        await self.owner.execute(f"drop index {index}")
        asked = {question.memory for question in self.questions}
        kept: dict[UUID, list[float]] = {}
        for begin in range(0, len(self.memories), _CHUNKS):
            ids = self.memories[begin : begin + _CHUNKS]
            made = [self.texts.make_vector(dimensions) for _ in ids]
            kept |= {id_: vector for id_, vector in zip(ids, made, strict=True) if id_ in asked}
            statement = _LOAD.format(dimensions=dimensions)
            written = [*map(_write, made)]
            await self.owner.execute(statement, ids, written, f"bench-{dimensions}")
        seconds = await _time(self.owner.execute(definition)) / 1000
        rate = round(len(self.memories) / seconds)
        self._say("memory_build_index", "rows/s", dimensions=dimensions, rate=rate)
        return kept

    async def _measure_recall(
        self, dimensions: int, asked: Sequence[_Question], near: Sequence[list[float]]
    ) -> None:
        found = 0
        for question, vector in zip(asked, near, strict=True):
            statement = _EXACT.format(dimensions=dimensions)
            rows = await self.owner.fetch(statement, question.owner, vector)
            best = {row["id"] for row in rows}
            arguments = _VARIANTS["vectors"](question, vector, f"bench-{dimensions}")
            hits = await self.service.fetch(_SEARCH, *arguments)
            found += len(best & {row["id"] for row in hits})
        recall = round(found / (10 * len(asked)), 3)
        self._say("memory_vector_recall_at_10", "share", dimensions=dimensions, recall=recall)


_Arguments = tuple[Any, ...]
_VARIANTS: Final[dict[str, Callable[[_Question, list[float], str], _Arguments]]] = {
    "fused": lambda q, vector, model: (q.owner, q.text, vector, model, None, None),
    "words": lambda q, _vector, _model: (q.owner, q.text, None, None, None, None),
    "vectors": lambda q, vector, model: (q.owner, "", vector, model, None, None),
    "fused_in_one": lambda q, vector, model: (q.owner, q.text, vector, model, ["doc-0.md"], None),
    "fused_in_all": lambda q, vector, model: (q.owner, q.text, vector, model, ["doc*"], ["chunk"]),
}


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Measure everything; `quick` only shows that it runs."""
    texts = Texts()
    began = time.perf_counter()
    done = 0.0
    left_out = []
    for load in QUICK if quick else FULL:
        spent = time.perf_counter() - began
        if done and spent * (1 + load.weight / done) > LIMIT_S:
            left_out.append(f"{load.owners} x {load.memories // load.owners} x {load.dimensions}")
            continue
        with empty_home() as home:
            async with Postgres(home, major=18) as postgres:
                url = postgres.dsn("postgres", "postgres")
                await migrate(url, load_migrations())
                service, owner = await connect(url), await connect(url, "postgres")
                try:
                    await _World(service, owner, load, report, texts).measure()
                finally:
                    await service.close()
                    await owner.close()
        done += load.weight
    if left_out:
        seconds = round(time.perf_counter() - began)
        report({"name": "memory_left_out", "unit": "loads", "seconds": seconds, "loads": left_out})


async def _time(call: Awaitable[object]) -> float:
    """Return how many milliseconds it takes, begun now."""
    began = time.perf_counter()
    await call
    return (time.perf_counter() - began) * 1000


def _read_cpu_ms(connection: Connection) -> float:
    """Return how long the server's process of a connection has run, other than waited."""
    stat = Path(f"/proc/{connection.get_server_pid()}/stat").read_text("utf-8")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def _write(vector: Sequence[float]) -> str:
    return "{" + ",".join(f"{number:.5f}" for number in vector) + "}"
