-- Outlives the task: no foreign keys, and nobody has the right to change or delete a row.
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
  primary key (id, outcome)
);
comment on table public.cogo_calls is
  'The audit: every call to a model, where it went, what it used and cost. Rows are only added.';
comment on column public.cogo_calls.simulated is
  'Whether the vendor simulator was asked. Such a call costs 0 and counts towards no cap.';
comment on column public.cogo_calls.outcome is
  'lost: its holder vanished, nobody knows what it cost. One that comes back later adds a row.';
comment on column public.cogo_calls.regions is
  'Where the provider declares to process prompts; null when it does not say.';
comment on column public.cogo_calls.cost_usd is 'US dollars; null when nobody knows, never 0 for that.';
comment on column public.cogo_calls.price_date is 'When somebody last looked at the price.';
comment on column public.cogo_calls.prompt is
  'Only where the operator switched storing on (COGO_STORE_PROMPTS).';

create index if not exists cogo_calls_started on public.cogo_calls (started_at);
create index if not exists cogo_calls_task on public.cogo_calls (task_id);
create index if not exists cogo_calls_owner on public.cogo_calls (owner, started_at);

alter table public.cogo_calls enable row level security;
drop policy if exists "owners read their calls" on public.cogo_calls;
create policy "owners read their calls" on public.cogo_calls
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_calls from public, anon, authenticated, service_role;
grant select on public.cogo_calls to authenticated;
grant select, insert on public.cogo_calls to service_role;
