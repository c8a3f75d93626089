"""`cogo columns`: statements, names, estimates and what is said about a column."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.selection.choose import choose_model
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from cogo.cli.admin.budget import parse_target
from cogo.cli.columns.estimate import (
    ColumnEstimate,
    count_days,
    estimate_answer_tokens,
    format_usd,
    price_answers,
    price_measured,
)
from cogo.cli.columns.follow import RateMeter
from cogo.cli.columns.format import (
    describe_backfill,
    describe_state,
    format_duration,
    group_failures,
    list_status_lines,
)
from cogo.cli.columns.options import apply_options, choose_column
from cogo.cli.columns.statement import (
    UNLIMITED,
    ColumnSettings,
    build_install,
    build_reversal,
    is_new_version,
    quote_table,
    quote_text,
    read_settings,
    unquote_table,
)
from cogo.cli.columns.try_rows import read_answer, read_sources
from cogo.doctor.columns import find_column_trouble, list_column_troubles
from cogo.errors import CommandError
from protocol.errors import InvalidArgument, NotFound
from protocol.records import Task
from protocol.records.columns import (
    CellRow,
    ColumnRow,
    ColumnSample,
    describe_key,
    estimate_cells,
)
from providers.catalogue.catalogue import Catalogue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = ColumnSettings(table="public.tickets", column="summary", prompt="Summarise {body}")


def a_column(**facts: Any) -> ColumnRow:
    return ColumnRow.model_validate(
        {
            "id": str(uuid4()),
            "table_name": "public.tickets",
            "column_name": "summary",
            "type": "text",
            "prompt": "Summarise {body}",
            "sources": ["body"],
            "key_columns": ["id"],
            **facts,
        }
    )


def a_cell(key: Any, reason: str | None = None) -> CellRow:
    return CellRow(
        column_id=UUID(int=1), table_name="t", column_name="c", key=key, state="failed",
        reason=reason,
    )  # fmt: skip


def a_sample(prompt: str, **facts: Any) -> ColumnSample:
    return ColumnSample(key=[1], type="CHAT", prompt=prompt, **facts)


def test_the_statement_names_only_what_is_not_the_default() -> None:
    assert build_install(SETTINGS) == (
        "select cogo.ai_column(\n  'public.tickets', 'summary',\n  prompt => 'Summarise {body}'\n);"
    )


def test_hostile_texts_stay_literals() -> None:
    hostile = ColumnSettings(
        table='public.a"b',
        column="it's",
        prompt="'); drop table x; -- \\' {body}",
        model="m'",
        params={"system": "a\\b'c"},
        sources=("a'b",),
        max_usd=UNLIMITED,
    )

    said = build_install(hostile)

    assert "E'''); drop table x; -- \\\\'' {body}'" in said
    assert "'it''s'" in said
    assert "array['a''b']" in said
    assert "max_usd => 'Infinity'" in said
    with pytest.raises(InvalidArgument, match="NUL"):
        quote_text("a\0b")


@pytest.mark.parametrize(
    ("typed", "quoted"),
    [
        ("tickets", "tickets"),
        ("public.tickets", "public.tickets"),
        ("public.My Table", 'public."My Table"'),
        ("Sales.Order", '"Sales"."Order"'),
        ('"a.b"."c""d"', '"a.b"."c""d"'),
    ],
)
def test_names_are_typed_as_they_are(typed: str, quoted: str) -> None:
    assert quote_table(typed) == quoted


def test_a_quoted_name_is_shown_as_it_is_typed() -> None:
    assert unquote_table('public."My ""T"""') == 'public.My "T"'
    assert build_reversal("public.t", "c", 3) == "select cogo.revert_ai_column('public.t', 'c', 3);"


def test_a_column_is_found_by_all_its_names() -> None:
    one = a_column()
    other = a_column(column_name="urgency")
    quoted = a_column(table_name='public."My Table"')
    columns = [one, other, quoted]

    for names in (
        ("public.tickets", "summary"),
        ("tickets", "summary"),
        ("tickets.summary", None),
        ("public.tickets.summary", None),
    ):
        assert choose_column(columns, *names) is one
    assert choose_column(columns, "My Table", None) is quoted
    with pytest.raises(InvalidArgument, match="summary, urgency"):
        choose_column(columns, "tickets", None)
    with pytest.raises(NotFound, match=r"public\.tickets\.summary, public\.tickets\.urgency"):
        choose_column(columns, "tickets", "nothing")


def test_a_change_keeps_what_it_does_not_name() -> None:
    row = a_column(
        prompt="{body}", sources=["title", "body"], model="claude-haiku", open_tasks=7,
        max_usd_per_day="2",
    )  # fmt: skip
    before = read_settings(row)
    renamed = read_settings(
        a_column(prompt="{body}", sources=["title", "text"], named_sources=["title", "body"])
    )

    capped = apply_options(before, per_day="none")
    asked = apply_options(before, prompt="{title}", model="auto")

    assert before.sources == renamed.sources == ("title",)
    assert before.max_usd_per_day is None  # stays as it is
    assert capped.max_usd_per_day == UNLIMITED
    assert not is_new_version(before, capped)
    assert (asked.prompt, asked.model, asked.open_tasks) == ("{title}", None, 7)
    assert is_new_version(before, asked)
    with pytest.raises(CommandError, match="--max-usd-per-day"):
        apply_options(before, per_day="much")


def test_an_estimate_knows_its_bounds() -> None:
    costs = [Decimal("0.001"), Decimal("0.003"), None, Decimal("0.002")]

    found = estimate_cells(1000, costs)

    assert found.based_on == 3
    assert found.expected == pytest.approx(2.0)
    assert found.low is not None and found.high is not None
    assert 0 < found.low < 2.0 < found.high
    assert estimate_cells(10, [None]).expected is None
    assert price_measured([Decimal(1)]).low == pytest.approx(0)


def test_answers_are_priced_by_their_type() -> None:
    def tokens(value: Any) -> int:
        return estimate_answer_tokens({"response_schema": {"properties": {"value": value}}})

    text = estimate_answer_tokens({})
    assert tokens({"type": "boolean"}) == tokens({"enum": ["low", "high"]})
    assert tokens({"type": "integer"}) < tokens({"type": "string", "format": "date"}) < text
    assert tokens({"type": "array"}) < tokens({})
    assert estimate_answer_tokens({"response_schema": {"properties": None}}) == tokens(None)


def test_hidden_reasoning_is_priced_too() -> None:
    def expect(model: str, **params: Any) -> float:
        request = SelectionRequest(prompt_characters=9, needs=Requirements(), served=(model,))
        choice = choose_model(request, Catalogue.load())
        sample = ColumnSample(key=[1], type="CHAT", prompt="Urgent?", params=params)
        found = price_answers(choice, [sample]).expected
        assert found is not None
        return found

    reasons, answers = "claude-sonnet-5-5", "claude-haiku-4-5"
    without = expect(reasons, reasoning_effort="none")
    assert without < expect(reasons, reasoning_effort="low") < expect(reasons)
    assert expect(answers) == expect(answers, reasoning_effort="none")
    assert expect(answers) < expect(answers, reasoning_effort="high")


def test_a_cap_makes_a_backfill_last_days() -> None:
    per_row = price_measured([Decimal("0.002"), Decimal("0.002")])
    estimate = ColumnEstimate(rows=10_000, per_row=per_row, basis="2 rows")

    assert count_days(estimate.total.expected, Decimal(2)) == 10
    assert count_days(0.0, Decimal(2)) == 1
    assert count_days(1.0, None) is None
    assert count_days(1.0, UNLIMITED) is None
    assert [format_usd(each) for each in (None, 0, 0.000123456, 0.0123, 1234.5)] == [
        "unknown", "$0.00", "$0.000123", "$0.0123", "$1,234.50",
    ]  # fmt: skip


def test_the_status_says_what_a_column_does() -> None:
    filling = {"total": 1204, "done": 340, "from": (NOW - timedelta(seconds=34)).isoformat()}
    row = a_column(
        done=340, pending=864, asked=100, stale=3, failed=2, kept=1, backfill=filling,
        spent_today_usd="0.24", spent_usd="3.1", max_usd_per_day="2", owner_column="user_id",
    )  # fmt: skip
    failed = [a_cell([5], "bad"), a_cell([6], "worse"), a_cell([7], "bad")]

    said = "\n".join(list_status_lines(row, now=NOW, failed=failed))

    assert "backfill 28 %" in said
    assert "340 of 1,204 (28 %), 10.0 rows/s, about 86 s left" in said
    assert "864 pending (100 asked), 3 stale" in said
    assert "$0.24 today of $2.00, $3.10 in all" in said
    assert "2 x bad (as id=5)" in said
    assert "owner user_id" in said
    assert group_failures(row, failed)[1][:2] == ("worse", 1)


@pytest.mark.parametrize(
    ("facts", "state", "said"),
    [
        ({"standing_still": "its table was dropped"}, "stands still", "its table was dropped"),
        (
            {"paused_until": "2026-03-02T00:00:00Z", "paused_reason": "the cap is spent"},
            "paused until 2026-03-02 00:00 UTC",
            "goes on at 2026-03-02 00:00 UTC by itself",
        ),
        (
            {"paused_until": "infinity", "paused_reason": "the cap is spent"},
            "paused",
            "goes on when the cap is raised",
        ),
        (
            {"paused_at": "2026-03-01T00:00:00Z", "paused_reason": "by me"},
            "paused",
            "`cogo columns resume` ends it",
        ),
        ({"error": "division by zero"}, "failing", "division by zero; it is tried again"),
        ({"pending": 1}, "works", "1 pending"),
        ({"failed": 4, "stale": 1}, "some failed", "4 failed"),
        ({"stale": 28}, "some stale", "28 stale (made by another version)"),
        ({}, "up to date", "no cap"),
    ],
)
def test_a_column_that_does_nothing_says_why(facts: dict[str, Any], state: str, said: str) -> None:
    row = a_column(**facts)

    assert describe_state(row) == state
    assert said in "\n".join(list_status_lines(row, now=NOW))
    assert (find_column_trouble(row) is None) == (state in {"works", "some stale", "up to date"})


def test_the_cap_of_a_column_is_named_as_it_is_listed() -> None:
    assert parse_target("column:1f0e") == ("column", "1f0e")
    with pytest.raises(InvalidArgument, match="column"):
        parse_target("column:")


def test_columns_that_stand_still_for_one_reason_are_told_once() -> None:
    copied = [a_column(id=str(uuid4()), standing_still="it is a copy") for _ in range(3)]
    alone = a_column(id=str(uuid4()), standing_still="its table was dropped")

    found = list_column_troubles([*copied, alone, a_column(id=str(uuid4()))])

    assert len(found) == 2
    assert "3 stand still: it is a copy" in found[0].detail
    assert "its table was dropped" in found[1].detail


def test_a_rate_is_that_of_the_last_seconds() -> None:
    def at(done: int) -> ColumnRow:
        return a_column(backfill={"total": 1000, "done": done})

    meter = RateMeter()

    assert meter.measure(at(0), at=0.0) is None
    assert meter.measure(at(10), at=1.0) == 10
    assert meter.measure(at(10), at=60.0) is None  # the window has moved on
    assert meter.measure(at(40), at=61.0) == 30
    assert meter.measure(at(1), at=62.0) is None  # another backfill
    assert "40 of 1,000 (4 %), 30.0 rows/s" in str(describe_backfill(at(40), NOW, 30.0))
    assert format_duration(timedelta(0)) == "1 s"
    assert format_duration(timedelta(hours=50)) == "2 d"


def test_the_answer_of_a_trial_is_what_would_be_written() -> None:
    def ended(result: dict[str, Any], **params: Any) -> Task:
        return Task(
            id=uuid4(),
            type="CHAT",
            prompt="",
            params=params,
            status="completed",
            result=result,
            created_at=NOW,
        )

    schema = {"type": "object"}
    assert read_answer(ended({"text": " short \n"})) == "short"
    assert read_answer(ended({"data": {"value": 3}}, response_schema=schema)) == 3
    assert read_answer(ended({"data": [3]}, response_schema=schema)) is None
    assert read_answer(ended({"vectors": []})) is None


def test_sources_are_read_out_of_the_block_of_data() -> None:
    prompt = 'Summarise `body`\n\n<data>\n{"body": "a \\u003c b", "n": 3}\n</data>\n\nAnswer'
    embedding = ColumnSample(key=[1], type="EMBED", prompt="x", params={"input": ["the text"]})

    assert read_sources(a_sample(prompt)) == "a < b | 3"
    assert read_sources(a_sample("no block")) == "no block"
    assert read_sources(a_sample("<data>\nnot json\n</data>")) == "<data>\nnot json\n</data>"
    assert read_sources(embedding) == "the text"


def test_keys_have_names() -> None:
    assert describe_key(["id"], [5]) == "id=5"
    assert describe_key(["a", "b"], [1, "x"]) == "a=1, b=x"
    assert describe_key([], [1, 2]) == "1, 2"
    assert describe_key(["id"], 5) == "id=5"
