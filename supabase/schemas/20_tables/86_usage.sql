-- Sums of the audit log by hour. Nothing here is written while calls begin and end, except for calls
-- that began in an hour whose sums may exist.
create table if not exists cogo.usage_sums (
  id bigint not null generated always as identity primary key,
  hour timestamptz not null,
  grain text not null check (
    grain in ('model', 'type', 'project', 'owner', 'model_type', 'model_owner')
  ),
  model text,
  provider text,
  provider_model text,
  owner uuid,
  type text,
  project text,
  tag text,
  simulated boolean not null,
  calls bigint not null,
  failed bigint not null,
  input_tokens numeric not null,
  cached_tokens numeric not null,
  cache_write_tokens numeric not null,
  output_tokens numeric not null,
  reasoning_tokens numeric not null,
  cost_usd numeric,
  unknown_costs bigint not null,
  tasks uuid[],
  latency_counts bigint[],
  latency_ms float8[]
);
comment on table cogo.usage_sums is
  'What the calls of an hour add up to, by each grain of cogo.list_usage_grains(). They count unless
cogo.usage_changes names their hour.';
comment on column cogo.usage_sums.tasks is 'The tasks of the calls, each once.';
comment on column cogo.usage_sums.latency_ms is
  'The histograms of completed calls: for each cogo.latency_bin() the sum of its durations, or of -1
minus the times to the first token, in milliseconds. Of how many calls is in latency_counts.';
create index if not exists usage_sums_hour on cogo.usage_sums (hour, grain);
create index if not exists usage_sums_owner on cogo.usage_sums (owner) where owner is not null;
alter table cogo.usage_sums enable row level security;
drop policy if exists "owners and members read sums" on cogo.usage_sums;
create policy "owners and members read sums" on cogo.usage_sums
  for select to authenticated using (
    grain in ('owner', 'model_owner') and (
      owner = (select auth.uid()) or project = any ((select cogo.visible_projects())::text[])
    )
  );

create table if not exists cogo.usage_changes (
  id bigint not null generated always as identity primary key,
  hour timestamptz not null
);
comment on table cogo.usage_changes is
  'Hours whose calls have changed since they were summed, or may have: they are read themselves.';
create index if not exists usage_changes_hour on cogo.usage_changes (hour);
alter table cogo.usage_changes enable row level security;
drop policy if exists "everybody reads hours" on cogo.usage_changes;
create policy "everybody reads hours" on cogo.usage_changes for select to authenticated using (true);

create table if not exists cogo.usage_clock (
  id boolean not null default true primary key check (id),
  begins_at timestamptz not null,
  ends_at timestamptz not null,
  next_at timestamptz not null,
  next_xid xid8
);
comment on table cogo.usage_clock is
  'From and to which hour all calls are in cogo.usage_sums, but for cogo.usage_changes. One row.';
comment on column cogo.usage_clock.next_at is
  'Up to which hour sums may be made: who writes a call before it notes a change.';
comment on column cogo.usage_clock.next_xid is
  'When all transactions before this one have ended, the others have seen next_at. Null: not known yet.';
alter table cogo.usage_clock enable row level security;
drop policy if exists "everybody reads the clock" on cogo.usage_clock;
create policy "everybody reads the clock" on cogo.usage_clock for select to authenticated using (true);
