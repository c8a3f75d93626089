"""A later schema that only adds: what every release after v0.1.0 may do to the database."""

from collections.abc import Mapping
from typing import Final

from cogo.migrations import Migration
from cogo.migrations.files import read_schemas
from scripts.schema.migration import Draft
from tests.support.sql.database import SUPABASE

VERSION: Final = "20990101000000"

_ADDITIONS: Final = {
    "20_tables/20_tasks.sql": [
        (
            "precision,\n  constraint cogo_tasks_status",
            "precision,\n  labels text[] default '{}',\n  constraint cogo_tasks_status",
        )
    ],
    "70_queue/48_loading.sql": [
        (
            "turns integer, tools_granted jsonb\n",
            "turns integer, tools_granted jsonb, labels text[]\n",
        ),
        (
            " end\n    from cogo.subtasks s\n    join public.cogo_tasks t",
            " end, t.labels\n    from cogo.subtasks s\n    join public.cogo_tasks t",
        ),
    ],
    "80_rpc_agents/10_claim.sql": [
        (
            "turns integer, tools_granted jsonb\n",
            "turns integer, tools_granted jsonb, labels text[]\n",
        )
    ],
    "80_rpc_agents/30_complete.sql": [
        (
            "(p_agent_id text, p_items jsonb)",
            "(p_agent_id text, p_items jsonb, p_trace text default null)",
        )
    ],
    "99_access/20_functions.sql": [("\n", "\n-- A comment alone needs no migration.\n")],
}
_NEW_TABLE: Final = """
create table if not exists public.cogo_notes (
  id bigint generated always as identity primary key,
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  note text not null check (note <> ''),
  made_at timestamptz not null default cogo.now()
);
comment on table public.cogo_notes is 'It''s what people note about tasks.';
create index if not exists cogo_notes_task on public.cogo_notes (task_id);
alter table public.cogo_notes enable row level security;
drop policy if exists "owners read their notes" on public.cogo_notes;
create policy "owners read their notes" on public.cogo_notes for select to authenticated
  using (exists (select from public.cogo_tasks t where t.id = task_id));
revoke all on public.cogo_notes from public, anon, authenticated, service_role;
grant select on public.cogo_notes to authenticated;
grant insert (task_id, note) on public.cogo_notes to service_role;
"""


def schema_now() -> dict[str, str]:
    """Return the files of the schema."""
    return read_schemas(SUPABASE / "schemas")


def later_schema() -> dict[str, str]:
    """Return the files of a later schema: a column, a table, a parameter, a returned column."""
    files = changed(schema_now(), _ADDITIONS)
    return files | {"20_tables/99_notes.sql": _NEW_TABLE}


def changed(files: dict[str, str], changes: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    """Return the files with texts replaced, of which each must be there."""
    files = dict(files)
    for name, replacements in changes.items():
        for old, new in replacements:
            assert old in files[name], f"{name} does not hold {old!r}"
            files[name] = files[name].replace(old, new, 1)
    return files


def as_migration(draft: Draft) -> Migration:
    """Return the migration that was drafted."""
    return Migration(VERSION, "later", draft.text(VERSION, "later"))
