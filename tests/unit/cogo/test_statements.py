"""Scripts are split where the Supabase CLI splits them."""

import pytest

from cogo.migrations.files import split_statements


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("select 1; select 2;", ["select 1", "select 2"]),
        ("select ';'; select 'it''s; ok'", ["select ';'", "select 'it''s; ok'"]),
        ('select ";" from t;', ['select ";" from t']),
        ("-- a; b\nselect 1;", ["-- a; b\nselect 1"]),
        ("/* a; /* b; */ c; */ select 1;", ["/* a; /* b; */ c; */ select 1"]),
        ("do $$ begin; end; $$; select 2", ["do $$ begin; end; $$", "select 2"]),
        ("do $a$ x; $b$ y; $$ $a$; select 2", ["do $a$ x; $b$ y; $$ $a$", "select 2"]),
        ("select $1; select 'open", ["select $1", "select 'open"]),
        (" ;; \n", []),
        ("-- only a comment", ["-- only a comment"]),
    ],
)
def test_semicolons_in_quotes_and_comments_do_not_cut(script: str, statements: list[str]) -> None:
    assert split_statements(script) == statements
