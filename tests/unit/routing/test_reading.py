"""Tables of recorded answers, in every published format or refused in a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.routing.columns import Named
from benchmarks.routing.reading import read_table
from benchmarks.routing.table import BadTable
from tests.unit.routing.records import agent_jsonl, long_csv, nested_jsonl, wide_csv

SHAPES = {
    "long.csv": long_csv,
    "wide.csv": wide_csv,
    "agents.jsonl": agent_jsonl,
    "nested.jsonl": nested_jsonl,
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_table(name: str, tmp_path: Path) -> None:
    write: Callable[..., Path] = SHAPES[name]
    table = read_table(write(tmp_path / name, prompts=30), Named())
    plain = read_table(long_csv(tmp_path / "plain.csv", prompts=30), Named())

    assert table.models == ("cheap", "dear", "mid")
    assert len(table.rows) == 30
    assert not table.has_checks
    assert sorted((row.quality, row.cost) for row in table.rows) == sorted(
        (row.quality, row.cost) for row in plain.rows
    )
    assert {row.category for row in table.rows} == {"sql", "java", "chat"}


def written(directory: Path, text: str, name: str = "x.csv") -> Path:
    path = directory / name
    path.write_text(text)
    return path


BAD = [
    ("x.csv", "", "there are no rows"),
    (
        "x.csv",
        "id,model,cost\n1,a,2\n",
        "no column for the quality was found among id, model, cost",
    ),
    ("x.csv", "id,model,score\n1,a,2\n", "name it with --cost COLUMN"),
    ("x.csv", "id,model,score,cost\n1,a,good,2\n", "row 1: 'good' is not a number"),
    ("x.csv", "id,model,score,cost\n1,a,1,2\n", "a choice needs two"),
    ("x.csv", "id,model,score,cost\n1,a,-1,2\n1,b,1,2\n", "must not be negative"),
    ("x.jsonl", '{"id": 1}\nnonsense\n', "line 2: not JSON"),
    ("x.jsonl", "[1]", "one JSON object for each row"),
    ("x.parquet", "PAR1", ".parquet is not read"),
]


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_a_table_that_cannot_be_used_says_why(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadTable) as caught:
        read_table(written(tmp_path, text, name), Named())

    assert words in str(caught.value)


def test_a_column_that_is_named_must_exist(tmp_path: Path) -> None:
    path = written(tmp_path, "id,model,points,cost\n1,a,1,2\n1,b,1,2\n")

    assert len(read_table(path, Named(quality="points")).rows) == 1
    with pytest.raises(BadTable, match=r"no column 'pionts' .* there are points"):
        read_table(path, Named(quality="pionts"))


def test_incomplete_records_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = ["id,model,score,cost"]
    for number in range(20):
        lines += [f"{number},a,1,1", f"{number},b,{'' if number == 3 else 10},1"]
    lines.append("0,rare,1,1")

    table = read_table(written(tmp_path, "\n".join(lines)), Named())

    assert table.models == ("a", "b")
    assert len(table.rows) == 19
    assert "rare" in table.notes[0]
    assert "1 prompts miss an answer" in table.notes[1]
    assert "divided by it" in table.notes[2]
    assert table.rows[0].quality == (0.1, 1.0)


def test_several_answers_to_a_prompt_are_averaged(tmp_path: Path) -> None:
    text = "id,model,pass,usd,verified\n1,a,true,$1,1\n1,a,false,$3,0\n1,b,1,2,1\n"

    [row] = read_table(written(tmp_path, text), Named()).rows

    assert (row.quality, row.cost, row.verified) == ((0.5, 1.0), (2.0, 2.0), (0.5, 1.0))
