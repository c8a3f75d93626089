create table if not exists cogo.budgets (
  scope text not null check (scope in ('total', 'owner', 'provider', 'column', 'project')),
  key text not null,
  per text not null check (per in ('day', 'month', 'ever')),
  limit_usd numeric not null check (limit_usd >= 0),
  allow_unpriced boolean not null default false,
  is_default boolean not null default false,
  spent_usd numeric not null default 0,
  period_start timestamptz not null,
  extra_usd numeric not null default 0 check (extra_usd >= 0),
  primary key (scope, key, per),
  constraint budgets_key check ((scope = 'total') = (key = ''))
);
comment on table cogo.budgets is
  'Spending caps, set by operators. A task''s own cap is its budget_usd.';
comment on column cogo.budgets.key is
  'Scope owner: the uuid (nil: tasks without one), anonymous (all anonymous sign-ins together) or * (the
default of owners without a cap of their own). Scope provider: its id. Scope column: the id of an AI
column. Scope project: its name. Scope total: empty.';
comment on column cogo.budgets.is_default is
  'Created from the default * at the first call of an owner without a cap of their own.';
comment on column cogo.budgets.extra_usd is
  'What people have approved in this period on top of limit_usd, when tasks had asked.';
comment on column cogo.budgets.spent_usd is
  'Cost of ended calls since period_start; running calls are in cogo.reservations.';
alter table cogo.budgets enable row level security;

-- No foreign keys, so that a reservation waits for no lock; it ends with its attempt.
create table if not exists cogo.reservations (
  call_id uuid not null primary key,
  subtask_id uuid,
  attempt integer,
  agent_id text not null,
  task_id uuid,
  owner uuid not null default '00000000-0000-0000-0000-000000000000',
  budget_key text,
  provider text not null,
  call jsonb not null,
  usd numeric,
  made_at timestamptz not null default cogo.now(),
  column_id uuid,
  project text,
  tags text[] not null default '{}',
  constraint reservations_attempt check ((subtask_id is null) = (attempt is null))
);
comment on table cogo.reservations is
  'Running calls to models and the maximum cost of each (null if unknown). One without an attempt counts
for an hour.';
comment on column cogo.reservations.budget_key is
  'The key of the owner''s cap: the owner or anonymous.';
create index if not exists reservations_attempt on cogo.reservations (subtask_id, attempt);
alter table cogo.reservations enable row level security;

-- Outlives its task, so without foreign keys. Nobody has the right to change or delete a row.
create table if not exists public.cogo_calls (
  id uuid not null,
  outcome text not null check (
    outcome in ('completed', 'failed', 'cancelled', 'cached', 'lost')
  ),
  task_id uuid,
  subtask_id uuid,
  attempt integer,
  owner uuid,
  agent_id text not null,
  model_id text not null,
  provider text not null,
  provider_model text,
  regions text[],
  simulated boolean not null default false,
  key_label text,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  first_token_ms bigint,
  duration_ms bigint,
  input_tokens bigint,
  cached_tokens bigint,
  cache_write_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  cost_usd numeric,
  price_source text,
  price_date date,
  error_class text,
  masked_keys integer,
  prompt_sha256 text,
  prompt jsonb,
  column_id uuid,
  project text,
  tags text[] not null default '{}',
  primary key (id, outcome)
);
comment on table public.cogo_calls is
  'The audit log: every call to a model, where it went, what it used and cost. Append-only.';
comment on column public.cogo_calls.simulated is
  'Whether the vendor simulator answered. Such a call costs 0 and counts towards no cap.';
comment on column public.cogo_calls.outcome is
  'lost: its holder vanished, so the cost is unknown. A late report adds a second row.';
comment on column public.cogo_calls.regions is
  'Where the provider declares to process prompts; null if it does not say.';
comment on column public.cogo_calls.cost_usd is 'US dollars; null if unknown.';
comment on column public.cogo_calls.price_date is 'When the price was last checked.';
comment on column public.cogo_calls.prompt is 'Stored only if the operator set COGO_STORE_PROMPTS.';
comment on column public.cogo_calls.column_id is 'The AI column whose value was asked for.';
comment on column public.cogo_calls.project is 'That of its task when it began, as its tags.';
create index if not exists cogo_calls_project on public.cogo_calls (project, started_at)
  where project is not null;
create index if not exists cogo_calls_column on public.cogo_calls (column_id, started_at)
  where column_id is not null;
create index if not exists cogo_calls_started on public.cogo_calls (started_at);
create index if not exists cogo_calls_lost on public.cogo_calls (id) where outcome = 'lost';
create index if not exists cogo_calls_task on public.cogo_calls (task_id);
create index if not exists cogo_calls_owner on public.cogo_calls (owner, started_at);
alter table public.cogo_calls enable row level security;
-- The last condition is for the planner, which looks at its value: most people have no projects, and
-- without it their lists would read the whole table in order.
drop policy if exists "owners and members read calls" on public.cogo_calls;
create policy "owners and members read calls" on public.cogo_calls
  for select to authenticated using (
    owner = (select auth.uid())
    or project = any ((select cogo.visible_projects())::text[])
    and project = any (cogo.visible_projects())
  );
