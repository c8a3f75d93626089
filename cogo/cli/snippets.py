"""Examples of inserting a task, ready to be copied, for a running system."""

from typing import Final

PROMPT: Final = "Write a function that says whether a text is a palindrome"

_SQL: Final = """\
SQL (as postgres: {db_url})
  insert into cogo_tasks (prompt) values ('{prompt}');"""

_PYTHON: Final = """\
Python (pip install supabase)
  from supabase import create_client
  client = create_client("{url}", "{key}")
  client.table("cogo_tasks").insert({{"prompt": "{prompt}"}}).execute()"""

_JAVASCRIPT: Final = """\
JavaScript (npm install @supabase/supabase-js)
  import {{ createClient }} from "@supabase/supabase-js"
  const client = createClient("{url}", "{key}")
  await client.from("cogo_tasks").insert({{ prompt: "{prompt}" }})"""


def insert_snippets(*, url: str, key: str, db_url: str) -> str:
    """Return the insert in SQL, Python and JavaScript.

    `key` and `db_url` appear as given: pass a placeholder where others can read the output.
    """
    parts = (_SQL, _PYTHON, _JAVASCRIPT)
    return "\n\n".join(
        part.format(url=url, key=key, db_url=db_url, prompt=PROMPT) for part in parts
    )
