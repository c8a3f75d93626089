"""Periods and series of the console's charts, in Node."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.node import call_console_functions, run_console_module

NOW = int(datetime(2026, 11, 30, 3, 30, tzinfo=UTC).timestamp() * 1000)
READ_PERIODS = """
const { readPeriod, readZone } = await import(process.argv[1]);
const [now, asked] = JSON.parse(process.argv[2]);
console.log(JSON.stringify(asked.map((text) => {
  const query = new URLSearchParams(text);
  const { since, until, bucket } = readPeriod(query, readZone(query), now);
  return [since, until, bucket];
})));
"""


def read_periods(folder: Path, *queries: str) -> list[Any]:
    return run_console_module(folder, "charts/periods.js", READ_PERIODS, [NOW, queries])  # type: ignore[no-any-return]


def test_periods_are_days_of_the_zone_and_end_with_today(tmp_path: Path) -> None:
    found = read_periods(
        tmp_path,
        "",
        "period=yesterday",
        "period=yesterday&zone=America/New_York",
        "period=12m",
        "since=2026-11-01&until=2026-11-03",
        "since=2026-11-03&until=2026-11-01&period=today",
        "since=hello&until=2026-13-01&zone=Nowhere/Else",
    )

    month = ["2026-11-01", "2026-12-01", "day"]
    assert found == [
        month,
        ["2026-11-29", "2026-11-30", "hour"],
        ["2026-11-28", "2026-11-29", "hour"],
        ["2025-12-01", "2026-12-01", "month"],
        ["2026-11-01", "2026-11-03", "hour"],
        ["2026-11-30", "2026-12-01", "hour"],
        month,
    ]


def test_buckets_without_calls_are_shown_and_none_of_the_future(tmp_path: Path) -> None:
    def report(since: str, until: str, bucket: str, zone: str = "UTC") -> dict[str, str]:
        return {"since": since, "until": until, "bucket": bucket, "zone": zone}

    days, hours, months, berlin = call_console_functions(
        tmp_path,
        "charts/periods.js",
        ("listBuckets", report("2026-11-28T00:00:00Z", "2026-12-05T00:00:00Z", "day"), NOW),
        ("listBuckets", report("2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z", "hour"), NOW),
        ("listBuckets", report("2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z", "month"), NOW),
        (
            "listBuckets",
            report("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z", "day", "Europe/Berlin"),
            NOW,
        ),
    )

    assert days == ["2026-11-28", "2026-11-29", "2026-11-30"]
    assert hours == [f"2026-11-30T0{hour}:00Z" for hour in range(4)]
    assert months == ["2025-12", "2026-01"]
    assert berlin == ["2026-10-25", "2026-10-26"]


def test_the_dearest_have_a_series_each_and_the_others_one(tmp_path: Path) -> None:
    rows = [
        {"bucket": day, "model": f"m{number}", "simulated": False, "calls": 1, "cost_usd": cost}
        for number, cost in enumerate(["9", "1", "8", "2", "7", "3", "6", "4", "5", None])
        for day in ("a", "b")
    ]
    program = """
    const { orderSeries, stackSeries } = await import(process.argv[1]);
    const rows = JSON.parse(process.argv[2]);
    const order = orderSeries(rows, "model");
    const series = stackSeries(rows, "model", ["a", "b", "c"], (row) => row.cost_usd, order);
    console.log(JSON.stringify(series));
    """

    found = run_console_module(tmp_path, "charts/series.js", program, rows)

    names = [each["name"] for each in found]
    assert names == ["m0", "m2", "m4", "m6", "m8", "m7", "m5", "m3", "2 others"]
    assert found[0]["values"] == [9, 9, 0]
    assert found[-1]["values"] == [1, 1, 0]
    assert [each["place"] for each in found] == list(range(9))


def test_no_cell_of_a_file_is_a_formula(tmp_path: Path) -> None:
    [text] = call_console_functions(
        tmp_path,
        "charts/csv.js",
        ("formatCsv", [["=1", '"a,b', -1.5, None], ["+x", "@y", "-z", "ok"]]),
    )

    assert text == "'=1,\"\"\"a,b\",-1.5,\n'+x,'@y,'-z,ok\n"
