"""`cogo memory`: good files, files that are none, two owners, and words that are no letters."""

import json
import os
import re
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.integration.cli.conftest import Say

ADA, BOB = str(uuid4()), str(uuid4())
HANDBOOK: Final = "# Handbook\n\n## Refunds\n\nA refund is paid within 14 days.\n"
ACTIVE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE: Final = "refund \x1b]0;owned\x07\x9b2J\u202egpj."


def read_json(told: tuple[int, str, str]) -> Any:
    assert told[0] == 0, told
    return json.loads(told[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "handbook.md").write_text(HANDBOOK)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("The offsite was in Leipzig.")
    (tmp_path / "notes" / "page.html").write_text(
        "<title>Prices</title><script>x()</script><p>A ticket costs 40 euros."
    )
    return tmp_path


def test_documents_are_added_found_shown_replaced_and_forgotten(cogo: Say, folder: Path) -> None:
    added = read_json(cogo("memory", "add", "handbook.md", "notes/*", "--json"))["documents"]
    again = cogo("memory", "add", "handbook.md")[1]
    (folder / "handbook.md").write_text(HANDBOOK.replace("14", "30"))
    changed = cogo("memory", "add", "handbook.md")[1]
    found = read_json(cogo("memory", "search", "refund", "--words", "--json"))["hits"]
    listed = read_json(cogo("memory", "list", "--json"))["documents"]
    shown = cogo("memory", "show", "handbook.md")[1]
    chunk = cogo("memory", "show", found[0]["id"][:13])[1]
    dry = cogo("memory", "forget", "--source", "notes/*", "--dry-run")[1]
    gone = read_json(cogo("memory", "forget", "--source", "notes/*", "--json"))
    left = read_json(cogo("memory", "list", "--json"))["documents"]

    assert [each["source"] for each in added] == ["handbook.md", "notes/a.txt", "notes/page.html"]
    assert again == "[1/1] handbook.md: unchanged\n"
    assert changed == "[1/1] handbook.md: replaced, 1 chunk\n"
    assert [each["heading"] for each in found] == ["Handbook"]
    assert "30 days" in found[0]["content"]
    assert {each["title"] for each in listed} == {"Handbook", "a.txt", "Prices"}
    assert shown.startswith("handbook.md  Handbook  1 chunk\n")
    assert shown.endswith(
        "\n  # Handbook\n  \n  ## Refunds\n  \n  A refund is paid within 30 days.\n"
    )
    assert "30 days" in chunk
    assert dry == "2 texts would be deleted, with 2 documents\n"
    assert (gone["forgotten"], gone["documents"]) == (2, 2)
    assert [each["source"] for each in left] == ["handbook.md"]


def test_nothing_crosses_owners(cogo: Say, folder: Path) -> None:
    for owner, text in ((ADA, "Ada's"), (BOB, "Bob's")):
        (folder / "handbook.md").write_text(f"The {text} secret handbook.")
        assert cogo("memory", "add", "handbook.md", "--owner", owner)[0] == 0
        assert cogo("memory", "remember", "A secret fact.", "--owner", owner)[0] == 0

    for owner, text in ((ADA, "Ada's"), (BOB, "Bob's")):
        search = ("memory", "search", "secret", "--words", "--json", "--owner", owner)
        contents = {each["content"] for each in read_json(cogo(*search))["hits"]}
        assert contents == {f"The {text} secret handbook.", "A secret fact."}
        exported = cogo("memory", "export", "--owner", owner)[1]
        assert len(exported.splitlines()) == 3
        assert f"The {text} secret" in exported
    assert read_json(cogo("memory", "search", "secret", "--words", "--json"))["hits"] == []
    assert cogo("memory", "forget", "--all", "--owner", ADA)[0] == 0
    left = read_json(cogo("memory", "status", "--json"))
    assert (left["documents"], left["facts"], left["chunks"]) == (1, 1, 1)


def test_the_same_fact_is_remembered_once(cogo: Say) -> None:
    first = cogo("memory", "remember", "Invoices are sent on the 5th.", "--source", "Ada")[1]
    second = cogo("memory", "remember", "Invoices are sent on the 5th.")[1]

    assert first.endswith("  remembered\n")
    assert second == first.replace("remembered", "known already")
    assert len(read_json(cogo("memory", "list", "--json"))["facts"]) == 1


def test_files_that_are_no_texts_are_named_and_harm_no_others(cogo: Say, folder: Path) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_text("A secret of somebody else.")
    bad = folder / "bad"
    bad.mkdir()
    (bad / "link.txt").symlink_to(outside)
    (bad / "binary.txt").write_bytes(b"\x7fELF\x00\x01\x02")
    (bad / "latin.txt").write_bytes("Größe".encode("latin-1"))
    (bad / "empty.txt").touch()
    (bad / "blank.md").write_text("\n \n\t\n")
    (bad / "paper.pdf").write_bytes(b"%PDF-1.7 ...")
    with (bad / "huge.txt").open("wb") as huge:
        huge.truncate(100 * 1024 * 1024)

    code, told, failed = cogo("memory", "add", "bad/*", "bad", "none.md", "handbook.md")

    assert code == 1
    assert told == "[9/9] handbook.md: added, 1 chunk\n"
    *lines, count = failed.splitlines()
    assert count == "1 added or unchanged, 8 not added"
    reasons = dict(line.split("] ", 1)[1].split(": not added: ") for line in lines)
    assert "bad/link.txt" not in reasons
    assert "bytes that are 0" in reasons.pop("bad/binary.txt")
    assert "no text in UTF-8 (byte 2)" in reasons.pop("bad/latin.txt")
    assert "no text in it" in reasons.pop("bad/empty.txt")
    assert "no text in it" in reasons.pop("bad/blank.md")
    assert "the PDF cannot be used" in reasons.pop("bad/paper.pdf")
    assert "104,857,600 bytes" in reasons.pop("bad/huge.txt")
    assert "directory" in reasons.pop("bad")
    assert reasons.pop("none.md") == "No such file or directory"
    assert not reasons


def test_without_an_embedding_model_nothing_waits_for_vectors(cogo: Say, folder: Path) -> None:
    code, told, failed = cogo("memory", "add", "handbook.md", "--wait")

    assert (code, told) == (0, "[1/1] handbook.md: added, 1 chunk\n")
    assert "not waited for vectors: no executor serves an embedding model" in failed


def test_a_pattern_that_matches_nothing_is_an_error(cogo: Say) -> None:
    code, told, failed = cogo("memory", "add", "none/**/*.md")

    assert (code, told) == (1, "")
    assert failed.splitlines() == [
        "none/**/*.md: not added: no file matches it", "0 added or unchanged, 1 not added"
    ]  # fmt: skip


def test_a_pattern_without_a_file_keeps_no_other_from_being_added(cogo: Say, folder: Path) -> None:
    code, told, failed = cogo("memory", "add", "none/*.md", "handbook.md", "notes/*")
    again = cogo("memory", "add", "none/*.md", "handbook.md", "--json")

    assert code == again[0] == 1
    assert len(told.splitlines()) == 3
    assert "none/*.md: not added: no file matches it" in failed
    assert "3 added or unchanged, 1 not added" in failed
    [missing, kept] = json.loads(again[1])["documents"]
    assert (missing["source"], missing["error"]) == ("none/*.md", "no file matches it")
    assert kept["is_unchanged"]


@pytest.mark.parametrize("query", ["", "  "])
def test_nothing_is_not_searched_for(cogo: Say, query: str) -> None:
    code, _, failed = cogo("memory", "search", query)

    assert code == 2
    assert "there is nothing to search for" in failed


def test_what_is_counted_of_a_document_is_in_one_place(cogo: Say, folder: Path) -> None:
    cogo("memory", "add", "handbook.md")

    [found] = read_json(cogo("memory", "list", "--json"))["documents"]

    assert found["metadata"] == {}
    assert found["characters"] == len(HANDBOOK.rstrip())


def test_a_pipe_needs_a_name_and_may_end_nowhere(cogo: Say, folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    nameless = cogo("memory", "add", "-")
    endless = cogo("memory", "add", "/dev/zero")
    two = cogo("memory", "add", "handbook.md", "notes/a.txt", "--source", "one.md")

    assert "--source NAME" in nameless[2]
    assert "a document may have" in endless[2]
    assert "--source and --title name one document" in two[2]


def test_a_document_of_many_chunks_is_stored_whole(cogo: Say, folder: Path) -> None:
    sections = (f"## Part {n}\n\n{'word ' * 200}\n" for n in range(1_100))
    (folder / "long.md").write_text("".join(sections))

    [added] = read_json(cogo("memory", "add", "long.md", "--json"))["documents"]
    again = cogo("memory", "add", "long.md")[1]

    assert added["chunks"] == 1_100
    assert again == "[1/1] long.md: unchanged\n"
    status = read_json(cogo("memory", "status", "--json"))
    assert status["chunks"] == 1_100


def test_words_of_others_move_no_terminal(cogo: Say, folder: Path) -> None:
    (folder / "handbook.md").write_text(f"# {HOSTILE}\n\n{HOSTILE}")
    assert cogo("memory", "add", "handbook.md", "--source", HOSTILE, "--title", HOSTILE)[0] == 0
    assert cogo("memory", "remember", HOSTILE, "--source", HOSTILE)[0] == 0

    for command in (("list",), ("search", "refund", "--words"), ("show", HOSTILE), ("status",)):
        for more in ((), ("--json",)):
            _, told, failed = cogo("memory", *command, *more)
            assert not ACTIVE.search(told + failed), command
    assert not ACTIVE.search(cogo("memory", "export")[1])


def test_nothing_is_forgotten_without_a_criterion(cogo: Say) -> None:
    code, _, failed = cogo("memory", "forget")

    assert code == 2
    assert "nothing is selected" in failed
