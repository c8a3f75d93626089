-- An AI column is known by its table and number, which renaming does not change. A restored dump has
-- other numbers, which table_oid tells: then the names count.
create table if not exists cogo.ai_columns (
  id uuid not null default gen_random_uuid() primary key,
  table_id regclass not null,
  table_oid oid not null,
  column_name text not null,
  column_number smallint not null,
  type text not null,
  key_names text[] not null,
  key_numbers smallint[] not null,
  owner_name text,
  owner_number smallint,
  version integer not null,
  overwrite boolean not null default false,
  open_tasks integer not null default 100 check (open_tasks between 1 and 10000),
  max_usd_per_row numeric check (max_usd_per_row >= 0),
  paused_at timestamptz,
  paused_until timestamptz,
  paused_reason text,
  paused_limit jsonb,
  error text,
  error_at timestamptz,
  errors integer not null default 0,
  outages integer not null default 0,
  outage text,
  outage_at timestamptz,
  layout text,
  sweep_after jsonb,
  backfill_states text[],
  backfill_at timestamptz,
  backfill_after jsonb,
  backfill_left bigint,
  backfill_total bigint,
  created_at timestamptz not null default cogo.now(),
  changed_at timestamptz not null default cogo.now(),
  project text,
  unique (table_id, column_number)
);
comment on table cogo.ai_columns is
  'Columns of users'' tables whose values models write. Installed by cogo.ai_column().';
comment on column cogo.ai_columns.table_oid is
  'The table when names and numbers were last compared: another one in a restored dump.';
comment on column cogo.ai_columns.paused_at is 'When a person paused it.';
comment on column cogo.ai_columns.paused_until is
  'When a spent cap is reset: until then nothing is asked for. infinity: when the cap is raised.';
comment on column cogo.ai_columns.paused_limit is
  'The cap that paused it, as it was. When it is raised, the column goes on.';
comment on column cogo.ai_columns.error is
  'The last error of the column itself; error_at says when it is tried again.';
comment on column cogo.ai_columns.outages is
  'How many of the last tasks in a row failed through no fault of their rows; outage: the last reason,
at outage_at.';
comment on column cogo.ai_columns.layout is 'The partitions of the table, to notice that some are gone.';
comment on column cogo.ai_columns.sweep_after is
  'The last cell of a walk over all cells that looks at their rows again; null: none is going on.';
alter table cogo.ai_columns enable row level security;

create table if not exists cogo.ai_column_versions (
  column_id uuid not null references cogo.ai_columns (id) on delete cascade,
  version integer not null,
  prompt text not null,
  model text,
  preferences jsonb not null default '{}',
  params jsonb not null default '{}',
  schema jsonb,
  sources text[] not null,
  source_names text[] not null,
  source_numbers smallint[] not null,
  created_at timestamptz not null default cogo.now(),
  primary key (column_id, version)
);
comment on table cogo.ai_column_versions is
  'What an AI column asks for. A cell that an earlier version made is stale.';
comment on column cogo.ai_column_versions.sources is 'The names that the prompt uses.';
comment on column cogo.ai_column_versions.source_names is 'The names that they have now.';
alter table cogo.ai_column_versions enable row level security;

-- What writers leave behind. No unique key and no foreign key: a writer waits for nobody.
create table if not exists cogo.ai_edits (
  column_id uuid not null,
  seq bigint generated always as identity,
  op text not null,
  key jsonb,
  old_key jsonb,
  xid xid8 not null default pg_current_xact_id(),
  by_person boolean not null default false
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0
);
comment on table cogo.ai_edits is
  'Rows that were written and not looked at yet, by their keys. Only hints: what counts is the row.';
comment on column cogo.ai_edits.by_person is
  'Whether the value of the AI column alone was changed, and by nobody who is known to be no person.';
create index if not exists ai_edits_column on cogo.ai_edits (column_id, seq);
-- Edits that give or take keys: rows are looked for among these while they wait.
create index if not exists ai_edits_moves on cogo.ai_edits (column_id, op, seq)
  where old_key is not null or key is null;
alter table cogo.ai_edits enable row level security;

create table if not exists cogo.ai_cells (
  column_id uuid not null,
  key jsonb not null,
  state text not null check (state in ('pending', 'asked', 'done', 'failed', 'kept')),
  version integer,
  priority smallint not null default 0,
  due_at timestamptz not null default cogo.now(),
  source_hash bytea,
  value_hash bytea,
  owner uuid,
  task_id uuid,
  place integer,
  tries smallint not null default 0,
  asks smallint not null default 0,
  asks_from timestamptz,
  outages smallint not null default 0,
  is_alone boolean not null default false,
  cost_usd numeric,
  model text,
  reason text,
  made_at timestamptz not null default cogo.now(),
  asked_at timestamptz,
  done_at timestamptz,
  primary key (column_id, key)
) with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05
);
comment on table cogo.ai_cells is
  'The state of one row''s value in an AI column. Locked before any row of the user''s table.';
comment on column cogo.ai_cells.key is 'The primary key, as an array in the order of its columns.';
comment on column cogo.ai_cells.source_hash is 'Of the sources that were asked about.';
comment on column cogo.ai_cells.value_hash is
  'Of the value that may be overwritten; null: any. Another value is a person''s.';
comment on column cogo.ai_cells.place is 'Of its answer among those of a task that asks for several.';
comment on column cogo.ai_cells.tries is 'Invalid answers since the sources changed.';
comment on column cogo.ai_cells.outages is
  'Tasks in a row that failed through no fault of the row.';
comment on column cogo.ai_cells.asks is 'How often it was asked for in the hour from asks_from.';
comment on column cogo.ai_cells.is_alone is 'Whether it must not share a task with others.';
create index if not exists ai_cells_due on cogo.ai_cells (column_id, priority, due_at)
  where state = 'pending';
create index if not exists ai_cells_asked on cogo.ai_cells (column_id, task_id)
  where state = 'asked';
create index if not exists ai_cells_state on cogo.ai_cells (column_id, state, version, made_at)
  where state in ('done', 'failed', 'kept');
create index if not exists ai_cells_owner on cogo.ai_cells (owner, column_id, key)
  where owner is not null;
alter table cogo.ai_cells enable row level security;
drop policy if exists "owners read their cells" on cogo.ai_cells;
create policy "owners read their cells" on cogo.ai_cells
  for select to authenticated using (owner = (select auth.uid()));
drop policy if exists "owners of cells read their columns" on cogo.ai_columns;
create policy "owners of cells read their columns" on cogo.ai_columns
  for select to authenticated using (
    exists (
      select from cogo.ai_cells c where c.owner = (select auth.uid()) and c.column_id = id
    )
  );

create table if not exists cogo.ai_counts (
  column_id uuid not null,
  state text not null,
  version integer,
  priority smallint not null,
  cells bigint not null default 0,
  usd numeric not null default 0
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
comment on table cogo.ai_counts is
  'Numbers of cells, and what their calls have cost, as differences to be summed: so no two transactions
wait for one counter.';
create index if not exists ai_counts_column on cogo.ai_counts (column_id);
alter table cogo.ai_counts enable row level security;

create table if not exists cogo.ai_refusals (
  task_id uuid not null primary key,
  column_id uuid not null,
  scope text not null,
  key text,
  per text,
  limit_usd numeric,
  allow_unpriced boolean,
  detail text,
  resets_at timestamptz,
  usd numeric
);
comment on column cogo.ai_refusals.usd is 'What the refused call could have cost; null: unknown.';
comment on table cogo.ai_refusals is
  'The cap that last refused a call of a task of an AI column, while a cell waits for that task.';
alter table cogo.ai_refusals enable row level security;
