"""Tables of recorded answers, in every published format or refused in a sentence."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.selection.requirements import MAX_NAME_CHARACTERS
from cogo.evaluation.routing import reading
from cogo.evaluation.routing.columns import Named
from cogo.evaluation.routing.evaluation import EvaluationPlan, evaluate
from cogo.evaluation.routing.figures import summarize_splits
from cogo.evaluation.routing.reading import read_records
from cogo.evaluation.routing.records import BadRecords, fill_gaps
from tests.support.evaluation.routing_records import agent_jsonl, long_csv, nested_jsonl, wide_csv

SHAPES = {
    "long.csv": long_csv,
    "wide.csv": wide_csv,
    "agents.jsonl": agent_jsonl,
    "nested.jsonl": nested_jsonl,
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_table(name: str, tmp_path: Path) -> None:
    write: Callable[..., Path] = SHAPES[name]
    table = read_records(write(tmp_path / name, prompts=30), Named())
    plain = read_records(long_csv(tmp_path / "plain.csv", prompts=30), Named())

    assert table.models == ("cheap", "dear", "mid")
    assert len(table.prompts) == 30
    assert not table.has_checks
    assert sorted((row.quality, row.cost) for row in table.prompts) == sorted(
        (row.quality, row.cost) for row in plain.prompts
    )
    assert {row.category for row in table.prompts} == {"sql", "java", "chat"}


def written(directory: Path, text: str, name: str = "x.csv") -> Path:
    path = directory / name
    path.write_text(text)
    return path


BAD = [
    ("x.csv", "", "has no rows"),
    ("x.csv", "id,model,score,cost\n", "has no rows"),
    (
        "x.csv",
        "id,model,cost\n1,a,2\n",
        "no column for the quality was found among id, model, cost",
    ),
    ("x.csv", "id,model,score\n1,a,2\n", "name it with --cost COLUMN"),
    ("x.csv", "id,model,score,cost\n1,a,good,2\n", "row 1: quality 'good' is not a number"),
    ("x.csv", "id,model,score,cost\n1,a,1,2\n", "a choice needs two"),
    ("x.csv", "id,model,score,cost\n1,a,-1,2\n", "row 1: quality is -1; it must be from 0"),
    ("x.csv", "id,model,score,cost\n1,a,1,2\n1,b,1,-0.5\n", "row 2: cost is -0.5"),
    ("x.csv", "id,model,score,cost\n1,a,1,inf\n", "row 1: cost is inf"),
    ("x.csv", "id,model,score,cost\n1,a,1,1e308\n", "row 1: cost is 1e+308; it must be from"),
    ("x.csv", "id,model,score,cost\n1,a,nan,1\n1,b,nan,1\n", "0 were found that answered"),
    ("x.csv", "id,model,score,cost,verified\n1,a,1,1,7\n", "verified is 7; it must be from 0"),
    ("x.csv", "id,model,score,cost\n1,,1,1\n", "row 1: model is empty"),
    ("x.csv", "id,model,score,cost\n1,a,1,1,9\n", "line 2: there are more fields than columns"),
    ("x.csv", "id,model,cost,score,cost\n1,a,1,1,9\n", "has the column 'cost' more than once"),
    (
        "x.csv",
        'id,model,score,cost\n1,"a\n',
        "1 of 1 models|unexpected end|cost|a choice needs two",
    ),
    ("x.jsonl", '{"id": 1}\nnonsense\n', "line 2: not JSON"),
    ("x.jsonl", '{"id": ' + "9" * 5_000 + "}", "line 1: not JSON: a number is too long"),
    ("x.jsonl", "[1]", "one JSON object for each row"),
    ("x.jsonl", "[" * 100_000, "not JSON"),
    ("x.jsonl", '{"id": 1, "models": {"a": 3}}', "row 1, a: there must be an object"),
    ("x.parquet", "PAR1....", "is a Parquet file"),
    ("x.xlsx", "PK\x03\x04...", "is a ZIP or Excel file"),
]


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_a_file_that_cannot_be_used_says_why(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRecords) as caught:
        read_records(written(tmp_path, text, name), Named())

    assert any(each in str(caught.value) for each in words.split("|"))


def test_a_file_that_is_not_there_or_not_text_or_cut_off_says_so(tmp_path: Path) -> None:
    latin, cut = tmp_path / "latin.csv", tmp_path / "cut.csv.gz"
    latin.write_bytes("id,model,score,cost\n1,é,1,1\n".encode("latin-1"))
    cut.write_bytes(gzip.compress(long_csv(tmp_path / "x.csv").read_bytes())[:-30])

    for path, words in (
        (tmp_path / "none.csv", "No such file"),
        (tmp_path, "Is a directory"),
        (latin, "not text in UTF-8"),
        (cut, "ended before"),
    ):
        with pytest.raises(BadRecords, match=words):
            read_records(path, Named())


def test_the_content_says_how_a_file_is_read_and_not_its_name(tmp_path: Path) -> None:
    plain = read_records(long_csv(tmp_path / "plain.csv", prompts=30), Named())
    text = (tmp_path / "plain.csv").read_text()
    unnamed, tabs, semicolons = tmp_path / "records", tmp_path / "tabs", tmp_path / "x.csv"
    unnamed.write_bytes(gzip.compress(text.encode("utf-8-sig")))
    tabs.write_text(text.replace(",", "\t"))
    semicolons.write_text(text.replace(",", ";"))

    for path in (unnamed, tabs, semicolons):
        assert read_records(path, Named()) == plain


def test_columns_without_a_name_are_ignored_as_spreadsheets_write_them(tmp_path: Path) -> None:
    plain = read_records(long_csv(tmp_path / "plain.csv", prompts=30), Named())
    text = (tmp_path / "plain.csv").read_text()
    wider = written(tmp_path, text.replace("\n", ",,\n"))

    assert read_records(wider, Named()) == plain


def test_huge_files_end_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = long_csv(tmp_path / "x.csv", prompts=30)
    monkeypatch.setattr(reading, "MAX_ANSWERS", 50)
    with pytest.raises(BadRecords, match="row 51: more than 50 answers are not read"):
        read_records(path, Named())

    monkeypatch.setattr(reading, "MAX_MODELS", 2)
    monkeypatch.setattr(reading, "MAX_ANSWERS", 5_000)
    with pytest.raises(BadRecords, match="3 models are too many: at most 2 are compared"):
        read_records(path, Named())

    monkeypatch.setattr(reading, "MAX_BLANK", 1_000)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"id,model,score,cost\n" + b"\n" * 2_000))
    with pytest.raises(BadRecords, match="more than 1,000 lines without anything"):
        read_records(bomb, Named())

    monkeypatch.setattr(reading, "MAX_LINE", 20)
    with pytest.raises(BadRecords, match="line 1: longer than 20 characters"):
        read_records(path, Named())


def test_rows_without_figures_count_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_ANSWERS", 50)
    lines = ["id,model,score,cost", *(f"{number},a,," for number in range(60))]

    with pytest.raises(BadRecords, match="row 51: more than 50 answers are not read"):
        read_records(written(tmp_path, "\n".join(lines)), Named())


def test_a_column_that_is_named_must_exist(tmp_path: Path) -> None:
    path = written(tmp_path, "id,model,points,cost\n1,a,1,2\n1,b,1,2\n")

    assert len(read_records(path, Named(quality="points")).prompts) == 1
    with pytest.raises(BadRecords, match=r"no column 'pionts' .* there are points"):
        read_records(path, Named(quality="pionts"))


def test_incomplete_records_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = ["id,model,score,cost"]
    for number in range(20):
        lines += [f"{number},a,1,1", f"{number},b,{'' if number == 3 else 10},1"]
    lines.append("0,rare,1,1")

    table = read_records(written(tmp_path, "\n".join(lines)), Named())

    assert table.models == ("a", "b")
    assert len(table.prompts) == 19
    assert table.notes == (
        "1 answers have no quality or no cost and were left out.",
        "1 models answered too few prompts and were left out: rare.",
        "1 prompts miss an answer and were left out.",
        "Qualities go up to 10; they were divided by it.",
    )
    assert table.prompts[0].quality == (0.1, 1.0)


def test_several_answers_to_a_prompt_are_averaged(tmp_path: Path) -> None:
    text = "id,model,pass,usd,verified\n1,a,true,$1,1\n1,a,false,$3,0\n1,b,1,2,1\n"

    read = read_records(written(tmp_path, text), Named())
    [row] = read.prompts

    assert "1 answers are of a model that had answered the same prompt before" in read.notes[0]
    assert (row.quality, row.cost, row.verified) == ((0.5, 1.0), (2.0, 2.0), (0.5, 1.0))


def test_categories_that_hardly_repeat_are_left_out_of_account(tmp_path: Path) -> None:
    lines = ["id,model,score,cost,topic"]
    lines += [f"{n},{model},1,1,topic {n // 2}" for n in range(40) for model in "ab"]

    read = read_records(written(tmp_path, "\n".join(lines)), Named())

    assert read.categories == ("all",)
    assert "20 categories are too many for 40 prompts" in read.notes[0]


def test_answers_of_one_model_a_prompt_are_kept_with_their_gaps(tmp_path: Path) -> None:
    lines = ["id,model,score,cost,category"]
    for number in range(120):
        model, category = ("small", "large")[number % 2], ("sql", "chat")[number % 4 > 1]
        right = int(model == "large" or category == "chat")
        lines.append(f"{number},{model},{right},{1 if model == 'small' else 10},{category}")

    read = read_records(written(tmp_path, "\n".join(lines)), Named())
    filled = fill_gaps(read.prompts)

    assert read.has_gaps
    assert read.prompts[0].answered in {(True, False), (False, True)}
    assert "No two models answered most of the prompts" in read.notes[0]
    assert {(each.category, each.quality, each.cost) for each in filled} == {
        ("sql", (1.0, 0.0), (10.0, 1.0)),
        ("chat", (1.0, 1.0), (10.0, 1.0)),
    }
    figures = summarize_splits([*evaluate(read, EvaluationPlan(seeds=range(2), steps=(0,)))])
    best = {each.name: each for each in figures}["best by category"]
    assert best.points == 0
    assert best.cost_share == pytest.approx(0.55, abs=0.1)


def test_what_no_terminal_takes_is_replaced_and_long_categories_are_cut(tmp_path: Path) -> None:
    long = "k" * 999
    rows = [
        {
            "id": f"\ud800{n}",
            "model": f"{m}\udfff",
            "score": n % 2,
            "cost": 1,
            "category": long,
        }
        for n in range(20)
        for m in "ab"
    ]

    found = read_records(
        written(tmp_path, "\n".join(map(json.dumps, rows)), "x.jsonl"), Named(category="category")
    )

    assert found.models == ("a?", "b?")
    assert [each.id for each in found.prompts][:2] == ["?0", "?1"]
    assert found.categories == ("k" * MAX_NAME_CHARACTERS,)
