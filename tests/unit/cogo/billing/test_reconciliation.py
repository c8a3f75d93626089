"""Vendors' exports of costs, and their comparison with what is booked."""

from datetime import UTC, date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogo.billing.reconciliation import LineVerdict, normalize_model, reconcile_costs
from cogo.billing.vendor_csv import VendorBill, read_vendor_csv
from cogo.errors import UsageError
from protocol.errors import InvalidArgument
from protocol.records import UsageRow

ANTHROPIC = """\
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd
2026-11-01,Claude Haiku 4.5,Default,"a, key",message,≤ 200k,input_no_cache,0.05,0.05
2026-11-01,Claude Haiku 4.5,Default,"a, key",message,≤ 200k,output,0.02,0.02
2026-11-02,Claude Opus 4.5,Default,"a, key",message,≤ 200k,output,0.30,0.30
"""
_DAY_1 = "1793491200,1793577600,2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00"
_DAY_2 = "1793577600,1793664000,2026-11-02T00:00:00+00:00,2026-11-03T00:00:00+00:00"
OPENAI = f"""\
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,line_item
{_DAY_1},,,,
{_DAY_2},0.0038359800000000000000,usd,10,"gpt-5-nano-2025-08-07, input_tokens"
{_DAY_2},0.5,usd,10,"gpt-5-nano-2025-08-07, output_tokens"
"""
FIREWORKS = """\
account_id,date,group_by_dimension,group_by_value,subtotal_usd,currency
mine,2026-11-01,model,accounts/fireworks/models/glm-5p2,8.400000000,USD
"""
DEEPSEEK = """\
user_id,start_time_iso,end_time_iso,model,wallet_type,cost,currency
u,2026-11-01T00:00:00+02:00,2026-11-02T00:00:00+02:00,deepseek-chat,Paid,10.0,USD
"""
OPENROUTER = """\
Date,Slug,Usage,BYOK Usage,Requests
"2026-11-01 00:00:00","anthropic/claude-opus-4.7","430.07","0","4115"
"""


def read(path: Path, text: str | bytes, **asked: Any) -> VendorBill:
    file = path / "bill.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_vendor_csv(file, **({"vendor": None, "columns": {}, "zone": UTC} | asked))


def sums(bill: VendorBill) -> dict[tuple[str, str], str]:
    return {(str(day), model): str(line.usd) for (day, model), line in bill.lines.items()}


def booked(day: str, model: str, usd: str | None, *, calls: int = 1, unknown: int = 0,
           simulated: bool = False) -> UsageRow:  # fmt: skip
    names = ("tasks", "failed", "output_tokens", "reasoning_tokens")
    inputs = ("input_tokens", "cached_tokens", "cache_write_tokens")
    figures = dict.fromkeys((*names, *inputs), 0)
    latencies = dict.fromkeys(
        f"{name}_ms_{p}" for name in ("first_token", "duration") for p in ("p50", "p95")
    )
    return UsageRow.model_validate(
        figures
        | latencies
        | {"bucket": day, "provider_model": model, "cost_usd": usd, "calls": calls}
        | {"unknown_costs": unknown, "simulated": simulated}
    )


@pytest.mark.parametrize(
    ("text", "vendor", "expected"),
    [
        (
            ANTHROPIC,
            "anthropic",
            {
                ("2026-11-01", "Claude Haiku 4.5"): "0.07",
                ("2026-11-02", "Claude Opus 4.5"): "0.30",
            },
        ),
        (
            OPENAI,
            "openai",
            {("2026-11-02", "gpt-5-nano-2025-08-07"): "0.5038359800000000000000"},
        ),
        (FIREWORKS, "fireworks", {("2026-11-01", "glm-5p2"): "8.400000000"}),
        (DEEPSEEK, "deepseek", {("2026-10-31", "deepseek-chat"): "10.0"}),
        (OPENROUTER, "openrouter", {("2026-11-01", "claude-opus-4.7"): "430.07"}),
    ],
    ids=["anthropic", "openai", "fireworks", "deepseek", "openrouter"],
)
def test_exports_of_vendors_are_recognised_and_summed_by_day_and_model(
    tmp_path: Path, text: str, vendor: str, expected: dict[tuple[str, str], str]
) -> None:
    bill = read(tmp_path, text)

    assert (bill.vendor, sums(bill)) == (vendor, expected)


def test_times_are_days_of_the_zone(tmp_path: Path) -> None:
    bill = read(tmp_path, DEEPSEEK, zone=ZoneInfo("Europe/Helsinki"))

    assert bill.first_day == date(2026, 11, 1)


def test_days_without_costs_extend_the_period(tmp_path: Path) -> None:
    assert read(tmp_path, OPENAI).first_day == date(2026, 11, 1)


def test_other_files_are_read_by_the_names_of_their_columns_or_by_those_that_are_named(
    tmp_path: Path,
) -> None:
    known = read(tmp_path, "Day,Model Name,Model,Cost\n20261101,x,large,$1.5\n")
    named = read(
        tmp_path,
        "Datum,Modell,Betrag,Cost\n2026-11-01,large,2,9\n1793491200,large,-.5,9\n",
        columns={"day": "datum", "model": "Modell", "cost": "BETRAG"},
        vendor="mistral",
    )

    assert (known.vendor, sums(known)) == (None, {("2026-11-01", "large"): "1.5"})
    assert (named.vendor, sums(named)) == ("mistral", {("2026-11-01", "large"): "1.5"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column of the file is known to be the day and the model and the cost"),
        ("foo,bar\n1,2\n", "its columns are foo, bar"),
        ("day,model,cost\n", "no line below its header"),
        ("day,model,cost\n2026-11-01,m,1,2\n", "line 2 has 4 columns, not 3"),
        ("day,model,cost\nNovember,m,1\n", "line 2: 'November' is no day"),
        ("day,model,cost\n2026-13-01,m,1\n", "line 2: '2026-13-01' is no day"),
        ("day,model,cost\n2026-11-01,m,nan\n", "line 2: 'nan' is no amount"),
        ('day,model,cost\n2026-11-01,"a\nb",1\n2026-11-01,m,x\n', "line 4: 'x' is no amount"),
        ("day,model,Cost,cost\n2026-11-01,m,1,2\n", "more than one column cost"),
        ("day,model,cost\n2026-11-01,m,1e99\n", "is no amount"),
        ("day,model,cost\n2026-11-01,m,1e99999\n", "is no amount"),
        ("day,model,cost\n2026-11-01,m,=1+1\n", "is no amount"),
        ('day,model,cost\n2026-11-01,m,"1,234.5"\n', "thousands have no separator"),
        ("day,model,cost\n2026-11-01,,1\n", "no line of the file names a model"),
        ("day,model,cost,currency\n2026-11-01,m,1,EUR\n", "line 2 is in 'EUR'"),
        ('day,model,cost\n2026-11-01,"m,1\n', "is not CSV"),
        ("day,model,cost\n2026-11-01,m,1\x00\n", ""),
        ("day,model,cost\n2026-11-01," + "m" * 70_000 + ",1\n", "line 2 of bill.csv is too long"),
        (b"PK\x03\x04\xff\xfe", "is not UTF-8 text"),
        ("day,model,cost\n".encode("utf-16"), "is not UTF-8 text"),
        (FIREWORKS.replace(",model,", ",user,"), "'user', not 'model'"),
        ("model,num_model_requests,input_tokens\nm,1,2\n", "export the costs, grouped by line"),
        (
            "usage_date_utc,model_version,usage_output_tokens\n2026-11-01,m,2\n",
            "export the page Cost",
        ),
        ("start_time,base_model_name,accelerator_seconds\n1,m,2\n", "export-usage-costs"),
        (OPENAI.replace("gpt-5-nano-2025-08-07", ""), "group the costs by line item"),
    ],
)
def test_what_is_no_bill_is_refused_with_its_reason(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(tmp_path, text)

    assert reason in f"{caught.value.message} {caught.value.hint}"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "bill.csv").open("wb") as file:
        file.truncate(2**30)

    with pytest.raises(InvalidArgument, match="more than 256 MiB"):
        read_vendor_csv(tmp_path / "bill.csv", vendor=None, columns={}, zone=UTC)


def test_a_column_that_is_not_there_cannot_be_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="--map cost=price: its columns are day"):
        read(tmp_path, "day,model,cost\n", columns={"cost": "price"})
    with pytest.raises(UsageError, match="--map tokens"):
        read(tmp_path, "day,model,cost\n", columns={"tokens": "cost"})


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", b"day,model,cost\n"]))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    try:
        bill = read(tmp_path_factory.mktemp("any"), head + content)
    except InvalidArgument:
        return
    assert all(line.usd.is_finite() for line in bill.lines.values())


@pytest.mark.parametrize(
    ("names", "same"),
    [
        (("Claude Opus 4.5", "claude-opus-4-5-20251101"), True),
        (("Claude 3.5 Sonnet 2024-10-22", "claude-3-5-sonnet-latest"), True),
        (("gpt-5-nano-2025-08-07", "gpt-5-nano"), True),
        (("gpt-5", "gpt-5-nano"), False),
        (("claude-opus-4-5", "claude-opus-4-6"), False),
    ],
)
def test_spellings_of_one_model_are_the_same(names: tuple[str, str], *, same: bool) -> None:
    first, second = map(normalize_model, names)

    assert (first == second) is same


def test_each_day_and_model_has_a_verdict(tmp_path: Path) -> None:
    bill = read(
        tmp_path,
        "day,model,cost\n2026-11-01,same,10.00\n2026-11-01,near,1.00\n2026-11-01,far,2.00\n"
        "2026-11-01,lost,5.00\n2026-11-01,theirs,1.00\n2026-11-02,nothing,0.00\n",
    )
    rows = [
        booked("2026-11-01", "same", "6", calls=3),
        booked("2026-11-01", "same-2026-01-01", "4"),
        booked("2026-11-01", "near", "1.012"),
        booked("2026-11-01", "far", "1"),
        booked("2026-11-01", "lost", "4", unknown=1),
        booked("2026-11-01", "ours", "3"),
        booked("2026-11-01", "free", "0"),
        booked("2026-11-01", "simulated", "0", simulated=True),
    ]

    found = reconcile_costs(rows, bill, tolerance=Decimal("0.01"))

    assert {line.model: line.verdict for line in found.lines} == {
        "same = same-2026-01-01": LineVerdict.AGREES,
        "near": LineVerdict.AGREES,  # 0.01 is a per cent, 0.005 the rounding
        "far": LineVerdict.DIFFERS,
        "lost": LineVerdict.INCOMPLETE,
        "theirs": LineVerdict.NOT_BOOKED,
        "ours": LineVerdict.NOT_CHARGED,
        "free": LineVerdict.AGREES,
        "nothing": LineVerdict.AGREES,
    }
    assert [line.calls for line in found.lines if line.model.startswith("same")] == [4]
    assert (str(found.booked_usd), str(found.vendor_usd)) == ("19.012", "19.00")
    assert not found.agrees


def test_equal_totals_of_different_models_do_not_agree(tmp_path: Path) -> None:
    bill = read(tmp_path, "day,model,cost\n2026-11-01,a,1\n2026-11-01,b,2\n")
    rows = [booked("2026-11-01", "a", "2"), booked("2026-11-01", "b", "1")]

    found = reconcile_costs(rows, bill, tolerance=Decimal("0.01"))

    assert found.booked_usd == found.vendor_usd
    assert not found.agrees


def test_rounding_to_cents_explains_half_a_cent_of_each_line(tmp_path: Path) -> None:
    many = "day,model,cost\n" + "2026-11-01,a,0.00\n" * 10
    precise = many + "2026-11-01,b,0.00000\n"

    rows = [booked("2026-11-01", "a", "0.04")]

    assert reconcile_costs(rows, read(tmp_path, many), tolerance=Decimal(0)).agrees
    assert not reconcile_costs(rows, read(tmp_path, precise), tolerance=Decimal(0)).agrees
