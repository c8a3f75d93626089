"""Tests of a CSV parser."""

import pytest

from simulator.answers.programs.csv_rows import parse_csv


def test_rows_become_dictionaries() -> None:
    assert parse_csv("name,age\nAda,36\n") == [{"name": "Ada", "age": "36"}]


def test_quoted_fields_may_hold_commas_and_line_breaks() -> None:
    assert parse_csv('name,city\nAda,"London,\nUK"\n') == [{"name": "Ada", "city": "London,\nUK"}]


def test_quotes_in_quoted_fields_are_doubled() -> None:
    assert parse_csv('said\n"a ""b"""\n') == [{"said": 'a "b"'}]


def test_a_header_alone_has_no_rows() -> None:
    assert parse_csv("name,age\n") == []


def test_short_rows_are_refused() -> None:
    with pytest.raises(ValueError):
        parse_csv("a,b\n1\n")
