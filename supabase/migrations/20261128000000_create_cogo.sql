-- The schema of v0.1.0, in the order of supabase/schemas at that time. Frozen: see supabase/README.md.

-- schemas/10_schema/10_cogo.sql
-- Schema `cogo`: what only agents touch. It is not exposed to the API; agents reach it through the
-- functions `public.cogo_*`, which only `service_role` may execute. What users touch is in `public`.
--
-- supabase/README.md has the map, the lock order and how to change the schema.

create schema if not exists cogo;
comment on schema cogo is 'The internals of COGO: leases, payloads, events. Not exposed to the API.';
revoke all on schema cogo from public, anon;
-- The views in `public` run with the rights of the caller, so `authenticated` needs it.
grant usage on schema cogo to authenticated, service_role;

create table if not exists cogo.schema_versions (
  version text not null primary key,
  applied_at timestamptz not null default clock_timestamp()
);
comment on table cogo.schema_versions is
  'One row per applied migration, written by the migration itself. Agents read it at start.';
alter table cogo.schema_versions enable row level security;

-- schemas/10_schema/20_time.sql
-- The only clock: no statement uses the time of a client. Tests set `cogo.fake_now`; clients of the API
-- cannot, because they have no way to set a configuration parameter.
create or replace function cogo.now()
  returns timestamptz language sql
  return coalesce(
    nullif(current_setting('cogo.fake_now', true), '')::timestamptz, clock_timestamp()
  );
comment on function cogo.now is 'Return the current time, or cogo.fake_now if it is set (tests).';

create or replace function cogo.iso_timestamp(p_at timestamptz)
  returns text language sql stable
  return to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function cogo.iso_timestamp is
  'Return a time as messages spell it: UTC with milliseconds, in any time zone of the session.';

create or replace function cogo.elapsed_ms(p_from timestamptz, p_to timestamptz)
  returns bigint language sql immutable
  return case
    when p_to < p_from then 0 else round(extract(epoch from p_to - p_from) * 1000)::bigint
  end;
comment on function cogo.elapsed_ms is
  'Return the milliseconds between two times: never negative, null if a time is unknown.';

create or replace function cogo.retry_interval(p_seconds numeric)
  returns interval language sql immutable
  -- NaN counts as the greatest number.
  return case
    when p_seconds > 0 then make_interval(secs => least(p_seconds, 86400)::float8)
    when p_seconds <= 0 then interval '0'
  end;
comment on function cogo.retry_interval is
  'Return how long a deployment or a subtask waits for a Retry-After: at most a day; null if unknown.';

create or replace function cogo.decay(
  p_since timestamptz, p_now timestamptz, p_half_life_seconds double precision
)
  returns double precision language sql immutable
  return power(
    0.5, least(greatest(extract(epoch from p_now - p_since) / p_half_life_seconds, 0), 1000)
  );
comment on function cogo.decay is
  'Return the weight, from 1 down to 0, that is left of a value which decays with a half-life.';

-- schemas/10_schema/30_transitions.sql
-- Equal to the transitions in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.task_transitions()
  returns text[] language sql immutable
  return array[
    'pending>running', 'pending>held', 'pending>failed', 'pending>cancelled', 'running>held',
    'running>completed', 'running>failed', 'running>cancelled', 'held>pending', 'held>running',
    'held>failed', 'held>cancelled', 'failed>pending', 'failed>running'
  ];
comment on function cogo.task_transitions is
  'Return the allowed changes of a task''s status, as from>to.';

create or replace function cogo.subtask_transitions()
  returns text[] language sql immutable
  return array[
    'blocked>queued', 'blocked>delayed', 'blocked>waiting', 'blocked>held', 'blocked>cancelled',
    'queued>running', 'queued>held', 'queued>cancelled', 'queued>failed', 'queued>delayed',
    'delayed>queued', 'delayed>held', 'delayed>cancelled', 'delayed>failed', 'waiting>queued',
    'waiting>completed', 'waiting>failed', 'waiting>held', 'waiting>cancelled', 'held>blocked',
    'held>queued', 'held>delayed', 'held>waiting', 'held>cancelled', 'running>queued',
    'running>delayed', 'running>waiting', 'running>completed', 'running>failed',
    'running>cancelled', 'running>held', 'failed>queued', 'cancelled>blocked',
    'cancelled>queued'
  ];
comment on function cogo.subtask_transitions is
  'Return the allowed changes of a subtask''s status, as from>to.';

create or replace function cogo.resting_status(
  p_task_status text,
  p_deps_left integer,
  p_needs_approval boolean,
  p_run_at timestamptz,
  p_now timestamptz
)
  returns text language sql immutable
  return case
    when p_task_status = 'held' then 'held'
    when p_deps_left > 0 then 'blocked'
    when p_needs_approval then 'waiting'
    when p_run_at > p_now then 'delayed'
    else 'queued'
  end;
comment on function cogo.resting_status is 'Return the status of an open subtask that is not running.';

-- schemas/10_schema/40_values.sql
create or replace function cogo.to_uuid(p_text text)
  returns uuid language sql immutable
  return case
    when p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_text::uuid
  end;
comment on function cogo.to_uuid is 'Parse a uuid; return null if the text is none.';

create or replace function cogo.to_integer(p_text text)
  returns integer language sql immutable
  return case when p_text ~ '^[0-9]{1,9}$' then p_text::integer end;
comment on function cogo.to_integer is 'Parse an integer from 0 to 999999999; else return null.';

-- Postgres accepts JSON that other programs cannot read: Python's parser stops at 1,000 levels and
-- 4,300 digits, pydantic at 255 levels, a double at 1.8e308.
create or replace function cogo.validate_json(p_value jsonb)
  returns text language sql immutable
  return case
    when jsonb_typeof(p_value) in ('string', 'boolean', 'null') or p_value in ('{}', '[]') then null
    -- `strict`, because lax mode visits each array twice. The first test stops at its level, so it is
    -- safe for any value; the second sees only values that passed it.
    when jsonb_path_exists(p_value, 'strict $.**{100}') then
      'is nested more than 100 levels deep'
    when jsonb_path_exists(p_value, 'strict $.** ? (
      @ > 1.7976931348623157e308 || @ < -1.7976931348623157e308
    )') then
      'holds a number beyond 1.8e308'
  end;
comment on function cogo.validate_json is
  'Return why other programs cannot read a value, as the end of a sentence; null if they can.';

-- One day less than Python's range at both ends, so that the time is valid in every time zone.
create or replace function cogo.validate_time(p_at timestamptz)
  returns text language sql immutable
  return case
    when p_at not between '0001-01-02 00:00:00+00' and '9999-12-30 00:00:00+00' then
      'must be a time between the years 1 and 9999; leave it out for none'
  end;
comment on function cogo.validate_time is
  'Return why other programs cannot read a time, as the end of a sentence; null if they can.';

create or replace function cogo.check_size(
  p_field text, p_size bigint, p_limit bigint default 10000, p_unit text default 'characters'
)
  returns void language plpgsql immutable set search_path = ''
as $$
begin
  if p_size > p_limit then
    raise exception using errcode = 'TQ008',
      message = format('%s has %s %s; the limit is %s', p_field, p_size, p_unit, p_limit);
  end if;
end;
$$;
comment on function cogo.check_size is 'Raise TQ008 if a value is larger than its limit.';

-- Vendors report impossible counts and values that are not numbers. Unknown is null, never 0, and
-- nothing here raises: an attempt must be able to end, whatever its usage says.
create or replace function cogo.sanitize_usage(p_usage jsonb)
  returns jsonb language sql immutable
  return case when jsonb_typeof(p_usage) = 'object' then p_usage || coalesce(
    (
      select jsonb_object_agg(
               r.key,
               case
                 when r.number > r.maximum then null
                 when r.kind = 'usd' then r.number
                 when r.kind = 'ms' or r.number = trunc(r.number) then round(r.number)
               end
             )
        from (
          select known.key, known.kind, case known.kind when 'usd' then 1e6 else 1e12 end as maximum,
                 case
                   -- At most two digits of exponent, which bounds the length of the number.
                   when p_usage ->> known.key ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$'
                   then (p_usage ->> known.key)::numeric
                 end as number
            from (
              values ('input_tokens', 'count'), ('cached_tokens', 'count'),
                     ('cache_write_tokens', 'count'), ('output_tokens', 'count'),
                     ('reasoning_tokens', 'count'), ('first_token_ms', 'ms'),
                     ('duration_ms', 'ms'), ('cost_usd', 'usd'), ('max_usd', 'usd')
            ) as known (key, kind)
           where p_usage ? known.key
        ) as r
    ), '{}'
  ) end;
comment on function cogo.sanitize_usage is
  'Return usage with null for every impossible count, duration and cost; null if it is no object.';

create or replace function cogo.truncate_json(p_value jsonb)
  returns jsonb language sql immutable
  return case
    when octet_length(p_value::text) <= 4096 then p_value
    when jsonb_typeof(p_value) = 'object' then (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}')
        from (
          select e.key, e.value from jsonb_each(p_value) e
           where octet_length(e.key) + octet_length(e.value::text) <= 256
           limit 16
        ) as f
    )
  end;
comment on function cogo.truncate_json is
  'Return a value as lists show it: beyond 4 KiB only the short fields of an object.';

-- schemas/10_schema/50_caller.sql
-- In a security definer function `current_user` is its owner. The parameter `role` keeps the role that
-- the API set for the request; it is 'none' on a direct connection.
create or replace function cogo.is_operator()
  returns boolean language sql stable
  return coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
         in ('service_role', 'postgres', 'supabase_admin');
comment on function cogo.is_operator is
  'Return whether the caller may act for every owner: the secret key or a direct connection.';

create or replace function cogo.current_actor()
  returns text language sql stable
  return coalesce(nullif(current_setting('cogo.agent_id', true), ''), 'cogo-database');
comment on function cogo.current_actor is
  'Return the agent that set_actor() named in this transaction, else cogo-database.';

create or replace function cogo.set_actor(p_agent_id text)
  returns void language plpgsql set search_path = ''
as $$
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  perform set_config('cogo.agent_id', p_agent_id, true);
end;
$$;
comment on function cogo.set_actor is
  'Set the agent that triggers name as the source of messages, for this transaction. Raises TQ004.';

-- schemas/20_tables/10_sessions.sql
create table if not exists public.cogo_sessions (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  owner uuid,
  title text,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_sessions_owner_id unique nulls not distinct (owner, id)
);
comment on table public.cogo_sessions is
  'A conversation that tasks share, created by the first task that names it. Two owners may use the
same id; their sessions are separate.';
create index if not exists cogo_sessions_owner on public.cogo_sessions (owner, created_at);
alter table public.cogo_sessions enable row level security;
drop policy if exists "owners read their sessions" on public.cogo_sessions;
create policy "owners read their sessions" on public.cogo_sessions
  for select to authenticated using (owner = (select auth.uid()));

-- schemas/20_tables/20_tasks.sql
create table if not exists public.cogo_tasks (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity unique,
  -- The user's columns. The planner validates them, not a CHECK: a wrong value fails the task.
  type text not null default 'GENERATE_CODE',
  prompt text not null,
  params jsonb not null default '{}',
  priority integer not null default 5,
  owner uuid,
  session_id uuid,
  idempotency_key text,
  model text,
  preferences jsonb not null default '{}',
  budget_usd numeric,
  deadline timestamptz,
  run_at timestamptz,
  stream boolean not null default true,
  -- The system's columns: a trigger resets them on insert.
  status text not null default 'pending',
  result jsonb,
  error jsonb,
  cost_usd numeric default 0,
  input_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  simulated boolean not null default false,
  cancel_requested_at timestamptz,
  paused_at timestamptz,
  created_at timestamptz not null default cogo.now(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint cogo_tasks_status check (
    status in ('pending', 'running', 'held', 'completed', 'failed', 'cancelled')
  ),
  constraint cogo_tasks_finished check (
    (status in ('completed', 'failed', 'cancelled')) = (finished_at is not null)
  ),
  constraint cogo_tasks_started check (
    status not in ('running', 'completed') or started_at is not null
  ),
  constraint cogo_tasks_result check ((status = 'completed') = (result is not null)),
  constraint cogo_tasks_error check (
    case status when 'failed' then error is not null when 'cancelled' then true
    else error is null end
  ),
  constraint cogo_tasks_cancelled check ((status = 'cancelled') = (cancel_requested_at is not null)),
  constraint cogo_tasks_held check ((status = 'held') = (paused_at is not null)),
  -- Not checked without an owner; cogo.delete_session_messages() does its work then.
  constraint cogo_tasks_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete set null (session_id)
) with (
  -- Status and costs are updated often: keep room on the page and vacuum early.
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02
);
comment on table public.cogo_tasks is
  'Tasks. Insert a row with a prompt; watch status, result and error.';
comment on column public.cogo_tasks.priority is
  '0 (first) to 9 (last) among the owner''s tasks; other numbers count as the nearest of these.';
comment on column public.cogo_tasks.cost_usd is
  'Sum over the attempts in US dollars; null if the cost of one attempt is unknown.';
comment on column public.cogo_tasks.simulated is
  'Whether the vendor simulator answered instead of a model. Such calls cost nothing.';
comment on column public.cogo_tasks.idempotency_key is
  'Unique per owner: the same key never creates a second task.';
create index if not exists cogo_tasks_owner on public.cogo_tasks (owner, seq);
create unique index if not exists cogo_tasks_idempotency
  on public.cogo_tasks (owner, idempotency_key) nulls not distinct
  where idempotency_key is not null;
create index if not exists cogo_tasks_session on public.cogo_tasks (session_id, owner)
  where session_id is not null;
create index if not exists cogo_tasks_open on public.cogo_tasks (seq) where finished_at is null;
create index if not exists cogo_tasks_finished on public.cogo_tasks (finished_at)
  where finished_at is not null;
create index if not exists cogo_tasks_deadline on public.cogo_tasks (deadline)
  where deadline is not null and finished_at is null;
alter table public.cogo_tasks enable row level security;
drop policy if exists "owners read their tasks" on public.cogo_tasks;
create policy "owners read their tasks" on public.cogo_tasks
  for select to authenticated using (owner = (select auth.uid()));
drop policy if exists "owners insert their tasks" on public.cogo_tasks;
create policy "owners insert their tasks" on public.cogo_tasks
  for insert to authenticated with check (owner = (select auth.uid()));

create table if not exists public.cogo_messages (
  owner uuid,
  session_id uuid not null,
  seq bigint generated always as identity,
  role text not null,
  content text not null,
  task_id uuid references public.cogo_tasks (id) on delete set null,
  created_at timestamptz not null default cogo.now(),
  primary key (session_id, seq),
  -- Not checked without an owner; cogo.delete_session_messages() does its work then.
  constraint cogo_messages_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete cascade
);
comment on table public.cogo_messages is 'The messages of a session, in order of seq.';
create index if not exists cogo_messages_task on public.cogo_messages (task_id)
  where task_id is not null;
alter table public.cogo_messages enable row level security;
drop policy if exists "owners read their messages" on public.cogo_messages;
create policy "owners read their messages" on public.cogo_messages
  for select to authenticated using (owner = (select auth.uid()));

-- schemas/20_tables/30_subtasks.sql
create table if not exists cogo.subtasks (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity,
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  owner uuid not null default '00000000-0000-0000-0000-000000000000',
  regulated boolean not null default false,
  key text not null,
  type text not null,
  lane text not null,
  status text not null,
  priority smallint not null default 5 check (priority between 0 and 9),
  level smallint not null default 5 check (level between 0 and 9),
  turn bigint not null default 0,
  place bigint not null default 0,
  deps_left integer not null default 0 check (deps_left >= 0),
  attempt integer not null default 0,
  failures integer not null default 0,
  max_failures integer not null default 5,
  reaps integer not null default 0,
  max_reaps integer not null default 5,
  sink boolean not null default false,
  on_failure text not null default 'fail_task',
  needs_approval boolean not null default false,
  run_at timestamptz,
  lease_expires_at timestamptz,
  agent_id text,
  claim_request uuid,
  cancel_requested_at timestamptz,
  dead_at timestamptz,
  created_at timestamptz not null default cogo.now(),
  started_at timestamptz,
  finished_at timestamptz,
  unique (task_id, key),
  constraint subtasks_status check (
    status in (
      'blocked', 'queued', 'delayed', 'waiting', 'held', 'running', 'completed', 'failed',
      'cancelled'
    )
  ),
  constraint subtasks_on_failure check (
    on_failure = 'fail_task' or on_failure = 'continue' and not sink
  ),
  constraint subtasks_lease check (
    (status = 'running') = (lease_expires_at is not null)
    and (status = 'running') = (agent_id is not null)
    and (status = 'running' or claim_request is null)
  ),
  constraint subtasks_running check (status <> 'running' or (attempt > 0 and started_at is not null)),
  constraint subtasks_ready check (
    deps_left = 0 or status in ('blocked', 'held', 'cancelled')
  ),
  constraint subtasks_delayed check (status <> 'delayed' or run_at is not null),
  constraint subtasks_waiting check (status <> 'waiting' or needs_approval),
  constraint subtasks_cancel check (
    cancel_requested_at is null or status in ('running', 'cancelled')
  ),
  constraint subtasks_dead check (dead_at is null or status = 'failed'),
  constraint subtasks_finished check (
    (status in ('completed', 'failed', 'cancelled')) = (finished_at is not null)
  )
) with (
  -- Lease extensions must be heap-only updates: keep room on the page and index none of their columns.
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02
);
comment on table cogo.subtasks is
  'Units of work under the lease protocol: narrow and hot. Texts are in tables of their own.';
comment on column cogo.subtasks.attempt is
  'The fencing token: grows with each claim. Every write of a lease holder carries it.';
comment on column cogo.subtasks.lane is 'Who may claim it: cio, or a canonical model id.';
comment on column cogo.subtasks.dead_at is 'When it became a dead letter: failed for good.';
comment on column cogo.subtasks.turn is
  'Its owner''s turn in the lane, set by cogo.assign_turn(): the lowest is served first.';
comment on column cogo.subtasks.place is
  'Its order among the subtasks of its owner: the lowest gets the owner''s next turn.';
comment on column cogo.subtasks.level is 'Its priority among owners: 5, or as operators granted.';
comment on column cogo.subtasks.owner is 'The owner of the task; the nil uuid if it has none.';
comment on column cogo.subtasks.regulated is 'Whether its owner has a row in cogo.owners.';
comment on column cogo.subtasks.on_failure is
  'What follows if it becomes a dead letter: fail_task, or continue without its output.';

-- In the order of the claim, so that its cost does not grow with the queue. Subtasks of owners with
-- limits are left out, since a claim would have to skip all that it may not take.
create index if not exists subtasks_claim on cogo.subtasks (lane, turn, seq)
  where status = 'queued' and not regulated;
-- The turns of one owner: the last gives the next turn, the first are what a limit allows.
create index if not exists subtasks_line on cogo.subtasks (lane, owner, level, turn, seq)
  where status = 'queued';
-- The subtasks that get an owner's next turns.
create index if not exists subtasks_place on cogo.subtasks (lane, owner, level, place, seq)
  where status = 'queued';
create index if not exists subtasks_blocked on cogo.subtasks (lane) where status = 'blocked';
create index if not exists subtasks_running on cogo.subtasks (seq) where status = 'running';
create index if not exists subtasks_parked on cogo.subtasks (lane)
  where status in ('waiting', 'held');
create index if not exists subtasks_dead on cogo.subtasks (dead_at) where dead_at is not null;
create index if not exists subtasks_delayed on cogo.subtasks (run_at) where status = 'delayed';
alter table cogo.subtasks enable row level security;
drop policy if exists "owners read their subtasks" on cogo.subtasks;
create policy "owners read their subtasks" on cogo.subtasks for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

-- schemas/20_tables/40_subtask_details.sql
create table if not exists cogo.subtask_payloads (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object')
);
comment on table cogo.subtask_payloads is
  'What a subtask has to do. Separate from cogo.subtasks, so that leases do not rewrite it.';
alter table cogo.subtask_payloads enable row level security;
drop policy if exists "owners read their subtask_payloads" on cogo.subtask_payloads;
create policy "owners read their subtask_payloads" on cogo.subtask_payloads
  for select to authenticated using (exists (select from cogo.subtasks s where s.id = subtask_id));

-- No foreign key: the writer holds the lock of the task, and cogo.delete_subtask_records() deletes
-- outputs with their subtask (docs/adr/0009).
create table if not exists cogo.subtask_outputs (
  subtask_id uuid not null primary key,
  attempt integer not null,
  output jsonb not null check (jsonb_typeof(output) = 'object'),
  created_at timestamptz not null default cogo.now()
);
comment on table cogo.subtask_outputs is 'The output of the accepted attempt of a subtask.';
alter table cogo.subtask_outputs enable row level security;
drop policy if exists "owners read their subtask_outputs" on cogo.subtask_outputs;
create policy "owners read their subtask_outputs" on cogo.subtask_outputs
  for select to authenticated using (exists (select from cogo.subtasks s where s.id = subtask_id));

create table if not exists cogo.checkpoints (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  attempt integer not null,
  content text not null default '',
  reasoning text not null default '',
  updated_at timestamptz not null default cogo.now()
);
comment on table cogo.checkpoints is 'The text of a running attempt so far, for new watchers.';
alter table cogo.checkpoints enable row level security;
drop policy if exists "owners read their checkpoints" on cogo.checkpoints;
create policy "owners read their checkpoints" on cogo.checkpoints
  for select to authenticated using (exists (select from cogo.subtasks s where s.id = subtask_id));

create table if not exists cogo.dependencies (
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  parent_id uuid not null references cogo.subtasks (id) on delete cascade,
  child_id uuid not null references cogo.subtasks (id) on delete cascade,
  primary key (parent_id, child_id)
);
comment on table cogo.dependencies is 'The edges of a plan: the child waits for the parent.';
create index if not exists dependencies_child on cogo.dependencies (child_id);
create index if not exists dependencies_task on cogo.dependencies (task_id);
alter table cogo.dependencies enable row level security;
drop policy if exists "owners read their dependencies" on cogo.dependencies;
create policy "owners read their dependencies" on cogo.dependencies for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

-- schemas/20_tables/50_history.sql
-- No foreign key: it would look up the task for each event, although every writer holds its lock.
-- cogo.delete_task_events() deletes events with their task (docs/adr/0009).
create table if not exists cogo.events (
  task_id uuid not null,
  seq bigint not null,
  at timestamptz not null default cogo.now(),
  kind text not null,
  subtask_id uuid,
  attempt integer,
  agent_id text,
  detail jsonb not null default '{}',
  primary key (task_id, seq)
);
comment on table cogo.events is
  'One row per transition of a task or subtask, numbered without gaps within the task.';
comment on column cogo.events.kind is 'task.<status> or subtask.<status>: the new status.';
alter table cogo.events enable row level security;
drop policy if exists "owners read their events" on cogo.events;
create policy "owners read their events" on cogo.events for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

-- The foreign key is that of the task, which every writer has locked. cogo.delete_subtask_records()
-- deletes the attempts of a subtask that is deleted alone.
create table if not exists public.cogo_attempts (
  subtask_id uuid not null,
  attempt integer not null check (attempt > 0),
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  agent_id text not null,
  lane text not null,
  model_id text,
  provider text,
  claimed_at timestamptz not null default cogo.now(),
  ended_at timestamptz,
  outcome text,
  first_token_ms bigint,
  duration_ms bigint,
  input_tokens bigint,
  cached_tokens bigint,
  output_tokens bigint,
  reasoning_tokens bigint,
  cost_usd numeric,
  finish_reason text,
  error jsonb,
  usage jsonb,
  simulated boolean not null default false,
  primary key (subtask_id, attempt),
  constraint cogo_attempts_outcome check (
    outcome in (
      'completed', 'failed', 'released', 'reaped', 'cancelled', 'rerouted', 'routed'
    )
  ),
  constraint cogo_attempts_ended check ((outcome is null) = (ended_at is null))
);
comment on table public.cogo_attempts is
  'Every claim of a subtask: the agent, the model, the outcome, the cost.';
comment on column public.cogo_attempts.cost_usd is
  'US dollars; null while it runs and if the cost is unknown.';
comment on column public.cogo_attempts.simulated is
  'Whether the vendor simulator answered instead of the model; not counted in statistics.';
-- Two leases of one subtask cannot overlap.
create unique index if not exists cogo_attempts_one_running
  on public.cogo_attempts (subtask_id) where ended_at is null;
create index if not exists cogo_attempts_task on public.cogo_attempts (task_id);
create index if not exists cogo_attempts_ended on public.cogo_attempts (ended_at)
  where ended_at is not null;
alter table public.cogo_attempts enable row level security;
drop policy if exists "owners read their attempts" on public.cogo_attempts;
create policy "owners read their attempts" on public.cogo_attempts for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

-- schemas/20_tables/60_queue.sql
create table if not exists cogo.lanes (
  lane text not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.lanes is
  'Limits of lanes over all executors, set by operators. A lane without a row has none.';
comment on column cogo.lanes.tokens is
  'Tokens in the bucket of per_minute at refilled_at, which is null if it was never used.';
alter table cogo.lanes enable row level security;

-- Rows are never deleted: subtasks marked `regulated` are found only through the row of their owner.
create table if not exists cogo.owners (
  owner uuid not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.owners is
  'Limits of owners over all executors and lanes, set by operators; an owner without a row has none. In
lane cio only a pause counts. The nil uuid stands for tasks without an owner.';
alter table cogo.owners enable row level security;

create sequence if not exists cogo.lane_services;

create table if not exists cogo.lane_clocks (
  lane text not null primary key,
  round bigint not null default 0,
  served bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
comment on table cogo.lane_clocks is
  'The highest round of each lane of which a subtask was claimed. It never decreases, so newcomers
cannot overtake a waiting subtask for ever.';
comment on column cogo.lane_clocks.served is
  'Grows with each claim: the lane with the lowest number was served longest ago.';
alter table cogo.lane_clocks enable row level security;

create table if not exists public.cogo_agents (
  id text not null primary key,
  kind text not null check (kind in ('orchestrator', 'executor')),
  lanes text[] not null default '{}',
  capacity integer not null default 0,
  running integer not null default 0,
  version text,
  host text,
  pid integer,
  details jsonb not null default '{}',
  started_at timestamptz not null default cogo.now(),
  heartbeat_at timestamptz not null default cogo.now(),
  stopped_at timestamptz
);
comment on table public.cogo_agents is
  'Agents, when they were last alive and what they serve. For operators only.';
alter table public.cogo_agents enable row level security;

-- schemas/20_tables/70_selections.sql
create table if not exists public.cogo_model_selections (
  id uuid not null default gen_random_uuid() primary key,
  request_id uuid,
  task_id uuid references public.cogo_tasks (id) on delete cascade,
  subtask_id uuid references cogo.subtasks (id) on delete cascade,
  requested_model text,
  selected_model text,
  provider text,
  policy text,
  requirements jsonb not null default '{}',
  candidates jsonb not null default '[]',
  reason text,
  agent_id text,
  created_at timestamptz not null default cogo.now()
);
comment on table public.cogo_model_selections is
  'Every selection of a model with its candidates and reason; task_id is null for an inquiry.';
create index if not exists cogo_model_selections_task
  on public.cogo_model_selections (task_id, created_at);
comment on column public.cogo_model_selections.request_id is
  'The id of the request message. Several orchestrators receive it; the first answer counts.';
create unique index if not exists cogo_model_selections_request
  on public.cogo_model_selections (request_id) where request_id is not null;
-- For the cascade from a deleted subtask.
create index if not exists cogo_model_selections_subtask
  on public.cogo_model_selections (subtask_id);
alter table public.cogo_model_selections enable row level security;
drop policy if exists "owners read their selections" on public.cogo_model_selections;
create policy "owners read their selections" on public.cogo_model_selections
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

create table if not exists public.cogo_ratings (
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  person uuid not null default '00000000-0000-0000-0000-000000000000',
  score numeric not null check (score between 0 and 1),
  comment text,
  model_id text not null,
  task_type text not null,
  rated_at timestamptz not null default cogo.now(),
  primary key (task_id, person)
);
comment on table public.cogo_ratings is
  'Ratings of answers, one row per task and person. The nil uuid is an operator.';
comment on column public.cogo_ratings.score is '1 is good, 0 is bad.';
create index if not exists cogo_ratings_model on public.cogo_ratings (model_id, rated_at);
alter table public.cogo_ratings enable row level security;
drop policy if exists "owners read the ratings of their tasks" on public.cogo_ratings;
create policy "owners read the ratings of their tasks" on public.cogo_ratings
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid()))
);

create table if not exists cogo.controls (
  scope text not null,
  subject text not null,
  action text not null check (action in ('pin', 'ban', 'drain')),
  reason text not null,
  who text not null,
  set_at timestamptz not null default cogo.now(),
  primary key (scope, subject)
);
comment on table cogo.controls is
  'Operators'' controls of models and providers. Without a row everything is allowed.';
comment on column cogo.controls.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
comment on column cogo.controls.action is
  'pin: preferred to all others; ban: never selected; drain: only for tasks that name it.';
create unique index if not exists controls_pin on cogo.controls (scope) where action = 'pin';
alter table cogo.controls enable row level security;

create table if not exists cogo.policies (
  owner uuid not null primary key,
  policy text not null,
  who text not null,
  set_at timestamptz not null default cogo.now()
);
comment on table cogo.policies is
  'The selection policy of an owner''s tasks; the nil uuid stands for the default of all.';
alter table cogo.policies enable row level security;

create table if not exists public.cogo_model_switches (
  seq bigint generated always as identity primary key,
  at timestamptz not null default cogo.now(),
  kind text not null check (kind in ('health', 'control', 'policy')),
  subject text not null,
  scope text not null default 'everywhere',
  was text,
  became text not null,
  reason text not null,
  numbers jsonb not null default '{}',
  who text not null
);
comment on table public.cogo_model_switches is
  'Every change of which models may be selected: by health or by operators. For operators only.';
comment on column public.cogo_model_switches.subject is 'A model, a provider, or the word policy.';
comment on column public.cogo_model_switches.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
create index if not exists cogo_model_switches_at on public.cogo_model_switches (at);
alter table public.cogo_model_switches enable row level security;

-- schemas/20_tables/75_model_statistics.sql
-- The transaction that closes an attempt appends a row, so that it never waits for a row of statistics;
-- cogo.count_outcomes() empties the table.
create table if not exists cogo.outcomes (
  seq bigint generated always as identity primary key,
  subtask_id uuid not null,
  attempt integer not null
);
comment on table cogo.outcomes is 'Ended attempts that the statistics do not include yet.';
alter table cogo.outcomes enable row level security;

create table if not exists cogo.model_outcomes (
  model_id text not null,
  task_type text not null,
  after text[] not null default '{}',
  judged double precision not null default 0,
  good double precision not null default 0,
  checked double precision not null default 0,
  passed double precision not null default 0,
  passed_good double precision not null default 0,
  answered double precision not null default 0,
  total_ms double precision not null default 0,
  streamed double precision not null default 0,
  first_token_ms double precision not null default 0,
  priced double precision not null default 0,
  cost_usd double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  primary key (model_id, task_type, after)
) with (fillfactor = 50);
comment on table cogo.model_outcomes is
  'Outcomes of a model''s attempts by type of task: sums that decay with a half-life of 7 days.';
comment on column cogo.model_outcomes.after is
  'The models whose answers to the same subtask failed a check before; {} counts every attempt.';
comment on column cogo.model_outcomes.good is
  'How many of judged were good; an answer without verification counts as 0.8.';
comment on column cogo.model_outcomes.total_ms is 'Sum over answered attempts.';
comment on column cogo.model_outcomes.first_token_ms is 'Sum over streamed attempts.';
comment on column cogo.model_outcomes.cost_usd is 'Sum over priced attempts.';
alter table cogo.model_outcomes enable row level security;

create table if not exists cogo.model_health (
  model_id text not null primary key,
  health text not null default 'ok' check (health in ('ok', 'degraded', 'open')),
  reason text,
  since timestamptz not null default cogo.now(),
  on_trial boolean not null default false,
  trips integer not null default 0,
  retry_at timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  in_a_row integer not null default 0,
  paced double precision not null default 0,
  pace double precision not null default 0,
  usual_paced double precision not null default 0,
  usual_pace double precision not null default 0,
  counted_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.model_health is
  'The current health of each model, evaluated from its traffic alone, with the numbers.';
comment on column cogo.model_health.health is
  'ok; degraded: worse or slower than usual; open: it does not answer.';
comment on column cogo.model_health.answered is
  'Like failed, paced and pace a sum that decays with a half-life of 30 seconds.';
comment on column cogo.model_health.pace is 'Sum of milliseconds per token of output.';
comment on column cogo.model_health.usual_pace is
  'The baseline: pace with a half-life of an hour, counted only while the model was ok.';
comment on column cogo.model_health.on_trial is
  'Whether it is ok only because time passed; then fewer failures degrade it again.';
comment on column cogo.model_health.trips is
  'How often in a row it was degraded or open: each time lasts longer.';
alter table cogo.model_health enable row level security;

-- schemas/20_tables/80_deployments.sql
-- One narrow row per deployment. The counts decay with a time constant of 60 seconds.
create table if not exists cogo.deployments (
  deployment text not null primary key,
  model_id text,
  provider text,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  open_until timestamptz,
  openings integer not null default 0,
  not_before timestamptz,
  trial_id uuid,
  trial_agent text,
  trial_until timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  consecutive integer not null default 0,
  failing_since timestamptz,
  last_error jsonb,
  last_error_at timestamptz,
  changed_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.deployments is
  'The circuit breaker of each deployment, shared by all executors, with the numbers.';
comment on column cogo.deployments.state is
  'closed: calls pass; open: none until open_until; half_open: only that of trial_agent.';
comment on column cogo.deployments.openings is
  'How often it opened since the last answer; each time it stays open twice as long.';
comment on column cogo.deployments.not_before is 'The vendor''s Retry-After, which is no failure.';
alter table cogo.deployments enable row level security;

create table if not exists cogo.deployment_agents (
  deployment text not null references cogo.deployments (deployment) on delete cascade,
  agent_id text not null,
  report bigint not null default 0,
  unreachable integer not null default 0,
  unreachable_at timestamptz,
  concurrency integer,
  running integer,
  reported_at timestamptz not null default cogo.now(),
  primary key (deployment, agent_id)
) with (fillfactor = 50);
comment on table cogo.deployment_agents is
  'Each executor''s view of a deployment: its concurrency and its failed connections.';
comment on column cogo.deployment_agents.report is
  'The number of the last counted report. Numbers only grow, so no report is counted twice.';
comment on column cogo.deployment_agents.unreachable is
  'Failed connections in a row. Those of one executor alone open no circuit.';
alter table cogo.deployment_agents enable row level security;

create table if not exists cogo.buckets (
  bucket text not null primary key,
  tokens double precision not null default 0,
  refilled_at timestamptz,
  request_id uuid
) with (fillfactor = 50);
comment on table cogo.buckets is
  'Token buckets of the rate limits that executors share; the rates are in the catalogue.';
comment on column cogo.buckets.request_id is 'The last granted draw, so that it can be repeated.';
alter table cogo.buckets enable row level security;

-- schemas/20_tables/85_spending.sql
create table if not exists cogo.budgets (
  scope text not null check (scope in ('total', 'owner', 'provider')),
  key text not null,
  per text not null check (per in ('day', 'month', 'ever')),
  limit_usd numeric not null check (limit_usd >= 0),
  allow_unpriced boolean not null default false,
  is_default boolean not null default false,
  spent_usd numeric not null default 0,
  period_start timestamptz not null,
  primary key (scope, key, per),
  constraint budgets_key check ((scope = 'total') = (key = ''))
);
comment on table cogo.budgets is
  'Spending caps, set by operators. A task''s own cap is its budget_usd.';
comment on column cogo.budgets.key is
  'Scope owner: the uuid (nil: tasks without one), anonymous (all anonymous sign-ins together) or * (the
default of owners without a cap of their own). Scope provider: its id. Scope total: empty.';
comment on column cogo.budgets.is_default is
  'Created from the default * at the first call of an owner without a cap of their own.';
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
create index if not exists cogo_calls_started on public.cogo_calls (started_at);
create index if not exists cogo_calls_task on public.cogo_calls (task_id);
create index if not exists cogo_calls_owner on public.cogo_calls (owner, started_at);
alter table public.cogo_calls enable row level security;
drop policy if exists "owners read their calls" on public.cogo_calls;
create policy "owners read their calls" on public.cogo_calls
  for select to authenticated using (owner = (select auth.uid()));

-- schemas/20_tables/90_gateway.sql
-- Keys have 256 random bits, so a fast hash is as safe as a slow one.
create table if not exists cogo.api_keys (
  id text not null primary key,
  name text not null,
  hash text not null,
  owner uuid,
  scopes text[] not null default '{}',
  created_at timestamptz not null default cogo.now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
comment on table cogo.api_keys is
  'Keys of the HTTP gateway with owner, scopes and expiry. Only the SHA-256 is stored.';
alter table cogo.api_keys enable row level security;

create table if not exists cogo.grants (
  owner uuid not null,
  kind text not null check (kind in ('model', 'provider', 'alias', 'priority')),
  name text not null,
  primary key (owner, kind, name)
);
comment on column cogo.grants.kind is
  'model, provider; alias: another name of a granted model, in lower case; priority: the highest (lowest
number) that counts among owners, 5 without such a row.';
comment on table cogo.grants is
  'What operators granted an owner: models and providers (all, without such a row) and a priority among
owners. The nil uuid stands for tasks without an owner.';
alter table cogo.grants enable row level security;

create table if not exists cogo.cached_answers (
  key text not null primary key,
  owner uuid,
  model_id text not null,
  answer jsonb not null,
  hits bigint not null default 0,
  created_at timestamptz not null default cogo.now(),
  expires_at timestamptz not null
);
comment on table cogo.cached_answers is
  'Cached answers to identical requests. The key is a hash of the request, the model and, unless the
operator shares the cache, the owner: no prompt is stored here.';
create index if not exists cached_answers_expiry on cogo.cached_answers (expires_at);
alter table cogo.cached_answers enable row level security;

create table if not exists cogo.write_checks (
  at timestamptz not null default cogo.now()
);
comment on table cogo.write_checks is 'When a health check last wrote: one row at most.';
alter table cogo.write_checks enable row level security;

-- schemas/20_tables/95_embeddings.sql
-- Plain arrays need no extension. With pgvector, `vector::vector` casts them, also in an index over one
-- model and dimension.
create table if not exists public.cogo_embeddings (
  id uuid not null primary key default gen_random_uuid(),
  owner uuid,
  model_id text not null,
  dimensions integer not null,
  simulated boolean not null default false,
  content_sha256 text not null,
  content text not null,
  source text,
  vector real[] not null,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_embeddings_dimensions check (
    dimensions > 0 and cardinality(vector) = dimensions and array_ndims(vector) = 1
    and array_position(vector, null) is null
  ),
  constraint cogo_embeddings_once unique nulls not distinct (
    owner, model_id, dimensions, simulated, content_sha256
  )
);
comment on table public.cogo_embeddings is
  'Texts and their vectors. Only vectors of the same model and dimensions can be compared, so both are
part of the key.';
comment on column public.cogo_embeddings.source is 'Where the text came from, such as a file name.';
comment on column public.cogo_embeddings.simulated is 'Whether the vendor simulator made the vector.';
alter table public.cogo_embeddings enable row level security;
drop policy if exists "owners read their embeddings" on public.cogo_embeddings;
create policy "owners read their embeddings" on public.cogo_embeddings
  for select to authenticated using (owner = (select auth.uid()));

-- schemas/40_views/10_tasks.sql
create or replace view public.cogo_task_previews
  with (security_invoker = true)
as
  select t.id, t.seq, t.type, left(t.prompt, 300) as prompt, cogo.truncate_json(t.params) as params,
         t.priority, t.owner, t.session_id, t.idempotency_key, t.model,
         cogo.truncate_json(t.preferences) as preferences, t.budget_usd, t.deadline, t.run_at, t.stream,
         t.status, cogo.truncate_json(t.result) as result, cogo.truncate_json(t.error) as error,
         t.cost_usd, t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens, t.simulated,
         t.cancel_requested_at, t.paused_at, t.created_at, t.started_at, t.finished_at
    from public.cogo_tasks t;
comment on view public.cogo_task_previews is
  'Tasks for lists: prompts cut to 300 characters, params and results beyond 4 KiB to short fields.';

create or replace view public.cogo_subtasks
  with (security_invoker = true)
as
  select s.id, s.seq, s.task_id, s.key, s.type, s.lane, s.status, s.priority, s.deps_left,
         s.attempt, s.failures, s.max_failures, s.reaps, s.max_reaps, s.sink, s.needs_approval,
         s.run_at, s.lease_expires_at, s.agent_id, s.cancel_requested_at, s.dead_at,
         s.created_at, s.started_at, s.finished_at,
         coalesce(p.params, '{}') as params,
         coalesce(p.metadata, '{}') as metadata,
         o.output,
         a.error,
         case when c.subtask_id is not null then jsonb_build_object(
           'attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning
         ) end as checkpoint,
         array(
           select d.parent_id from cogo.dependencies d where d.child_id = s.id order by d.parent_id
         ) as dependencies,
         s.on_failure
    from cogo.subtasks s
    left join cogo.subtask_payloads p on p.subtask_id = s.id
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.checkpoints c on c.subtask_id = s.id
    left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt;
comment on view public.cogo_subtasks is
  'Subtasks with payload, output, checkpoint, dependencies and the error of the latest attempt.';

create or replace view public.cogo_events
  with (security_invoker = true)
as
  select e.task_id, e.seq, e.at, e.kind, e.subtask_id, e.attempt, e.agent_id, e.detail
    from cogo.events e;
comment on view public.cogo_events is
  'The history of a task without gaps: after seq n continue with seq > n.';

create or replace view public.cogo_dead_letters
  with (security_invoker = true)
as
  select s.id as subtask_id, s.task_id, s.key, s.type, s.lane, s.on_failure, s.failures, s.reaps,
         s.dead_at,
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane,
                        'model_id', a.model_id, 'claimed_at', a.claimed_at,
                        'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id
         ) as attempts
    from cogo.subtasks s
   where s.dead_at is not null;
comment on view public.cogo_dead_letters is
  'Subtasks that failed for good, with every attempt. Redriving removes them from here.';

-- schemas/40_views/20_statistics.sql
create or replace view public.cogo_model_stats
  with (security_invoker = true)
as
  select w.name as period,
         a.model_id,
         a.provider,
         count(*) as attempts,
         count(*) filter (where a.outcome = 'completed') as completed,
         count(*) filter (where a.outcome in ('failed', 'rerouted')) as failed,
         round(
           count(*) filter (where a.outcome in ('failed', 'rerouted'))::numeric
           / nullif(count(*) filter (where a.outcome in ('completed', 'failed', 'rerouted')), 0), 4
         ) as error_rate,
         percentile_cont(0.5) within group (order by a.first_token_ms) as first_token_ms_p50,
         percentile_cont(0.95) within group (order by a.first_token_ms) as first_token_ms_p95,
         percentile_cont(0.5) within group (order by a.duration_ms) as duration_ms_p50,
         percentile_cont(0.95) within group (order by a.duration_ms) as duration_ms_p95,
         sum(a.input_tokens) as input_tokens,
         sum(a.output_tokens) as output_tokens,
         avg(a.cost_usd) as cost_usd_mean,
         a.simulated
    from (
      values ('hour', interval '1 hour'), ('day', interval '1 day'), ('week', interval '7 days')
    ) as w (name, span)
    join public.cogo_attempts a on a.ended_at > (select cogo.now()) - w.span
   where a.model_id is not null
   group by w.name, a.model_id, a.provider, a.simulated;
comment on view public.cogo_model_stats is
  'Latency, errors and cost per model over the last hour, day and week. Simulated attempts have rows of
their own.';

create or replace view public.cogo_usage
  with (security_invoker = true)
as
  select (c.started_at at time zone 'utc')::date as day,
         c.owner,
         c.provider,
         c.model_id,
         count(distinct c.id) as calls,
         count(*) filter (where c.outcome = 'failed') as failed,
         coalesce(sum(c.input_tokens), 0)::bigint as input_tokens,
         coalesce(sum(c.cached_tokens), 0)::bigint as cached_tokens,
         coalesce(sum(c.cache_write_tokens), 0)::bigint as cache_write_tokens,
         coalesce(sum(c.output_tokens), 0)::bigint as output_tokens,
         coalesce(sum(c.reasoning_tokens), 0)::bigint as reasoning_tokens,
         coalesce(sum(c.cost_usd), 0) as cost_usd,
         count(*) filter (where c.cost_usd is null) as unpriced,
         c.simulated
    from public.cogo_calls c
   group by 1, 2, 3, 4, c.simulated;
comment on view public.cogo_usage is
  'Usage and cost per day (UTC), owner, provider and model. cost_usd excludes the calls of unknown cost,
which unpriced counts. Simulated calls have rows of their own.';

-- A computed column of the Data API: select=*,cogo_silent_ms.
create or replace function public.cogo_silent_ms(p_agent public.cogo_agents)
  returns bigint language sql set search_path = ''
as $$
  select cogo.elapsed_ms(p_agent.heartbeat_at, cogo.now());
$$;
comment on function public.cogo_silent_ms is
  'Return the milliseconds since an agent''s last heartbeat, by the clock of the database.';

-- schemas/50_messages/10_sending.sql
create or replace function cogo.build_envelope(
  p_type text, p_payload jsonb, p_source text, p_target text
)
  returns jsonb language sql
  return jsonb_build_object(
    'type', p_type,
    'payload', p_payload,
    'source', p_source,
    'target', p_target,
    'id', gen_random_uuid(),
    'timestamp', cogo.iso_timestamp(cogo.now()),
    'version', 1
  );
comment on function cogo.build_envelope is
  'Return a message with its envelope, as docs/reference/protocol describes it.';

-- Realtime drops a broadcast that is too large without an error, so large values stay in the row
-- and the message refers to it.
create or replace function cogo.truncate_payload(p_payload jsonb)
  returns jsonb language plpgsql immutable set search_path = ''
as $$
begin
  -- JSON as text is at most six times as long as its binary form, so this test is cheap for most.
  if pg_column_size(p_payload) <= 4096 or octet_length(p_payload::text) <= 32768 then
    return p_payload;
  end if;
  return (
    select jsonb_object_agg(
             field.key,
             case
               when octet_length(field.value::text) <= 1024 then field.value
               -- Keep the short values inside params and metadata, such as the model of a subtask.
               else (
                 select coalesce(jsonb_object_agg(inner_field.key, inner_field.value), '{}')
                   from jsonb_each(field.value) as inner_field
                  where octet_length(inner_field.value::text) <= 256
               )
             end
           ) || jsonb_build_object(
             'ref', jsonb_build_object(
               'table', case when p_payload ? 'subtask_id' then 'cogo_subtasks'
                             else 'cogo_tasks' end,
               'id', coalesce(p_payload -> 'subtask_id', p_payload -> 'task_id')
             )
           )
      from jsonb_each(p_payload) as field
     where octet_length(field.value::text) <= 1024
        or field.key in ('params', 'metadata') and jsonb_typeof(field.value) = 'object'
  );
end;
$$;
comment on function cogo.truncate_payload is
  'Return the payload; beyond 32 KiB with a reference to the row in place of large fields.';

-- One insert for all messages. `realtime.send` costs a subtransaction per message, and more than 64 of
-- them in a transaction slow down every reader (docs/adr/0008). If the table refuses these rows, the
-- function is called for each; it turns errors into warnings.
-- https://supabase.com/docs/guides/realtime/broadcast
create or replace function cogo.send_messages(p_topics text[], p_envelopes jsonb[])
  returns void language plpgsql set search_path = ''
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  begin
    insert into realtime.messages (payload, event, topic, private, extension)
    select m.envelope, m.envelope ->> 'type', m.topic, true, 'broadcast'
      from unnest(p_topics, p_envelopes) as m (topic, envelope);
  exception
    when others then
      perform realtime.send(m.envelope, m.envelope ->> 'type', m.topic, true)
         from unnest(p_topics, p_envelopes) as m (topic, envelope);
  end;
end;
$$;
comment on function cogo.send_messages is
  'Broadcast the n-th message on the n-th topic when the transaction commits. Never raises.';

-- Security definer: only the owner may write in realtime.messages.
create or replace function cogo.notify(
  p_topic text, p_type text, p_payload jsonb, p_source text, p_target text default null
)
  returns void language plpgsql security definer set search_path = ''
as $$
begin
  perform cogo.send_messages(
    array[p_topic],
    array[
      cogo.build_envelope(
        p_type, cogo.truncate_payload(p_payload), p_source, coalesce(p_target, p_topic)
      )
    ]
  );
end;
$$;
comment on function cogo.notify is
  'Send one message to a topic when the transaction commits. A lost message costs only time.';

-- Both topics get the same message, which a listener of both recognizes by its id.
create or replace function cogo.publish_results(
  p_type text, p_task_ids uuid[], p_payloads jsonb[], p_sources text[]
)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_envelopes jsonb[] := array(
    select cogo.build_envelope(p_type, cogo.truncate_payload(m.payload), m.source, 'cogo-results')
      from unnest(p_payloads, p_sources) with ordinality as m (payload, source, nth)
     order by m.nth
  );
begin
  perform cogo.send_messages(
    array_fill('cogo-results'::text, array[cardinality(p_task_ids)])
      || array(
           select 'cogo-results:' || t.id
             from unnest(p_task_ids) with ordinality as t (id, nth) order by t.nth
         ),
    v_envelopes || v_envelopes
  );
end;
$$;
comment on function cogo.publish_results is
  'Send messages about tasks, each on cogo-results and on the topic of its task.';

-- schemas/50_messages/20_subtasks.sql
-- Beyond a hundred messages in a transaction one per lane is enough: an agent that is woken finds
-- all that is queued. For lane cio it is always enough. Security definer: only the owner may write
-- in realtime.messages.
create or replace function cogo.notify_lanes(p_subtask_ids uuid[])
  returns void language plpgsql security definer set search_path = ''
as $$
declare
  v_notified text[] := coalesce(nullif(current_setting('cogo.notified_lanes', true), '')::text[], '{}');
  v_count integer := coalesce(nullif(current_setting('cogo.notified_count', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as lane_total
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- The first of each lane come first, so that each lane is announced.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), chosen as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_count and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_notified)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.lane_total - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from chosen t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.build_envelope(
             'MCP_SUBTASK', cogo.truncate_payload(m.payload), cogo.current_actor(), m.topic
           )
      from (
        select n.nth, case s.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'type', s.type,
                 'params', jsonb_build_object(
                   'git_branch', null,
                   'target_file', null,
                   'model_id', s.lane,
                   'generation_prompt', t.prompt
                 ) || p.params,
                 'metadata', jsonb_build_object(
                   'estimated_duration', 30000,
                   'model_preferences', jsonb_build_array(coalesce(p.params ->> 'model_id', s.lane))
                 ) || p.metadata || jsonb_build_object(
                   'priority', case when s.priority <= 3 then 'high'
                                    when s.priority <= 6 then 'medium' else 'low' end,
                   'timestamp', cogo.iso_timestamp(cogo.now())
                 ) || case when n.more > 0 then jsonb_build_object('queued', n.more) else '{}' end
               ) as payload
          from unnest(v_ids, v_more) with ordinality as n (id, more, nth)
          join cogo.subtasks s on s.id = n.id
          join cogo.subtask_payloads p on p.subtask_id = s.id
          join public.cogo_tasks t on t.id = s.task_id
      ) as m
     order by m.nth
  );
  perform cogo.send_messages(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.notified_lanes', (v_notified || v_lanes)::text, true);
  perform set_config('cogo.notified_count', (v_count + cardinality(v_ids))::text, true);
end;
$$;
comment on function cogo.notify_lanes is
  'Announce queued subtasks: up to a hundred in a transaction, then one for each lane that had none; of
lane cio only one. metadata.queued of a lane''s last message counts the unannounced rest.';

create or replace function cogo.publish_subtask_results(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = ''
as $$
declare
  v_task_ids uuid[];
  v_payloads jsonb[];
  v_sources text[];
begin
  select array_agg(r.task_id order by r.seq), array_agg(r.payload order by r.seq),
         array_agg(r.source order by r.seq)
    into v_task_ids, v_payloads, v_sources
    from (
      select s.seq, s.task_id, coalesce(a.agent_id, cogo.current_actor()) as source,
             jsonb_build_object(
               'subtask_id', s.id,
               'task_id', s.task_id,
               'status', s.status,
               'execution_time', coalesce(cogo.elapsed_ms(a.claimed_at, s.finished_at), 0),
               'metadata', jsonb_build_object(
                 'source', coalesce(a.agent_id, cogo.current_actor()),
                 'timestamp', cogo.iso_timestamp(s.finished_at),
                 'model_id', a.model_id,
                 'model_performance', jsonb_build_object(
                   'model_id', a.model_id,
                   'response_time', a.duration_ms,
                   'tokens_used',
                   a.input_tokens + coalesce(a.cached_tokens, 0) + a.output_tokens,
                   'cost_usd', a.cost_usd
                 )
               ),
               case s.status when 'completed' then 'output' else 'error' end,
               case s.status
                 when 'completed' then o.output
                 else coalesce(
                   a.error,
                   (
                     select p.metadata -> 'approval' -> 'error'
                       from cogo.subtask_payloads p where p.subtask_id = s.id
                   )
                 )
               end
             ) as payload
        from cogo.subtasks s
        -- A subtask whose approval was refused may have no attempt.
        left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
        left join cogo.subtask_outputs o on o.subtask_id = s.id
       where s.id = any (p_subtask_ids)
    ) as r;
  perform cogo.publish_results('SUBTASK_RESULT', v_task_ids, v_payloads, v_sources);
end;
$$;
comment on function cogo.publish_subtask_results is 'Send SUBTASK_RESULT for ended subtasks.';

-- schemas/60_triggers/10_transitions.sql
create or replace function cogo.reject_transition()
  returns trigger language plpgsql set search_path = ''
as $$
begin
  raise exception using errcode = 'TQ003',
    message = format('%s %s is %s and cannot become %s', tg_argv[0], old.id, old.status, new.status);
end;
$$;
comment on function cogo.reject_transition is 'Raise TQ003 for a change of status that is not allowed.';
create or replace trigger check_transition
  before update of status on public.cogo_tasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.task_transitions())
  )
  execute function cogo.reject_transition('task');
create or replace trigger check_transition
  before update of status on cogo.subtasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.subtask_transitions())
  )
  execute function cogo.reject_transition('subtask');

-- schemas/60_triggers/20_prepare_task.sql
-- Every program must be able to read a stored task: one unreadable row would make its whole page or
-- claim unreadable. All other mistakes are left to the planner. docs/reference/database.md lists the
-- limits. The trigger sorts before `prepare`, which creates a session from the prompt.
create or replace function cogo.check_task_limits()
  returns trigger language plpgsql security definer set search_path = ''
as $$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('params', octet_length(new.params::text), 1048576, 'bytes'),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.validate_json(new.params)),
        ('preferences', cogo.validate_json(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.validate_time(new.deadline)),
        ('run_at', cogo.validate_time(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$$;
comment on function cogo.check_task_limits is
  'Raise TQ008 for a task that is too large, TQ009 for numbers or times that some programs cannot
read.';
create or replace trigger check_limits
  before insert or update of
    type, prompt, params, idempotency_key, model, preferences, budget_usd, deadline, run_at
  on public.cogo_tasks
  for each row execute function cogo.check_task_limits();

create or replace function cogo.normalize_model(p_name text)
  returns text language sql immutable
  return case when lower(btrim(p_name)) in ('', 'auto') then null else p_name end;
comment on function cogo.normalize_model is
  'Return the model that a task names; null for auto and an empty name.';

-- Security definer: users may not insert sessions, but a task that names a new one creates it.
create or replace function cogo.prepare_task()
  returns trigger language plpgsql security definer set search_path = ''
as $$
begin
  if not cogo.is_operator() then
    new.owner := auth.uid();
    if new.owner is null then
      raise exception using
        errcode = 'insufficient_privilege', message = 'the access token names no user';
    end if;
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.type := coalesce(new.type, 'GENERATE_CODE');
  new.params := coalesce(new.params, '{}');
  new.model := cogo.normalize_model(new.model);
  new.priority := coalesce(new.priority, 5);
  new.preferences := coalesce(new.preferences, '{}');
  new.stream := coalesce(new.stream, true);

  new.status := 'pending';
  new.result := null;
  new.error := null;
  new.cost_usd := 0;
  new.input_tokens := 0;
  new.cached_tokens := 0;
  new.output_tokens := 0;
  new.reasoning_tokens := 0;
  new.simulated := false;
  new.cancel_requested_at := null;
  new.paused_at := null;
  new.created_at := cogo.now();
  new.started_at := null;
  new.finished_at := null;

  if new.session_id is not null then
    insert into public.cogo_sessions (id, owner, title)
    values (new.session_id, new.owner, left(new.prompt, 80))
    on conflict (owner, id) do nothing;
  end if;
  return new;
end;
$$;
comment on function cogo.prepare_task is
  'Set defaults, reset the system''s columns, and create the session.';
create or replace trigger prepare
  before insert on public.cogo_tasks
  for each row execute function cogo.prepare_task();

-- schemas/60_triggers/30_create_plan.sql
-- Security definer: users insert tasks and may not write subtasks.
create or replace function cogo.create_plan()
  returns trigger language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.resting_status('pending', 0, false, new.run_at, v_now),
      least(9, greatest(0, new.priority)), new.run_at
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.notify(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso_timestamp(new.created_at)
    ),
    cogo.current_actor()
  );
  return null;
end;
$$;
comment on function cogo.create_plan is
  'Create the first subtask of a new task, PLAN, and notify the orchestrators.';
create or replace trigger create_plan
  after insert on public.cogo_tasks
  for each row execute function cogo.create_plan();

-- Security definer: users may not read grants. Which models a granted provider has is known only to the
-- catalogue, so those are checked when subtasks are stamped.
create or replace function cogo.check_model_grant()
  returns trigger language plpgsql security definer set search_path = ''
as $$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind <> 'priority'
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.describe_grants(cogo.granted_models(new.owner))
      );
  end if;
  return null;
end;
$$;
comment on function cogo.check_model_grant is
  'Raise TQ007 for a task that names a model which is not granted to its owner.';
create or replace trigger check_model_grant
  after insert on public.cogo_tasks
  for each row when (new.model is not null) execute function cogo.check_model_grant();

-- schemas/60_triggers/40_assign_turn.sql
create or replace function cogo.owner_level(p_owner uuid, p_priority smallint)
  returns smallint language sql stable
  return coalesce(
    (
      select greatest(p_priority, g.name::smallint)
        from cogo.grants g where g.owner = p_owner and g.kind = 'priority'
    ), 5::smallint
  );
comment on function cogo.owner_level is
  'Return a subtask''s priority among owners: its own, at most the one granted to the owner; 5 without a
grant. The nil uuid stands for no owner.';

-- Turns are fair among owners; priorities order the work of one owner:
--   turn  = 1 + greatest(round of the lane + 100 * level, last queued turn of the owner)
--   place = round of the lane at insertion + 100 * priority
-- The lowest turn, then the lowest seq, is served first. It gets the subtask of its owner and level that
-- has the lowest place (see cogo.choose_subtasks()).
--   * An owner has one turn per round, so a newcomer is served in the next round behind any backlog.
--   * The level is 5, or the owner's priority if operators granted one.
--   * A level or priority is worth 100 rounds. Rounds only grow and newcomers queue behind the current
--     one, so nothing waits for ever.
--   * A subtask that is queued again (a retry, a released dependent, a resumed task) keeps its place and
--     gets a new turn; with its old one a crowd could pass everybody else.
create or replace function cogo.assign_turn()
  returns trigger language plpgsql set search_path = ''
  -- Read the last turn from its index, also when the plan was made while the table was empty.
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_round bigint;
begin
  if tg_op = 'INSERT' then
    new.owner := coalesce(
      (select t.owner from public.cogo_tasks t where t.id = new.task_id), new.owner
    );
    new.regulated := exists (select from cogo.owners o where o.owner = new.owner);
  end if;
  v_round := coalesce((select c.round from cogo.lane_clocks c where c.lane = new.lane), 0);
  if tg_op = 'INSERT' or new.lane <> old.lane then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Includes the earlier rows of the same statement.
    new.turn := 1 + greatest(
      v_round + 100 * new.level,
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level
         order by s.turn desc
         limit 1
      )
    );
  end if;
  return new;
end;
$$;
comment on function cogo.assign_turn is
  'Set a subtask''s turn in its lane, fair among owners, and its place among its owner''s subtasks.';
create or replace trigger assign_turn
  before insert on cogo.subtasks
  for each row execute function cogo.assign_turn();
create or replace trigger reassign_turn
  before update of status, lane, level on cogo.subtasks
  for each row when (new.status = 'queued' or new.lane <> old.lane)
  execute function cogo.assign_turn();

-- schemas/60_triggers/50_on_task_status.sql
-- Security definer: only the owner may write events and in realtime.messages.
-- The next number of an event is one more than the last, read from an index. Numbers are unique because
-- the writer locked the task in an earlier statement, so this snapshot shows the last holder's events.
create or replace function cogo.on_task_status()
  returns trigger language plpgsql security definer set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_ended uuid[];
  v_payloads jsonb[];
  v_cancelled boolean;
begin
  -- A full join is never a nested loop, which would be slow for thousands of rows; `<>` in place of
  -- `is distinct from` would let the planner reduce it to an inner join.
  select array_agg(n.id), array_agg(o.status) into v_ids, v_from
    from old_rows o full join new_rows n on n.id = o.id
   where n.status is distinct from o.status;
  if v_ids is null then
    return null;
  end if;

  with changed as materialized (
    select t.*, c.from_status
      from unnest(v_ids, v_from) as c (id, from_status)
      join public.cogo_tasks t on t.id = c.id
     order by t.seq + 0  -- as in cogo.lock_tasks()
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, agent_id, detail)
    select c.id,
           1 + coalesce(
             (select e.seq from cogo.events e where e.task_id = c.id order by e.seq desc limit 1), 0
           ),
           cogo.now(), 'task.' || c.status, nullif(cogo.current_actor(), 'cogo-database'),
           jsonb_strip_nulls(jsonb_build_object('from', c.from_status, 'error', c.error))
      from changed c
  )
  select array_agg(c.id),
         array_agg(
           jsonb_build_object(
             'task_id', c.id,
             'status', c.status,
             'cost_usd', c.cost_usd,
             'tokens', jsonb_build_object(
               'input', c.input_tokens,
               'cached', c.cached_tokens,
               'output', c.output_tokens,
               'reasoning', c.reasoning_tokens
             ),
             'execution_time', cogo.elapsed_ms(
               coalesce(c.started_at, c.created_at), c.finished_at
             ),
             'timestamp', cogo.iso_timestamp(c.finished_at)
           ) || case
             when c.result is not null then jsonb_build_object('result', c.result)
             when c.error is not null then jsonb_build_object('error', c.error)
             else '{}'
           end
         ),
         bool_or(c.status = 'cancelled')
    into v_ended, v_payloads, v_cancelled
    from changed c
   where c.finished_at is not null;
  if v_ended is null then
    return null;
  end if;

  perform cogo.publish_results(
    'TASK_RESULT', v_ended, v_payloads, array_fill(cogo.current_actor(), array[cardinality(v_ended)])
  );
  if v_cancelled then
    perform cogo.notify(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended) and t.status = 'cancelled';
  end if;
  return null;
end;
$$;
comment on function cogo.on_task_status is
  'Record and announce every change of a task''s status in the same transaction.';
create or replace trigger on_status
  after update on public.cogo_tasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.on_task_status();

-- schemas/60_triggers/60_on_subtask_status.sql
-- Security definer: only the owner may write events and in realtime.messages.
-- Runs once per statement: ten claims cost one insert of ten events. For the numbers of events see
-- cogo.on_task_status().
create or replace function cogo.on_subtask_status()
  returns trigger language plpgsql security definer set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_agents text[];
  v_queued uuid[];
  v_ended uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(null::text), array_agg(n.agent_id)
      into v_ids, v_from, v_agents from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id), array_agg(o.status), array_agg(coalesce(n.agent_id, o.agent_id))
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is null then
    return null;
  end if;

  with numbered as (
    select s.*, c.from_status,
           coalesce(c.agent, nullif(cogo.current_actor(), 'cogo-database')) as actor,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, agent)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
    -- Look up the last number once per task and before the insert: later lookups would pass the new
    -- rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as last_seq
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select c.task_id, coalesce(c.last_seq, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.actor,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso_timestamp(c.run_at) end
           ))
      from changed c
  )
  -- A new PLAN was announced by TASK_CREATED.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.type <> 'PLAN')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.type <> 'PLAN')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.publish_subtask_results(v_ended);
  end if;
  return null;
end;
$$;
comment on function cogo.on_subtask_status is
  'Record and announce every change of a subtask''s status in the same transaction.';
create or replace trigger on_status_inserted
  after insert on cogo.subtasks
  referencing new table as new_rows
  for each statement execute function cogo.on_subtask_status();
create or replace trigger on_status_updated
  after update on cogo.subtasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.on_subtask_status();

-- schemas/60_triggers/70_deletions.sql
-- Security definer: the right to delete a task need not include the right to change its history.
create or replace function cogo.delete_task_events()
  returns trigger language plpgsql security definer set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from cogo.events e using old_rows o where e.task_id = o.id;
  return null;
end;
$$;
comment on function cogo.delete_task_events is 'Delete the events of deleted tasks.';
create or replace trigger delete_events
  after delete on public.cogo_tasks
  referencing old table as old_rows
  for each statement execute function cogo.delete_task_events();

-- Security definer: see cogo.delete_task_events().
create or replace function cogo.delete_subtask_records()
  returns trigger language plpgsql security definer set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  return null;
end;
$$;
comment on function cogo.delete_subtask_records is
  'Delete the outputs and attempts of deleted subtasks.';
create or replace trigger delete_records
  after delete on cogo.subtasks
  referencing old table as old_rows
  for each statement execute function cogo.delete_subtask_records();

create or replace function cogo.delete_session_messages()
  returns trigger language plpgsql set search_path = ''
as $$
begin
  delete from public.cogo_messages m where m.owner is null and m.session_id = old.id;
  update public.cogo_tasks t
     set session_id = null
   where t.owner is null and t.session_id = old.id;
  return null;
end;
$$;
comment on function cogo.delete_session_messages is
  'Delete the messages of a deleted session without an owner, which no foreign key covers.';
create or replace trigger delete_messages
  after delete on public.cogo_sessions
  for each row when (old.owner is null) execute function cogo.delete_session_messages();

create or replace function cogo.record_lost_calls()
  returns trigger language plpgsql set search_path = ''
as $$
begin
  -- In most cases the holder has reported how its calls ended.
  if not exists (
    select from ended e join cogo.reservations r using (subtask_id, attempt)
     where e.ended_at is not null
  ) then
    return null;
  end if;
  with lost as (
    delete from cogo.reservations r
     using ended e
     where r.subtask_id = e.subtask_id and r.attempt = e.attempt and e.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256
    from lost g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
  return null;
end;
$$;
comment on function cogo.record_lost_calls is
  'Free the reservations of ended attempts and log their unreported calls as lost.';
create or replace trigger record_lost_calls
  after update on public.cogo_attempts
  referencing new table as ended
  for each statement execute function cogo.record_lost_calls();

-- schemas/70_queue/10_locks.sql
create or replace function cogo.lock_tasks(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = ''
as $$
begin
  -- By seq, so that two batches never wait for each other. `+ 0` keeps the planner from reading the
  -- whole index on seq, which a plan made for few tasks would do for many.
  perform
     from public.cogo_tasks t
    where t.id = any (
            array(select s.task_id from cogo.subtasks s where s.id = any (p_subtask_ids))
          )
    order by t.seq + 0
      for no key update;
end;
$$;
comment on function cogo.lock_tasks is 'Lock the tasks of subtasks, by seq.';

-- Lanes by name, then owners by id, before any task. An owner is locked only if one of their
-- subtasks can be claimed. Lane cio does not count for owners.
create or replace function cogo.lock_limits(p_lanes text[])
  returns void language plpgsql set search_path = ''
as $$
begin
  perform
     from cogo.lanes l
    where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    order by l.lane
      for no key update;
  perform
     from cogo.owners o
    where (o.max_running is not null or o.per_minute is not null)
      and not o.paused
      and exists (
        select
          from unnest(p_lanes) as l (lane)
         cross join lateral (
           select from cogo.subtasks s
            where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
            limit 1
         ) as claimable
         where l.lane <> 'cio'
      )
    order by o.owner
      for no key update;
end;
$$;
comment on function cogo.lock_limits is
  'Lock the limits of lanes and owners. What they allow is read in a later statement.';

-- schemas/70_queue/20_attempts.sql
create or replace function cogo.check_fence(
  p_agent_id text, p_attempt public.cogo_attempts, p_subtask cogo.subtasks
)
  returns text language sql immutable
  return case
    when (p_attempt).agent_id is null then 'unknown'
    when (p_attempt).agent_id <> p_agent_id then 'stale'
    when (p_attempt).ended_at is not null then (p_attempt).outcome
    when (p_subtask).cancel_requested_at is not null then 'closing'
    else 'held'
  end;
comment on function cogo.check_fence is
  'Return whether an agent holds an attempt: held (also after expiry until it is reaped), closing
(its task is over), stale (another agent''s), unknown (no such row), or the outcome that ended it.';

-- An unreported cost is 0 if no model was called (lane cio, or an outcome that the holder reported) and
-- unknown if the holder vanished.
create or replace function cogo.close_attempts(
  p_subtask_ids uuid[],
  p_attempts integer[],
  p_outcome text,
  p_usages jsonb[] default '{}',
  p_error jsonb default null
)
  returns void language plpgsql set search_path = ''
as $$
begin
  with closed as (
    update public.cogo_attempts a
       set ended_at = cogo.now(),
           outcome = p_outcome,
           error = nullif(p_error, 'null'),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.usage ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.usage ->> 'input_tokens')::bigint,
           cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
           output_tokens = (g.usage ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.usage is not null then (g.usage ->> 'cost_usd')::numeric
             when a.lane = 'cio' or p_outcome in ('completed', 'failed', 'rerouted') then 0
             when g.simulated then 0
           end,
           simulated = g.simulated
      from (
        select u.id, u.attempt, u.usage,
               case
                 when u.usage is not null then coalesce(u.usage -> 'simulated' = 'true', false)
                 else exists (
                   select from public.cogo_attempts h
                     join public.cogo_agents g on g.id = h.agent_id
                    where h.subtask_id = u.id and h.attempt = u.attempt and h.lane <> 'cio'
                      and g.details @> '{"simulated": true}'
                 )
               end as simulated
          from (
            select n.id, n.attempt, cogo.sanitize_usage(n.usage) as usage
              from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
          ) as u
      ) as g
     where a.subtask_id = g.id and a.attempt = g.attempt and a.ended_at is null
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.cost_usd, a.input_tokens,
              a.cached_tokens, a.output_tokens, a.reasoning_tokens, a.simulated, g.usage
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where c.lane <> 'cio' and not c.simulated and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           coalesce(sum(c.input_tokens), 0) as input_tokens,
           coalesce(sum(c.cached_tokens), 0) as cached_tokens,
           coalesce(sum(c.output_tokens), 0) as output_tokens,
           coalesce(sum(c.reasoning_tokens), 0) as reasoning_tokens,
           bool_or(c.simulated) as simulated
      from closed c
     where c.usage is not null or c.cost_usd is null or c.simulated
     group by c.task_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input_tokens,
         cached_tokens = t.cached_tokens + s.cached_tokens,
         output_tokens = t.output_tokens + s.output_tokens,
         reasoning_tokens = t.reasoning_tokens + s.reasoning_tokens,
         simulated = t.simulated or s.simulated
    from spent s
   where t.id = s.task_id;
end;
$$;
comment on function cogo.close_attempts is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked. Ended
attempts stay as they are. Simulated ones are not counted in statistics.';

-- schemas/70_queue/30_subtasks.sql
create or replace function cogo.requeue_subtask(
  p_subtask_id uuid,
  p_run_at timestamptz default null,
  p_lane text default null
)
  returns void language plpgsql set search_path = ''
as $$
begin
  update cogo.subtasks s
     set status = cogo.resting_status(t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now()),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$$;
comment on function cogo.requeue_subtask is
  'Queue a running subtask again. Its attempt has been closed.';

create or replace function cogo.cancel_running(p_subtask_id uuid, p_attempt integer, p_usage jsonb)
  returns void language plpgsql set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  update cogo.subtasks s
     set status = 'cancelled',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id and s.status = 'running' and s.attempt = p_attempt;
end;
$$;
comment on function cogo.cancel_running is
  'End the attempt of a subtask whose task is over. Its output is dropped, its cost is counted.';

create or replace function cogo.cancel_open_subtasks(p_task_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
begin
  -- In most cases the sink was the last one.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  -- The holder learns it from this message or at its next extension; its lease is not shortened.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.task_id = any (p_task_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.notify(
      'cogo-subtasks', 'SUBTASK_CANCELLED',
      jsonb_build_object(
        'subtask_id', v_subtask.id, 'task_id', v_subtask.task_id,
        'attempt', v_subtask.attempt, 'reason', p_reason,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end loop;
end;
$$;
comment on function cogo.cancel_open_subtasks is
  'Cancel the open subtasks of tasks that are over; ask running ones to stop.';

-- A counter under the task lock: a query for unfinished parents would miss the release when two parents
-- finish at the same time, because neither transaction sees the other.
create or replace function cogo.release_dependents(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = ''
as $$
begin
  update cogo.subtasks s
     set deps_left = s.deps_left - w.ended,
         status = case s.status
           when 'blocked' then cogo.resting_status(
             t.status, s.deps_left - w.ended, s.needs_approval, s.run_at, cogo.now()
           )
           else s.status
         end
    from public.cogo_tasks t,
         (
           select d.child_id, count(*)::integer as ended
             from cogo.dependencies d
            where d.parent_id = any (p_subtask_ids)
            group by d.child_id
         ) as w
   where s.id = w.child_id and t.id = s.task_id;
end;
$$;
comment on function cogo.release_dependents is
  'Count ended subtasks off their dependents, and queue those that wait for none any more.';

create or replace function cogo.dead_letter_subtask(p_subtask_id uuid, p_error jsonb)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
begin
  update cogo.subtasks s
     set status = 'failed',
         dead_at = cogo.now(),
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id
  returning s.* into v_subtask;

  if v_subtask.on_failure = 'continue' then
    perform cogo.release_dependents(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$$;
comment on function cogo.dead_letter_subtask is
  'Make a subtask a dead letter and apply its on_failure. Its attempt has been closed.';

create or replace function cogo.fail_attempt(
  p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb
)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_interval(p_after_seconds);  -- null: backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.dead_letter_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter, so that subtasks which failed together are not retried together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$$;
comment on function cogo.fail_attempt is
  'End a held attempt as failed and apply p_action to the subtask.';

-- schemas/70_queue/40_tasks.sql
create or replace function cogo.fail_task(p_task_id uuid, p_error jsonb)
  returns void language plpgsql set search_path = ''
as $$
begin
  perform cogo.cancel_open_subtasks(array[p_task_id], 'the task failed');
  update public.cogo_tasks t
     set status = 'failed', error = p_error, paused_at = null, finished_at = cogo.now()
   where t.id = p_task_id;
end;
$$;
comment on function cogo.fail_task is 'End an open task as failed. The caller holds the task lock.';

create or replace function cogo.complete_tasks(p_task_ids uuid[], p_results jsonb[])
  returns void language plpgsql set search_path = ''
as $$
begin
  perform cogo.cancel_open_subtasks(p_task_ids, 'the task is complete');
  -- The last subtask of a paused task was already running.
  if exists (
    select from public.cogo_tasks t where t.id = any (p_task_ids) and t.status = 'held'
  ) then
    update public.cogo_tasks t
       set status = 'running', paused_at = null
     where t.id = any (p_task_ids) and t.status = 'held';
  end if;
  update public.cogo_tasks t
     set status = 'completed', result = r.result, finished_at = cogo.now()
    from unnest(p_task_ids, p_results) as r (task_id, result)
   where t.id = r.task_id;
end;
$$;
comment on function cogo.complete_tasks is
  'Complete tasks with the outputs of their sinks. The caller holds the task locks.';

-- schemas/70_queue/50_leases.sql
create or replace function cogo.load_leases(p_subtask_ids uuid[])
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb
  )
  language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model, 'preferences', t.preferences,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'grants',
           case when exists (select from cogo.grants g where g.owner = s.owner) then
             cogo.granted_models(t.owner)
           end
         ),
         coalesce(parents.outputs, '{}'), coalesce(parents.errors, '{}'),
         case when s.attempt = 1 then '[]' else (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'model_id', a.model_id, 'provider', a.provider,
                        'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id and a.ended_at is not null
         ) end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
    cross join lateral (
      -- Subqueries, because few parents are dead; a join would be planned for all.
      select jsonb_object_agg(parent.key, o.output) filter (where o.output is not null) as outputs,
             jsonb_object_agg(
               parent.key,
               coalesce(
                 (
                   select a.error from public.cogo_attempts a
                    where a.subtask_id = parent.id and a.attempt = parent.attempt
                 ),
                 (
                   select pp.metadata -> 'approval' -> 'error'
                     from cogo.subtask_payloads pp where pp.subtask_id = parent.id
                 ),
                 '{"class": "failed", "message": "no attempt recorded an error"}'
               )
             ) filter (where parent.dead_at is not null) as errors
        from cogo.dependencies d
        join cogo.subtasks parent on parent.id = d.parent_id
        left join cogo.subtask_outputs o on o.subtask_id = d.parent_id
       where d.child_id = s.id
    ) as parents
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$$;
comment on function cogo.load_leases is 'Return all that the holders of leases need for the work.';

create or replace function cogo.take_back_lease(
  p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean
)
  returns boolean language plpgsql set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.dead_letter_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$$;
comment on function cogo.take_back_lease is
  'Take a lease from its holder and queue the subtask; return false if it is now a dead letter.';

create or replace function cogo.reap_leases(
  p_limit integer, out reaped integer, out dead integer, out cancelled integer
)
  language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_ids uuid[];
  v_id uuid;
  v_subtask cogo.subtasks;
begin
  reaped := 0;
  dead := 0;
  cancelled := 0;
  select array_agg(expired.id order by expired.seq) into v_ids
    from (
      select s.id, s.seq
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'running' and s.lease_expires_at < v_now
       order by s.seq
       limit p_limit
         for no key update of t skip locked
    ) as expired;

  foreach v_id in array coalesce(v_ids, '{}') loop
    -- Read it again: it may have been extended, or a sibling may have failed the task above.
    select s.* into v_subtask
      from cogo.subtasks s
     where s.id = v_id and s.status = 'running' and s.lease_expires_at < v_now
       for no key update;
    continue when not found;
    if v_subtask.cancel_requested_at is not null then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
      cancelled := cancelled + 1;
    elsif cogo.take_back_lease(
      v_subtask, 'reaped',
      jsonb_build_object(
        'class', 'lease_expired',
        'message', format('agent %s did not extend its lease', v_subtask.agent_id)
      ),
      true
    ) then
      reaped := reaped + 1;
    else
      dead := dead + 1;
    end if;
  end loop;
end;
$$;
comment on function cogo.reap_leases is
  'Take back expired leases, at most p_limit. Skips locked tasks.';

create or replace function cogo.promote_due(p_limit integer)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  with due as materialized (
    select s.id
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'delayed' and s.run_at <= v_now
     order by s.run_at
     limit p_limit
       for no key update of t skip locked
  )
  update cogo.subtasks s
     set status = 'queued', run_at = null
    from due d
   where s.id = d.id and s.status = 'delayed';
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function cogo.promote_due is
  'Queue delayed subtasks that are due, at most p_limit; return how many. Skips locked tasks.';

-- schemas/70_queue/60_limits.sql
-- The bucket holds six seconds of the rate, so a minute sees at most a tenth more.
create or replace function cogo.available_tokens(
  p_per_minute integer, p_tokens double precision, p_refilled_at timestamptz, p_now timestamptz
)
  returns double precision language sql immutable
  -- greatest() and least() ignore nulls.
  return case
    when p_per_minute is null then null
    when p_refilled_at is null then greatest(1, p_per_minute / 10.0)
    else least(
      greatest(1, p_per_minute / 10.0),
      p_tokens
        + greatest(0, extract(epoch from p_now - p_refilled_at))::float8 * p_per_minute / 60
    )
  end;
comment on function cogo.available_tokens is 'Return the tokens in a bucket now; null without a rate.';

create or replace function cogo.lane_capacity(p_lanes text[])
  returns table (lane text, room integer)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select wanted.lane,
         greatest(0, least(
           1000,
           l.max_running - case when l.max_running is not null then (
             select count(*) from cogo.subtasks s
              where s.status = 'running' and s.lane = wanted.lane
           ) end,
           floor(cogo.available_tokens(l.per_minute, l.tokens, l.refilled_at, cogo.now()))
         ))::integer
    from (select distinct unnest(p_lanes) as lane) as wanted
    left join cogo.lanes l on l.lane = wanted.lane
   where not coalesce(l.paused, false);
end;
$$;
comment on function cogo.lane_capacity is
  'Return the lanes that are not paused and how many more subtasks each may start; 1000 without a limit.
The caller has locked them in an earlier statement.';

create or replace function cogo.owner_capacity()
  returns table (owner uuid, room integer)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select o.owner,
         greatest(0, least(
           1000,
           o.max_running - coalesce(r.running, 0),
           floor(cogo.available_tokens(o.per_minute, o.tokens, o.refilled_at, cogo.now()))
         ))::integer
    from cogo.owners o
    left join (
      select s.owner, count(*) as running
        from cogo.subtasks s
       where s.status = 'running' and s.regulated and s.lane <> 'cio'
       group by s.owner
    ) as r on r.owner = o.owner
   where not o.paused;
end;
$$;
comment on function cogo.owner_capacity is
  'Return the owners with limits that are not paused and how many more subtasks each may start. The
caller has locked them in an earlier statement.';

create or replace function cogo.take_tokens(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  update cogo.lanes l
     set tokens = cogo.available_tokens(l.per_minute, l.tokens, l.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.lane, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
    ) as c
   where l.lane = c.lane and l.per_minute is not null;
  update cogo.owners o
     set tokens = cogo.available_tokens(o.per_minute, o.tokens, o.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.owner, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) and s.lane <> 'cio' group by s.owner
    ) as c
   where o.owner = c.owner and o.per_minute is not null;
end;
$$;
comment on function cogo.take_tokens is
  'Take claimed subtasks from the buckets of lanes and owners, which the caller has locked.';

-- Clocks are the last locks of a claim and are skipped if locked: the other claim of the lane
-- advances the clock by nearly as much. A clock does not pass what is still queued: beside other
-- claims, a claim may get a turn from far behind, and newcomers would have to queue behind all
-- between.
create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = ''
  -- Read the head of a lane from its index.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
begin
  with claimed as materialized (
    select s.lane, max(s.turn - 100 * s.level) as round
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
  ), reached as materialized (
    select c.lane,
           least(
             c.round,
             (
               select s.turn - 100 * s.level
                 from cogo.subtasks s
                where s.status = 'queued' and not s.regulated and s.lane = c.lane
                  -- Not marked `regulated` yet; it may wait for long.
                  and not exists (select from cogo.owners o where o.owner = s.owner)
                order by s.turn, s.seq
                limit 1
             )
           ) as round,
           nextval('cogo.lane_services') as served
      from claimed c
  ), started as (
    insert into cogo.lane_clocks (lane, round, served)
    select r.lane, greatest(r.round, 0), r.served
      from reached r
     where not exists (select from cogo.lane_clocks k where k.lane = r.lane)
     order by r.lane
    on conflict (lane) do nothing
  ), free as materialized (
    select k.lane
      from cogo.lane_clocks k join reached r on r.lane = k.lane
       for no key update of k skip locked
  )
  update cogo.lane_clocks k
     set round = greatest(k.round, r.round), served = r.served
    from reached r
   where k.lane = r.lane and k.lane in (select f.lane from free f);
end;
$$;
comment on function cogo.advance_clocks is
  'Advance the clocks of lanes to the rounds that were claimed, and record that they were served.';

-- schemas/70_queue/70_choose_subtasks.sql
-- Choose the turns first: from the heads of lanes, whose index leaves out owners with limits, and
-- from the queues of those owners. Then choose what each turn gets: the subtasks of the same owner
-- and level with the lowest place. If these are others, they swap turns, so that an owner keeps as
-- many turns as before. With several lanes or limits this locks more rows than it returns, until
-- the transaction ends.
create or replace function cogo.choose_subtasks(
  p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer
)
  returns uuid[] language plpgsql set search_path = ''
  -- Read the heads of queues in the order of their indexes, without sorting.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_owners uuid[];
  v_rooms integer[];
  v_ids uuid[];
  v_moved uuid[];
  v_turns bigint[];
begin
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.owner_capacity() o;
  end if;

  with heads as materialized (
    select c.*, l.room, null::integer as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and not s.regulated and s.lane = l.lane
           and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit least(p_limit, l.room)
           for no key update of t, s skip locked
      ) as c
  ), lines as materialized (
    select c.*, l.room, o.room as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        -- Planning does not count for an owner: only a pause stops it.
        select k.owner, case l.lane when 'cio' then 1000 else k.room end as room
          from unnest(v_owners, v_rooms) as k (owner, room)
      ) as o
      cross join generate_series(0, 9) as g (level)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
           and s.level = g.level
           and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit greatest(0, least(p_limit, l.room, o.room))
           for no key update of t, s skip locked
      ) as c
  ), allowed as (
    select c.*,
           row_number() over (
             partition by c.owner, c.lane = 'cio' order by c.turn, c.seq
           ) as nth_of_owner
      from (select * from heads union all select * from lines) as c
  ), placed as (
    select a.*, row_number() over (partition by a.lane order by a.turn, a.seq) as nth_in_lane
      from allowed a
     where a.owner_room is null or a.nth_of_owner <= a.owner_room
  ), turns as materialized (
    -- Turns of different lanes cannot be compared: the first of each lane, then the second of each,
    -- beginning with the lane that was served longest ago.
    select p.*
      from placed p
      left join cogo.lane_clocks k on k.lane = p.lane
     where p.nth_in_lane <= p.room
     order by p.nth_in_lane, coalesce(k.served, 0), p.created_at, p.seq
     limit p_limit
  ), taken as materialized (
    select c.*
      from (
        select t.lane, t.owner, t.level, count(*) as turns
          from turns t group by t.lane, t.owner, t.level
      ) as h
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.place, s.seq
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = h.lane and s.owner = h.owner
           and s.level = h.level and t.status in ('pending', 'running')
         order by s.place, s.seq
         limit h.turns
           for no key update of t, s skip locked
      ) as c
  ), passing as (
    select k.*, row_number() over (partition by k.lane, k.owner, k.level order by k.place, k.seq) as nth
      from taken k where k.id not in (select t.id from turns t)
  ), passed as (
    select t.id, t.lane, t.owner, t.level, t.turn,
           row_number() over (partition by t.lane, t.owner, t.level order by t.turn, t.seq) as nth
      from turns t where t.id not in (select k.id from taken k)
  ), moved as (
    select x.id, x.turn
      from passing a
      join passed b using (lane, owner, level, nth)
     cross join lateral (values (a.id, b.turn), (b.id, a.turn)) as x (id, turn)
  )
  select array(select k.id from taken k), array_agg(m.id), array_agg(m.turn)
    into v_ids, v_moved, v_turns
    from moved m;
  if v_moved is not null then
    update cogo.subtasks s
       set turn = m.turn
      from unnest(v_moved, v_turns) as m (id, turn)
     where s.id = m.id;
  end if;
  return nullif(v_ids, '{}');
end;
$$;
comment on function cogo.choose_subtasks is
  'Lock and return the queued subtasks to claim now, within the capacity of lanes and owners.
p_regulated: the owners with limits.';

-- schemas/75_plans/10_validation.sql
create or replace function cogo.parse_plan(p_plan jsonb)
  returns table (ordinal bigint, key text, entry jsonb, dependencies text[], sink boolean)
  language plpgsql immutable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with nodes as (
    select e.ordinal, e.entry ->> 'key' as key, e.entry,
           array(
             select distinct d.key
               from jsonb_array_elements_text(
                 coalesce(nullif(e.entry -> 'dependencies', 'null'), '[]')
               ) as d (key)
           ) as dependencies,
           coalesce((e.entry ->> 'sink')::boolean, false) as is_sink
      from jsonb_array_elements(p_plan -> 'subtasks') with ordinality as e (entry, ordinal)
  ), parents as (
    select distinct d.key from nodes n cross join unnest(n.dependencies) as d (key)
  )
  select n.ordinal, n.key, n.entry, n.dependencies,
         case
           when bool_or(n.is_sink) over () then n.is_sink
           else n.key not in (select w.key from parents w where w.key is not null)
         end
    from nodes n;
end;
$$;
comment on function cogo.parse_plan is
  'Return the subtasks of a plan as rows. Without an explicit sink, those without dependents are
sinks.';

create or replace function cogo.validate_plan(p_plan jsonb, p_taken text[] default null)
  returns text language plpgsql immutable set search_path = ''
as $$
declare
  v_entry jsonb;
  v_keys text[] := '{}';
  v_sorted text[] := '{}';
  v_next text[];
  v_text text;
begin
  if jsonb_typeof(p_plan -> 'subtasks') is distinct from 'array'
     or jsonb_array_length(p_plan -> 'subtasks') = 0 then
    return 'plan.subtasks must be a list of at least one subtask';
  end if;

  for v_entry in select e.value from jsonb_array_elements(p_plan -> 'subtasks') e loop
    foreach v_text in array array['key', 'type', 'lane'] loop
      if jsonb_typeof(v_entry -> v_text) is distinct from 'string'
         or v_entry ->> v_text = '' then
        return format('every planned subtask needs a text %s: %s', v_text, left(v_entry::text, 200));
      end if;
    end loop;
    foreach v_text in array array['params', 'metadata'] loop
      if jsonb_typeof(coalesce(v_entry -> v_text, '{}')) not in ('object', 'null') then
        return format('%s of subtask %s must be an object', v_text, v_entry ->> 'key');
      end if;
    end loop;
    if jsonb_typeof(coalesce(v_entry -> 'dependencies', '[]')) not in ('array', 'null') then
      return format('dependencies of subtask %s must be a list of keys', v_entry ->> 'key');
    end if;
    if coalesce(v_entry ->> 'on_failure', 'fail_task') not in ('fail_task', 'continue') then
      return format('on_failure of subtask %s must be fail_task or continue', v_entry ->> 'key');
    end if;
    if v_entry ->> 'key' = 'plan' or v_entry ->> 'key' = any (v_keys || p_taken) then
      return format('the key %s is taken', v_entry ->> 'key');
    end if;
    v_keys := v_keys || (v_entry ->> 'key');
  end loop;

  select string_agg(format('%s waits for %s', n.key, d.key), ', ') into v_text
    from cogo.parse_plan(p_plan) n cross join unnest(n.dependencies) as d (key)
   where d.key <> all (v_keys);
  if v_text is not null then
    return 'a dependency is not in the plan: ' || v_text;
  end if;

  if p_taken is not null then
    if p_plan @? '$.subtasks[*] ? (@.sink == true)' then
      return 'a subtask that is added later cannot be the sink';
    end if;
  elsif (select count(*) from cogo.parse_plan(p_plan) n where n.sink) <> 1 then
    return 'a plan needs exactly one sink: the subtask whose output is the result';
  elsif exists (
    select from cogo.parse_plan(p_plan) n
     where n.sink and n.entry ->> 'on_failure' = 'continue'
  ) then
    return 'on_failure of the sink must be fail_task';
  end if;

  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_text
    from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]')) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_text is not null then
    return 'a selection is for a key that is not in the plan: ' || v_text;
  end if;

  -- Topological sort: what is left over is part of a cycle.
  loop
    select array_agg(n.key) into v_next
      from cogo.parse_plan(p_plan) n
     where n.key <> all (v_sorted) and n.dependencies <@ v_sorted;
    exit when v_next is null;
    v_sorted := v_sorted || v_next;
  end loop;
  select string_agg(k.key, ', ') into v_text
    from unnest(v_keys) as k (key) where k.key <> all (v_sorted);
  if v_text is not null then
    return 'the dependencies have a cycle: ' || v_text;
  end if;
  return null;
end;
$$;
comment on function cogo.validate_plan is
  'Return what is wrong with a plan, or with subtasks added to one whose keys are p_taken, as a
sentence; null if it is valid.';

-- schemas/75_plans/20_selections.sql
create or replace function cogo.record_selection(
  p_selection jsonb, p_task_id uuid, p_subtask_id uuid
)
  returns public.cogo_model_selections language plpgsql set search_path = ''
as $$
declare
  v_request_id uuid := cogo.to_uuid(p_selection ->> 'request_id');
  v_selection public.cogo_model_selections;
begin
  -- Its id is a hash of its content, so the same content later is a new request.
  if (p_selection ->> 'unnamed_request')::boolean then
    update public.cogo_model_selections m
       set request_id = null
     where m.request_id = v_request_id and m.created_at < cogo.now() - interval '10 seconds';
  end if;
  insert into public.cogo_model_selections (
    request_id, task_id, subtask_id, requested_model, selected_model, provider, policy, requirements,
    candidates, reason, agent_id
  ) values (
    v_request_id, p_task_id, p_subtask_id,
    p_selection ->> 'requested_model', p_selection ->> 'selected_model',
    p_selection ->> 'provider', p_selection ->> 'policy',
    coalesce(nullif(p_selection -> 'requirements', 'null'), '{}'),
    coalesce(nullif(p_selection -> 'candidates', 'null'), '[]'),
    p_selection ->> 'reason', cogo.current_actor()
  )
  on conflict (request_id) where request_id is not null do nothing
  returning * into v_selection;
  if v_selection.id is null then
    -- Another orchestrator has answered this request.
    select m.* into v_selection
      from public.cogo_model_selections m
     where m.request_id = v_request_id;
    return v_selection;
  end if;

  perform cogo.notify(
    'model-selection', 'MODEL_SELECTION_RESPONSE',
    jsonb_build_object(
      'request_id', v_selection.request_id,
      'task_id', coalesce(p_selection ->> 'task_id', v_selection.task_id::text),
      'subtask_id', coalesce(p_selection ->> 'subtask_id', v_selection.subtask_id::text),
      'requested_model', v_selection.requested_model,
      'selected_model', v_selection.selected_model,
      'available_models', coalesce(nullif(p_selection -> 'available_models', 'null'), '[]'),
      'model_capabilities', coalesce(nullif(p_selection -> 'model_capabilities', 'null'), '{}'),
      'selection_reason', v_selection.reason,
      'timestamp', cogo.iso_timestamp(v_selection.created_at)
    ) || case
      when v_selection.selected_model is null then
        jsonb_build_object('error', v_selection.reason)
      else '{}'
    end,
    cogo.current_actor(), 'cogo-model-selection'
  );
  return v_selection;
end;
$$;
comment on function cogo.record_selection is
  'Store and announce a selection of a model, or that there is none. Only the first answer to a request
counts.';

-- schemas/75_plans/30_insertion.sql
create or replace function cogo.insert_plan(
  p_task_id uuid, p_plan jsonb, p_parent_id uuid default null
)
  returns void language plpgsql set search_path = ''
  -- A time without an offset is UTC.
  set timezone = 'UTC'
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;

  with nodes as materialized (
    select n.*, gen_random_uuid() as id,
           (nullif(n.entry ->> 'run_at', ''))::timestamptz as run_at,
           coalesce((n.entry ->> 'needs_approval')::boolean, false) as needs_approval
      from cogo.parse_plan(p_plan) n
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, status, priority, deps_left, max_failures, sink,
      needs_approval, run_at, on_failure
    )
    select n.id, p_task_id, n.key, n.entry ->> 'type', n.entry ->> 'lane',
           cogo.resting_status(
             v_task.status, cardinality(n.dependencies), n.needs_approval, n.run_at, cogo.now()
           ),
           least(9, greatest(0, coalesce((n.entry ->> 'priority')::integer, v_task.priority))),
           cardinality(n.dependencies),
           coalesce((n.entry ->> 'max_failures')::integer, 5),
           n.sink and p_parent_id is null, n.needs_approval, n.run_at,
           coalesce(n.entry ->> 'on_failure', 'fail_task')
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata)
    select n.id, coalesce(nullif(n.entry -> 'params', 'null'), '{}'),
           coalesce(nullif(n.entry -> 'metadata', 'null'), '{}')
      from nodes n
  )
  insert into cogo.dependencies (task_id, parent_id, child_id)
  select p_task_id, parent.id, child.id
    from nodes child
    cross join unnest(child.dependencies) as d (key)
    join nodes parent on parent.key = d.key
   union all
  -- Dependents of the subtask that adds these also wait for the new sinks.
  select p_task_id, added.id, waiting.child_id
    from nodes added
    join cogo.dependencies waiting on waiting.parent_id = p_parent_id
   where added.sink;

  if p_parent_id is not null then
    update cogo.subtasks s
       set deps_left = s.deps_left + (select count(*) from cogo.parse_plan(p_plan) n where n.sink)
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_parent_id);
  end if;

  perform cogo.record_selection(e.selection, p_task_id, s.id)
     from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]'))
          with ordinality as e (selection, ordinal)
     join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
    order by e.ordinal;
end;
$$;
comment on function cogo.insert_plan is
  'Insert the subtasks of a valid plan; with p_parent_id those that this running subtask adds.';

-- schemas/75_plans/40_completions.sql
create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
  returns text language plpgsql stable set search_path = ''
as $$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_unreadable text;
begin
  -- Dependents, watchers and lists must be able to read these.
  select f.field || ' ' || cogo.validate_json(f.value) into v_unreadable
    from (
      values ('output', p_item -> 'output'), ('plan.subtasks', v_plan -> 'subtasks'),
             ('subtasks', v_added), ('route.params', v_route -> 'params'),
             ('route.metadata', v_route -> 'metadata')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  end if;
  if v_added is not null and (
    p_subtask.type = 'PLAN' or p_subtask.lane = 'cio' or p_subtask.sink
  ) then
    return 'only a completed subtask that is not the sink may add subtasks';
  end if;
  if v_plan is not null or v_route is not null or v_added is not null then
    v_grant := cogo.validate_stamps(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if (v_plan is not null) <> (p_subtask.type = 'PLAN') then
    return 'a PLAN must be completed with a plan, other subtasks must not';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio' and p_subtask.type <> 'PLAN') then
    return 'a rerouted subtask in lane cio must be completed with a route, others must not';
  elsif v_plan is not null then
    return 'TQ006: ' || cogo.validate_plan(v_plan);
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') in ('', 'cio') then
      return 'route.lane must name a model';
    elsif jsonb_typeof(coalesce(nullif(v_route -> 'params', 'null'), '{}')) <> 'object'
       or jsonb_typeof(coalesce(nullif(v_route -> 'metadata', 'null'), '{}')) <> 'object' then
      return 'route.params and route.metadata must be objects';
    end if;
  elsif jsonb_typeof(p_item -> 'output') is distinct from 'object' then
    return 'output must be an object';
  elsif v_added is not null then
    return 'TQ006: ' || cogo.validate_plan(
      p_item, array(select s.key from cogo.subtasks s where s.task_id = p_subtask.task_id)
    );
  end if;
  return null;
end;
$$;
comment on function cogo.validate_completion is
  'Return what is wrong with a completion, as a sentence; null if it is valid.';

create or replace function cogo.route_subtask(p_subtask cogo.subtasks, p_item jsonb)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_route jsonb := p_item -> 'route';
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'routed', array[p_item -> 'usage']
  );
  update cogo.subtask_payloads p
     set params = p.params || coalesce(nullif(v_route -> 'params', 'null'), '{}'),
         metadata = p.metadata || coalesce(nullif(v_route -> 'metadata', 'null'), '{}')
   where p.subtask_id = p_subtask.id;
  if jsonb_typeof(v_route -> 'selection') = 'object' then
    perform cogo.record_selection(v_route -> 'selection', p_subtask.task_id, p_subtask.id);
  end if;
  perform cogo.requeue_subtask(p_subtask.id, p_lane => v_route ->> 'lane');
end;
$$;
comment on function cogo.route_subtask is
  'Complete a rerouted subtask in lane cio: queue it for another model.';

-- schemas/75_plans/50_outputs.sql
create or replace function cogo.accept_outputs(
  p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[]
)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_messages boolean;
  v_plans boolean;
begin
  select array_agg(k.id), array_agg(k.attempt),
         array_agg(coalesce(nullif(k.item -> 'output', 'null'), '{}')),
         array_agg(k.item -> 'usage'),
         bool_or(k.item ? 'messages'),
         bool_or(k.kind = 'plan' or k.kind = 'step' and k.item ? 'subtasks')
    into v_ids, v_attempts, v_outputs, v_usages, v_messages, v_plans
    from unnest(p_ids, p_attempts, p_items, p_kinds) as k (id, attempt, item, kind)
   where k.kind in ('plan', 'sink', 'step');

  perform cogo.close_attempts(v_ids, v_attempts, 'completed', v_usages);
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select * from unnest(v_ids, v_attempts, v_outputs);
  -- A statement is costly even without rows, so skip those that no item needs.
  if v_messages then
    insert into public.cogo_messages (owner, session_id, role, content, task_id)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id
      from unnest(p_ids, p_items, p_kinds) with ordinality as k (id, item, kind, ordinal)
      join cogo.subtasks s on s.id = k.id
      join public.cogo_tasks t on t.id = s.task_id
      cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
        with ordinality as m (value, ordinal)
     where k.item ? 'messages' and k.kind in ('plan', 'sink', 'step') and t.session_id is not null
     order by k.ordinal, m.ordinal;
  end if;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = any (v_ids);

  if v_plans then
    perform cogo.insert_plan(
              s.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
  end if;
  if 'step' = any (p_kinds) then
    perform cogo.release_dependents(
      array(select k.id from unnest(p_ids, p_kinds) as k (id, kind) where k.kind = 'step')
    );
  end if;
  if 'sink' = any (p_kinds) then
    select array_agg(s.task_id), array_agg(k.item -> 'output')
      into v_tasks, v_outputs
      from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
      join cogo.subtasks s on s.id = k.id
     where k.kind = 'sink';
    perform cogo.complete_tasks(v_tasks, v_outputs);
  end if;
end;
$$;
comment on function cogo.accept_outputs is
  'Complete attempts and apply each by its kind: plan, step or sink. Others are skipped.';

-- schemas/75_plans/60_complete_subtasks.sql
-- Writes only for attempts that are held. The caller holds the task locks, and no subtask is there
-- twice. All items take each step together, because a statement costs more than a row. Sinks, which
-- end their tasks, come last.
create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
begin
  with items as materialized (
    select i.ordinal, i.item,
           cogo.to_uuid(i.item ->> 'subtask_id') as id,
           cogo.to_integer(i.item ->> 'attempt') as attempt
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
  ), fenced as materialized (
    select i.*, s as subtask, cogo.check_fence(p_agent_id, a, s) as state
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), checked as materialized (
    select f.*,
           case f.state when 'held' then cogo.validate_completion(f.subtask, f.item) end
             as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.state = 'held' then 'ok'
             when j.state in ('completed', 'routed') then 'duplicate'
             when j.state in ('closing', 'cancelled') then 'closed'
             when j.state = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.state = 'closing' then 'closing'
             when j.state <> 'held' or j.problem is not null then null
             when (j.subtask).type = 'PLAN' then 'plan'
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from checked j;

  if v_kinds && '{closing,route}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              else cogo.route_subtask(s, k.item)
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'route');
  end if;
  if v_kinds && '{plan,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$$;
comment on function cogo.complete_subtasks is
  'Record completions; answer for each, in order: ok, duplicate, stale, closed, unknown or invalid.';

-- One subtransaction for all; if one of them is wrong, one for each, so that it does not affect the
-- others.
create or replace function cogo.complete_isolated(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = ''
as $$
declare
  v_alone boolean := jsonb_array_length(p_items) = 1;
  v_together boolean := v_alone;
begin
  if not v_alone then
    -- The second completion of a subtask depends on the result of the first.
    v_together := (
      select count(*) = count(distinct lower(i.value ->> 'subtask_id'))
        from jsonb_array_elements(p_items) i
    );
  end if;
  if v_together then
    begin
      return query select * from cogo.complete_subtasks(p_agent_id, p_items);
      return;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if v_alone then
          return query
            select cogo.to_uuid(p_items -> 0 ->> 'subtask_id'),
                   cogo.to_integer(p_items -> 0 ->> 'attempt'), 'invalid', sqlerrm;
          return;
        end if;
    end;
  end if;
  return query
    select c.*
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
     cross join lateral cogo.complete_isolated(p_agent_id, jsonb_build_array(i.item)) c
     order by i.ordinal;
end;
$$;
comment on function cogo.complete_isolated is
  'Call cogo.complete_subtasks(), and answer invalid for items that violate a constraint.';

-- schemas/78_models/10_grants.sql
create or replace function cogo.task_type(p_subtask_id uuid)
  returns text language sql stable
  return coalesce(
    (
      select m.requirements ->> 'taskType' from public.cogo_model_selections m
       where m.subtask_id = p_subtask_id order by m.created_at desc limit 1
    ), 'general'
  );
comment on function cogo.task_type is
  'Return the type of work that a subtask''s model was selected for.';

create or replace function cogo.granted_models(p_owner uuid)
  returns jsonb language sql stable set search_path = ''
as $$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind <> 'priority'
  having count(*) > 0;
$$;
comment on function cogo.granted_models is
  'Return the models and providers granted to an owner; null: everything is allowed.';

create or replace function cogo.describe_grants(p_granted jsonb)
  returns text language sql immutable
  return concat_ws(
    ' and ',
    (select string_agg(m.name, ', ') from jsonb_array_elements_text(p_granted -> 'models') m (name)),
    (
      select 'everything of ' || string_agg(p.name, ', ')
        from jsonb_array_elements_text(p_granted -> 'providers') p (name)
    )
  );
comment on function cogo.describe_grants is 'Return the result of cogo.granted_models() as text.';

create or replace function cogo.validate_grant(p_owner uuid, p_model text, p_provider text)
  returns text language plpgsql stable set search_path = ''
as $$
declare
  v_granted jsonb := cogo.granted_models(p_owner);
begin
  if v_granted is null or v_granted -> 'models' ? p_model or v_granted -> 'providers' ? p_provider
  then
    return null;
  end if;
  return format(
    'model %s is not granted to this owner; granted are %s', p_model, cogo.describe_grants(v_granted)
  );
end;
$$;
comment on function cogo.validate_grant is
  'Return why an owner may not use a model of a provider; null if they may.';

create or replace function cogo.validate_stamps(p_task_id uuid, p_item jsonb)
  returns text language sql stable set search_path = ''
as $$
  with body as (
    select coalesce(nullif(p_item -> 'plan', 'null'), p_item) as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamps as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.validate_grant(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamps s
   where t.id = p_task_id and s.lane <> 'cio'
     and cogo.validate_grant(t.owner, s.lane, s.provider) is not null
   limit 1;
$$;
comment on function cogo.validate_stamps is
  'Return why the models of a plan, a route or added subtasks are not granted; null if they are.';

-- schemas/78_models/20_controls.sql
create or replace function cogo.find_ban(
  p_owner uuid, p_subtask_id uuid, p_model text, p_provider text
)
  returns text language sql stable set search_path = ''
as $$
  select format('%s is banned: %s', c.subject, c.reason)
    from cogo.controls c
   where c.action = 'ban'
     and c.subject in (p_model, p_provider)
     and case
       when c.scope like 'owner:%' then c.scope = 'owner:' || p_owner::text
       when c.scope like 'task_type:%' then c.scope = 'task_type:' || cogo.task_type(p_subtask_id)
       else true
     end
   order by c.scope, c.subject
   limit 1;
$$;
comment on function cogo.find_ban is
  'Return the ban of a model or provider for such a subtask, as a sentence; null if there is none.';

-- Tasks are locked first, as the lock order says. Running subtasks are not touched.
create or replace function cogo.restamp_subtasks(
  p_action text, p_lanes text[], p_scope text, p_reason text, p_who text
)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_ids uuid[];
  v_owner uuid := cogo.to_uuid(substr(p_scope, length('owner:') + 1));
begin
  select array_agg(w.id) into v_ids
    from (
      select s.id, s.task_id
        from (
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status = 'queued'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'blocked'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'delayed'
           union all
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status in ('waiting', 'held')
        ) as s
        join public.cogo_tasks t on t.id = s.task_id
       where s.lane <> 'cio'
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- A task that names its model keeps it, unless the model is banned.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || cogo.task_type(s.id)
           else true
         end
       order by t.seq
         for no key update of t
    ) as w;

  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids)
       and s.status in ('queued', 'blocked', 'delayed', 'waiting', 'held')
    returning s.*
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select m.task_id,
         row_number() over (partition by m.task_id order by m.seq) + coalesce(
           (
             select e.seq from cogo.events e where e.task_id = m.task_id
              order by e.seq desc limit 1
           ), 0
         ),
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0), p_who,
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.notify_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.restamp_subtasks is
  'Send waiting subtasks back to lane cio, those of p_lanes or, for a pin, all others; return how
many.';

-- schemas/78_models/30_outcomes.sql
-- A failure of the vendor counts against a model's quality only while the model is ok and not on
-- trial: an outage belongs to its health and must not count as bad answers for weeks.
create or replace function cogo.count_outcomes(p_limit integer)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  with taken as materialized (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt
  ), attempts as materialized (
    select a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.output_tokens, a.cost_usd,
           cogo.task_type(a.subtask_id) as task_type,
           coalesce(refused.models, '{}') as after,
           a.outcome = 'completed' as answered,
           coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty,
           case
             when a.error ->> 'class' = 'check_failed' then false
             when jsonb_array_length(answer.verification -> 'checks') > 0 then
               not answer.verification @? '$.checks[*] ? (@.passed == false)'
           end as passed,
           case
             when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
             when a.outcome <> 'completed' then null
             when answer.verification ->> 'status' = 'verified' then 1
             when answer.verification ->> 'status' = 'failed' then 0
             when answer.verification @? '$.checks[*] ? (@.passed == false)' then 0
             else 0.8
           end as good,
           coalesce(h.health = 'ok' and not h.on_trial, true) as is_ok
      from taken t
      join public.cogo_attempts a using (subtask_id, attempt)
      left join cogo.model_health h on h.model_id = a.model_id
      left join lateral (
        select array_agg(e.model_id order by e.attempt) as models
          from public.cogo_attempts e
         where e.subtask_id = a.subtask_id and e.attempt < a.attempt
           and e.error ->> 'class' = 'check_failed'
      ) as refused on true
      left join lateral (
        select o.output -> 'verification' as verification
          from cogo.subtask_outputs o
         where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      ) as answer on true
     where a.model_id is not null
  ), judged as (
    select s.*, case when s.faulty and s.is_ok then 0 else s.good end as score from attempts s
  ), counted as (
    insert into cogo.model_outcomes as m (
      model_id, task_type, after, judged, good, checked, passed, passed_good, answered, total_ms,
      streamed, first_token_ms, priced, cost_usd, counted_at
    )
    select j.model_id, j.task_type, k.after,
           count(j.score), coalesce(sum(j.score), 0),
           count(j.passed), count(*) filter (where j.passed),
           coalesce(sum(j.score) filter (where j.passed), 0),
           count(*) filter (where j.answered),
           coalesce(sum(j.duration_ms) filter (where j.answered), 0),
           count(j.first_token_ms) filter (where j.answered),
           coalesce(sum(j.first_token_ms) filter (where j.answered), 0),
           count(j.cost_usd) filter (where j.answered),
           coalesce(sum(j.cost_usd) filter (where j.answered), 0), v_now
      from judged j
     cross join lateral (
       select '{}'::text[] as after union select j.after
     ) as k
     group by j.model_id, j.task_type, k.after
    having count(j.score) > 0
     order by 1, 2, 3
    on conflict (model_id, task_type, after) do update
      set (judged, good, checked, passed, passed_good, answered, total_ms, streamed, first_token_ms,
           priced, cost_usd, counted_at) = (
            select m.judged * d.weight + excluded.judged, m.good * d.weight + excluded.good,
                   m.checked * d.weight + excluded.checked, m.passed * d.weight + excluded.passed,
                   m.passed_good * d.weight + excluded.passed_good,
                   m.answered * d.weight + excluded.answered,
                   m.total_ms * d.weight + excluded.total_ms,
                   m.streamed * d.weight + excluded.streamed,
                   m.first_token_ms * d.weight + excluded.first_token_ms,
                   m.priced * d.weight + excluded.priced,
                   m.cost_usd * d.weight + excluded.cost_usd, v_now
              from (select cogo.decay(m.counted_at, v_now, 604800) as weight) as d
          )
  ), recent as (
    select s.model_id,
           count(*) filter (where s.answered) as answered,
           count(*) filter (where s.faulty) as failed,
           count(*) filter (
             where s.faulty and s.ended_at > coalesce(l.answered_at, '-infinity')
           ) as in_a_row,
           count(*) filter (where s.answered and s.output_tokens > 0) as paced,
           coalesce(
             sum(s.duration_ms::float8 / greatest(s.output_tokens, 100))
               filter (where s.answered and s.output_tokens > 0), 0
           ) as pace
      from attempts s
      join (
        select e.model_id, max(e.ended_at) filter (where e.answered) as answered_at
          from attempts e group by e.model_id
      ) as l using (model_id)
     where s.answered or s.faulty
     group by s.model_id, l.answered_at
  ), health as (
    insert into cogo.model_health as h (
      model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
    )
    select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, v_now
      from recent r
     order by r.model_id
    on conflict (model_id) do update
      set in_a_row =
            excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
          (answered, failed, paced, pace, usual_paced, usual_pace, counted_at) = (
            select h.answered * d.recent + excluded.answered, h.failed * d.recent + excluded.failed,
                   h.paced * d.recent + excluded.paced, h.pace * d.recent + excluded.pace,
                   h.usual_paced * d.usual + d.is_ok * excluded.usual_paced,
                   h.usual_pace * d.usual + d.is_ok * excluded.usual_pace, v_now
              from (
                select cogo.decay(h.counted_at, v_now, 30) as recent,
                       cogo.decay(h.counted_at, v_now, 3600) as usual,
                       (h.health = 'ok')::integer as is_ok
              ) as d
          )
  )
  select count(*) into v_count from taken;
  return v_count;
end;
$$;
comment on function cogo.count_outcomes is
  'Add at most p_limit ended attempts to the statistics and the health of their models; return how many.
The caller makes sure that only one transaction does so at a time.';

-- schemas/78_models/40_health.sql
-- Each measure has two thresholds, so that a model between them does not alternate. A model that is not
-- selected has no traffic, so it is set to ok on trial after 15 seconds, then 30, then 60; on trial two
-- failures are enough to degrade it again.
create or replace function cogo.evaluate_health(
  p_model cogo.model_health, p_now timestamptz, p_circuits_open boolean
)
  returns cogo.model_health language plpgsql immutable set search_path = ''
as $$
declare
  v_model cogo.model_health := p_model;
  v_weight double precision := cogo.decay(p_model.counted_at, p_now, 30);
  v_calls double precision := (p_model.answered + p_model.failed) * v_weight;
  v_rate double precision := p_model.failed / nullif(p_model.answered + p_model.failed, 0);
  v_enough double precision := case when p_model.on_trial then 1.9 else 4.5 end;
  v_usual double precision;
  v_slower double precision;
  v_found text;
begin
  -- The long sum includes the short one; the baseline is the difference.
  if p_model.usual_paced - p_model.paced * v_weight >= 10 then
    v_usual := (p_model.usual_pace - p_model.pace * v_weight)
               / (p_model.usual_paced - p_model.paced * v_weight);
  end if;
  if p_model.paced * v_weight >= v_enough then
    v_slower := p_model.pace / p_model.paced / nullif(v_usual, 0);
  end if;

  -- On trial some calls must pass, since a circuit closes only after a successful call.
  if p_circuits_open and (not p_model.on_trial or p_now > p_model.since + interval '30 seconds') then
    v_found := 'open';
    v_model.reason := 'the circuits of all its deployments are open';
  elsif p_model.in_a_row >= 5 or (v_calls >= v_enough and v_rate >= 0.8) then
    v_found := 'open';
    v_model.reason := format(
      'it does not answer: %s of the last %s calls failed, %s in a row',
      round((p_model.failed * v_weight)::numeric, 1), round(v_calls::numeric, 1), p_model.in_a_row
    );
  elsif v_calls >= v_enough and v_rate >= 0.3 then
    v_found := 'degraded';
    v_model.reason := format(
      '%s%% of the last %s calls failed', round(v_rate * 100), round(v_calls::numeric, 1)
    );
  elsif v_slower >= 3 then
    v_found := 'degraded';
    v_model.reason := format(
      'it takes %s ms for a token and usually %s ms',
      round((p_model.pace / p_model.paced)::numeric, 1), round(v_usual::numeric, 1)
    );
  end if;

  if p_model.health = 'ok' and v_found is not null
     or p_model.health = 'degraded' and v_found = 'open' then
    v_model.health := v_found;
    v_model.since := p_now;
    v_model.on_trial := false;
    v_model.retry_at := p_now + make_interval(secs => least(60, 15 * 2 ^ least(p_model.trips, 2)));
    v_model.trips := p_model.trips + 1;
  elsif p_model.health = 'ok' then
    v_model.reason := p_model.reason;
    if p_model.on_trial and v_calls >= 4.5 and v_rate <= 0.1 then
      v_model.on_trial := false;
      v_model.trips := 0;
    end if;
  elsif not p_circuits_open and p_model.answered * v_weight >= 2.5
    and v_rate <= 0.1 and coalesce(v_slower, 1) <= 1.5
  then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.trips := 0;
    v_model.retry_at := null;
    v_model.reason := format(
      'it answers again: %s of the last %s calls',
      round((p_model.answered * v_weight)::numeric, 1), round(v_calls::numeric, 1)
    );
  elsif p_now >= p_model.retry_at then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.on_trial := true;
    v_model.retry_at := null;
    v_model.answered := 0;
    v_model.failed := 0;
    v_model.in_a_row := 0;
    v_model.paced := 0;
    v_model.pace := 0;
    v_model.reason := 'it is tried again after '
      || round(extract(epoch from p_now - p_model.since)) || ' s';
  else
    v_model.reason := p_model.reason;
  end if;
  return v_model;
end;
$$;
comment on function cogo.evaluate_health is
  'Return the model with its current health. p_circuits_open: whether all its circuits are open.';

create or replace function cogo.record_switch(
  p_kind text, p_subject text, p_scope text, p_was text, p_became text, p_reason text,
  p_numbers jsonb, p_who text
)
  returns void language plpgsql set search_path = ''
as $$
begin
  insert into public.cogo_model_switches (kind, subject, scope, was, became, reason, numbers, who)
  values (
    p_kind, p_subject, p_scope, p_was, p_became, p_reason, coalesce(p_numbers, '{}'), p_who
  );
  perform cogo.notify(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_subject,
      'status', case
        when p_became in ('open', 'ban', 'drain') then 'unavailable'
        when p_became = 'degraded' then 'degraded'
        else 'available'
      end,
      'kind', p_kind,
      'scope', p_scope,
      'was', p_was,
      'became', p_became,
      'who', p_who,
      'reason', p_reason,
      'numbers', coalesce(p_numbers, '{}'),
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    p_who, 'cogo-model-selection'
  );
end;
$$;
comment on function cogo.record_switch is
  'Store and announce a change of which models may be selected.';

-- Every orchestrator calls this; one at a time does the work, and the others read its result.
create or replace function cogo.update_model_health(p_limit integer default 2000)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_count integer;
  v_old cogo.model_health;
  v_new cogo.model_health;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.update_model_health', 0)) then
    return 0;
  end if;
  v_count := cogo.count_outcomes(p_limit);
  for v_old in
    select h.* from cogo.model_health h
     where h.health <> 'ok' or h.on_trial or h.counted_at > cogo.now() - interval '5 minutes'
        or h.model_id in (select d.model_id from cogo.deployments d where d.state <> 'closed')
     order by h.model_id
  loop
    v_new := cogo.evaluate_health(
      v_old, cogo.now(),
      coalesce(
        (
          select bool_and(d.state <> 'closed')
            from cogo.deployments d where d.model_id = v_old.model_id
        ), false
      )
    );
    continue when v_new is not distinct from v_old;
    update cogo.model_health h
       set health = v_new.health, reason = v_new.reason, since = v_new.since,
           on_trial = v_new.on_trial, trips = v_new.trips, retry_at = v_new.retry_at,
           answered = v_new.answered, failed = v_new.failed, in_a_row = v_new.in_a_row,
           paced = v_new.paced, pace = v_new.pace
     where h.model_id = v_new.model_id;
    if v_new.health <> v_old.health then
      perform cogo.record_switch(
        'health', v_new.model_id, 'everywhere', v_old.health, v_new.health, v_new.reason,
        jsonb_build_object(
          'answered', round(v_old.answered::numeric, 1),
          'failed', round(v_old.failed::numeric, 1),
          'in_a_row', v_old.in_a_row,
          'ms_per_token', round((v_old.pace / nullif(v_old.paced, 0))::numeric, 1),
          'usual_ms_per_token',
          round((v_old.usual_pace / nullif(v_old.usual_paced, 0))::numeric, 1),
          'retry_at', cogo.iso_timestamp(v_new.retry_at)
        ),
        cogo.current_actor()
      );
    end if;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.update_model_health is
  'Count the attempts that ended, evaluate the health of models, and record each change.';

-- schemas/78_models/50_circuits.sql
-- While a trial runs its duration is unknown: ask again after five seconds at most.
create or replace function cogo.circuit_wait_seconds(p_deployment cogo.deployments, p_now timestamptz)
  returns numeric language sql immutable
  return round(greatest(
    0,
    extract(epoch from p_deployment.not_before - p_now),
    case p_deployment.state
      when 'open' then extract(epoch from p_deployment.open_until - p_now)
      when 'half_open' then least(5, extract(epoch from p_deployment.trial_until - p_now))
    end
  )::numeric, 3);
comment on function cogo.circuit_wait_seconds is
  'Return the seconds until a deployment may be called; 0: now.';

create or replace function cogo.evaluate_circuit(p_deployment cogo.deployments, p_item jsonb)
  returns cogo.deployments language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_new cogo.deployments := p_deployment;
  v_answered integer := coalesce((p_item ->> 'answered')::integer, 0);
  v_failed integer := coalesce((p_item ->> 'failed')::integer, 0);
  v_in_a_row integer := coalesce((p_item ->> 'in_a_row')::integer, v_failed);
  v_retry_after numeric := (p_item ->> 'retry_after_seconds')::numeric;
  -- The result of a trial, if the report is about the current one.
  v_trial text := case p_deployment.trial_id
    when (p_item ->> 'trial_id')::uuid then p_item ->> 'trial'
  end;
  -- A time constant of 60 seconds.
  v_weight double precision := cogo.decay(p_deployment.counted_at, v_now, 60 * ln(2::float8));
  v_opens boolean := false;
begin
  v_new.answered := v_new.answered * v_weight + v_answered;
  v_new.failed := v_new.failed * v_weight + v_failed;
  v_new.counted_at := v_now;
  if v_answered > 0 then
    v_new.consecutive := 0;
    v_new.failing_since := null;
  end if;
  if v_in_a_row > 0 then
    v_new.consecutive := v_new.consecutive + v_in_a_row;
    v_new.failing_since := coalesce(v_new.failing_since, v_now);
  end if;
  if v_retry_after > 0 then
    v_new.not_before := greatest(v_new.not_before, v_now + cogo.retry_interval(v_retry_after));
  end if;
  if jsonb_typeof(p_item -> 'error') = 'object' then
    v_new.last_error := p_item -> 'error';
    v_new.last_error_at := v_now;
  end if;

  if v_new.state = 'closed' then
    -- Failures at the same moment may be one event, so a series must last; a rate needs enough calls;
    -- connections must have failed for several agents.
    v_opens := v_new.consecutive >= 5
        and coalesce(v_now - v_new.failing_since >= interval '5 seconds', false)
      or v_new.answered + v_new.failed >= 20 and v_new.failed >= v_new.answered
      or (
        select count(*) >= 2 from cogo.deployment_agents a
         where a.deployment = v_new.deployment
           and a.unreachable >= 3 and a.unreachable_at > v_now - interval '1 minute'
      );
  elsif v_trial = 'running' then
    v_new.trial_until := v_now + interval '15 seconds';
  elsif v_trial = 'answered' then
    v_new.state := 'closed';
    v_new.openings := 0;
    v_new.answered := 1;
    v_new.failed := 0;
    v_new.consecutive := 0;
    v_new.failing_since := null;
    update cogo.deployment_agents a set unreachable = 0
     where a.deployment = v_new.deployment and a.unreachable > 0;
  elsif v_trial = 'failed' then
    v_opens := true;
  elsif v_trial is not null then
    -- It ended without a result, for example by a cancellation: the next trial may begin.
    v_new.state := 'open';
    v_new.open_until := v_now;
  end if;
  if v_opens then
    v_new.state := 'open';
    v_new.open_until := v_now + make_interval(secs => least(60, 10 * 2 ^ least(v_new.openings, 3)));
    v_new.openings := v_new.openings + 1;
  end if;
  if v_new.state <> 'half_open' then
    v_new.trial_id := null;
    v_new.trial_agent := null;
    v_new.trial_until := null;
  end if;
  if v_new.state <> p_deployment.state then
    v_new.changed_at := v_now;
  end if;
  return v_new;
end;
$$;
comment on function cogo.evaluate_circuit is
  'Return the deployment with a report counted and its circuit evaluated.';

create or replace function cogo.record_report(p_agent_id text, p_report bigint, p_item jsonb)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_name text := p_item ->> 'deployment';
  v_unreachable integer := (p_item ->> 'unreachable')::integer;
  v_old cogo.deployments;
  v_new cogo.deployments;
  v_refund jsonb;
begin
  insert into cogo.deployments (deployment, model_id, provider)
  values (v_name, p_item ->> 'model_id', p_item ->> 'provider')
  on conflict do nothing;
  select d.* into v_old from cogo.deployments d where d.deployment = v_name for no key update;

  insert into cogo.deployment_agents as a (
    deployment, agent_id, report, unreachable, unreachable_at, concurrency, running
  ) values (
    v_name, p_agent_id, p_report, coalesce(v_unreachable, 0),
    case when v_unreachable > 0 then cogo.now() end,
    (p_item ->> 'concurrency')::integer, (p_item ->> 'running')::integer
  )
  on conflict (deployment, agent_id) do update
    set report = excluded.report,
        unreachable = coalesce(v_unreachable, a.unreachable),
        unreachable_at = case
          when v_unreachable > 0 then cogo.now() else a.unreachable_at
        end,
        concurrency = excluded.concurrency,
        running = excluded.running,
        reported_at = cogo.now()
  where a.report < excluded.report;
  if not found then
    return;
  end if;

  v_new := cogo.evaluate_circuit(v_old, p_item);
  update cogo.deployments d
     set state = v_new.state, open_until = v_new.open_until, openings = v_new.openings,
         not_before = v_new.not_before, trial_id = v_new.trial_id,
         trial_agent = v_new.trial_agent, trial_until = v_new.trial_until,
         answered = v_new.answered, failed = v_new.failed, counted_at = v_new.counted_at,
         consecutive = v_new.consecutive, failing_since = v_new.failing_since,
         last_error = v_new.last_error, last_error_at = v_new.last_error_at,
         changed_at = v_new.changed_at,
         model_id = coalesce(p_item ->> 'model_id', d.model_id)
   where d.deployment = v_name;
  if (v_new.state = 'closed') is distinct from (v_old.state = 'closed') then
    perform cogo.notify(
      'model-selection', 'MODEL_STATUS',
      jsonb_build_object(
        'model_id', v_new.model_id,
        'provider', v_new.provider,
        'deployment', v_new.deployment,
        'status', case v_new.state when 'closed' then 'available' else 'unavailable' end,
        'reason', case v_new.state
          when 'closed' then 'it answers again'
          else 'its circuit is open: ' || coalesce(v_new.last_error ->> 'message', 'it fails')
        end,
        'until', case when v_new.state <> 'closed' then cogo.iso_timestamp(v_new.open_until) end,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor(), 'cogo-model-selection'
    );
  end if;
  for v_refund in select jsonb_array_elements(coalesce(nullif(p_item -> 'given_back', 'null'), '[]'))
  loop
    update cogo.buckets b set tokens = b.tokens + (v_refund ->> 'amount')::float8
     where b.bucket = v_refund ->> 'bucket';
  end loop;
end;
$$;
comment on function cogo.record_report is
  'Count an agent''s report of a deployment, once, and refund what it drew too much.';

-- schemas/80_rpc_agents/10_claim.sql
-- Skips tasks and subtasks that are locked. Limits are read in a statement after the one that locks
-- them: an earlier snapshot would miss what the previous holder claimed.
create or replace function public.cogo_claim_subtasks(
  p_agent_id text,
  p_lanes text[],
  p_limit integer,
  p_lease_seconds numeric default 15,
  p_request_id uuid default null
)
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb
  )
  language plpgsql set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_lanes text[];
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_expired boolean;
  v_ids uuid[];
begin
  perform cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;

  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
     where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id;
    if v_ids is not null then
      return query select * from cogo.load_leases(v_ids);
      return;
    end if;
  end if;

  -- In most cases there is none of these, which one query of three indexes shows.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         )
    into v_limited, v_owners, v_due, v_expired;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  select array_agg(o.lane), array_agg(o.room) into v_lanes, v_rooms from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_ids is null then
    return;
  end if;

  -- Read the clock after the rows are locked, so that it is not before the end of an attempt which
  -- another agent closes now.
  with claimed as (
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = cogo.now() + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, cogo.now())
     where s.id = any (v_ids)
    returning s.id, s.task_id, s.attempt, s.lane
  )
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane, nullif(c.lane, 'cio'), cogo.now()
    from claimed c;
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;

  -- A task is pending until its PLAN is claimed, in lane cio.
  if 'cio' = any (p_lanes) then
    update public.cogo_tasks t
       set status = 'running', started_at = coalesce(t.started_at, cogo.now())
     where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
       and t.status = 'pending';
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.load_leases(v_ids);
end;
$$;
comment on function public.cogo_claim_subtasks is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits. The same p_request_id again returns the leases that still run.';

-- schemas/80_rpc_agents/20_extend.sql
-- Takes no task lock and skips locked rows: their leases keep their expiry, and the next extension
-- reports what became of them.
create or replace function public.cogo_extend_leases(
  p_agent_id text, p_leases jsonb, p_lease_seconds numeric default 15
)
  returns table (
    subtask_id uuid, attempt integer, answer text, lease_expires_at timestamptz
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_leases) is distinct from 'array' or p_lease_seconds is null
     or p_lease_seconds <= 0 then
    raise exception using errcode = 'TQ004',
      message = 'p_leases must be a list of {subtask_id, attempt} and p_lease_seconds positive';
  end if;

  return query
    with wanted as materialized (
      select l.ordinal,
             cogo.to_uuid(l.lease ->> 'subtask_id') as id,
             cogo.to_integer(l.lease ->> 'attempt') as attempt,
             l.lease -> 'checkpoint' as checkpoint
        from jsonb_array_elements(p_leases) with ordinality as l (lease, ordinal)
    ), locked as materialized (
      select s.id, s.attempt, s.cancel_requested_at is not null as is_cancelled
        from cogo.subtasks s
       where s.id in (select a.id from wanted a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and not k.is_cancelled
         and exists (select from wanted a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now
        from (
          select x.id, x.attempt from extended x
           union all
          -- Keep the last text of a cancelled one: watchers have seen it.
          select k.id, k.attempt from locked k where k.is_cancelled
        ) e
        join wanted a on a.id = e.id and a.attempt = e.attempt
       where jsonb_typeof(a.checkpoint) = 'object'
      on conflict (subtask_id) do update
        set attempt = excluded.attempt,
            content = excluded.content,
            reasoning = excluded.reasoning,
            updated_at = excluded.updated_at
    )
    select a.id, a.attempt,
           case
             when e.id is not null then 'ok'
             when s.id is null then 'lost'
             when s.cancel_requested_at is not null then 'cancel'
             else 'ok'
           end,
           coalesce(e.lease_expires_at, s.lease_expires_at)
      from wanted a
      left join extended e on e.id = a.id and e.attempt = a.attempt
      left join cogo.subtasks s
             on s.id = a.id and s.attempt = a.attempt and s.status = 'running'
            and s.agent_id = p_agent_id
     order by a.ordinal;
end;
$$;
comment on function public.cogo_extend_leases is
  'Extend leases and store their checkpoints. Per lease: ok, cancel (stop: the task is over) or lost
(stop: another agent has it). An expired lease that was not reaped is extended.';

-- schemas/80_rpc_agents/30_complete.sql
create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = ''
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$$;
comment on function public.cogo_complete_subtasks is
  'Record completions, each independently, and answer for each, in order: ok, duplicate (already
recorded), stale (no longer yours), closed (the task is over), unknown, or invalid (nothing written, see
detail). Repeat the call until it answers.';

-- schemas/80_rpc_agents/35_fail.sql
create or replace function public.cogo_fail_subtask(
  p_agent_id text,
  p_subtask_id uuid,
  p_attempt integer,
  p_error jsonb,
  p_action text default 'retry',
  p_retry_after_seconds numeric default null,
  p_usage jsonb default null
)
  returns table (
    subtask_id uuid, attempt integer, answer text, status text, run_at timestamptz, after_ms bigint
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_answer text;
  -- A failure can always be recorded: an unreadable error is reduced to its class and message.
  v_error constant jsonb := case when cogo.validate_json(p_error) is null then p_error
    else jsonb_build_object('class', p_error ->> 'class', 'message', p_error ->> 'message') end;
begin
  perform cogo.set_actor(p_agent_id);
  if p_action is null or p_action not in ('retry', 'reroute', 'give_up', 'snooze') then
    raise exception using
      errcode = 'TQ004', message = 'p_action must be retry, reroute, give_up or snooze';
  elsif jsonb_typeof(p_error) is distinct from 'object' or p_error ->> 'class' is null then
    raise exception using
      errcode = 'TQ004', message = 'p_error must be an object with class and message';
  end if;

  perform cogo.lock_tasks(array[p_subtask_id]);
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;
  select a.* into v_attempt
    from public.cogo_attempts a where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
  v_answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
  if v_answer = 'held' then
    perform cogo.fail_attempt(v_subtask, v_error, p_action, p_retry_after_seconds, p_usage);
  elsif v_answer = 'closing' then
    perform cogo.cancel_running(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'released' and v_attempt.error ->> 'class' <> 'released' then
    v_answer := 'snoozed';
  end if;

  return query
    select p_subtask_id, p_attempt,
           case
             when v_answer = 'held' then 'ok'
             when v_answer in ('failed', 'rerouted', 'snoozed') then 'duplicate'
             when v_answer in ('closing', 'cancelled') then 'closed'
             when v_answer = 'unknown' then 'unknown'
             else 'stale'
           end,
           s.status, s.run_at, cogo.elapsed_ms(cogo.now(), s.run_at)
      from (select) as always
      left join cogo.subtasks s on s.id = p_subtask_id;
end;
$$;
comment on function public.cogo_fail_subtask is
  'End a failed attempt: retry (after p_retry_after_seconds, at most a day, else backoff with full
jitter), reroute (another model), give_up (dead letter, the task fails), snooze (later, counts no
failure). Answers ok, duplicate, stale, closed or unknown, the status of the subtask, and in how many
milliseconds it may be claimed again.';

-- schemas/80_rpc_agents/40_release.sql
create or replace function public.cogo_release_subtasks(
  p_agent_id text, p_leases jsonb default null, p_reason text default 'drain',
  p_died boolean default false
)
  returns table (subtask_id uuid, attempt integer, answer text)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_leases jsonb := nullif(p_leases, 'null');
  v_lease jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
begin
  perform cogo.set_actor(p_agent_id);
  if v_leases is null then
    select coalesce(
             jsonb_agg(
               jsonb_build_object('subtask_id', s.id, 'attempt', s.attempt) order by s.seq
             ), '[]'
           ) into v_leases
      from cogo.subtasks s
     where s.status = 'running' and s.agent_id = p_agent_id;
  elsif jsonb_typeof(v_leases) <> 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_leases must be a list of {subtask_id, attempt}, or null';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(l.value ->> 'subtask_id') from jsonb_array_elements(v_leases) l)
  );

  for v_lease in select l.value from jsonb_array_elements(v_leases) l loop
    subtask_id := cogo.to_uuid(v_lease ->> 'subtask_id');
    attempt := cogo.to_integer(v_lease ->> 'attempt');
    select s.* into v_subtask from cogo.subtasks s where s.id = subtask_id;
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_lease ->> 'attempt');
    answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
    if answer = 'closing' then
      perform cogo.cancel_running(subtask_id, attempt, null);
    elsif answer = 'held' and p_died then
      perform cogo.take_back_lease(
        v_subtask, 'reaped',
        jsonb_build_object('class', 'worker_died', 'message', format('agent %s died', p_agent_id)),
        true
      );
    elsif answer = 'held' then
      perform cogo.take_back_lease(
        v_subtask, 'released', jsonb_build_object('class', 'released', 'message', p_reason), false
      );
    end if;
    answer := case
      when answer in ('held', 'closing') then 'ok' when answer = 'unknown' then 'unknown'
      else 'stale'
    end;
    return next;
  end loop;
end;
$$;
comment on function public.cogo_release_subtasks is
  'Release leases at once (null: all of the agent); answer ok, stale or unknown for each. A drain counts
no failure; p_died, for the supervisor of a process that died, counts as a reap.';

-- schemas/80_rpc_agents/50_reap.sql
create or replace function public.cogo_reap(p_limit integer default 100)
  returns table (reaped integer, dead integer, promoted integer, cancelled integer)
  language plpgsql set search_path = ''
as $$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    perform cogo.fail_task(
      v_task_id,
      jsonb_build_object('class', 'deadline', 'message', 'the deadline of the task has passed')
    );
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  return next;
end;
$$;
comment on function public.cogo_reap is
  'Do the housekeeping: expired leases, due subtasks, deadlines, expired answers. Every agent calls this
every few seconds.';

-- schemas/80_rpc_agents/60_agents.sql
create or replace function public.cogo_record_agent(p_agent jsonb)
  returns public.cogo_agents language sql set search_path = ''
  -- A time without an offset is UTC.
  set timezone = 'UTC'
as $$
  insert into public.cogo_agents as a (
    id, kind, lanes, capacity, running, version, host, pid, details, started_at, heartbeat_at,
    stopped_at
  )
  select p_agent ->> 'id',
         p_agent ->> 'kind',
         array(
           select jsonb_array_elements_text(coalesce(nullif(p_agent -> 'lanes', 'null'), '[]'))
         ),
         coalesce((p_agent ->> 'capacity')::integer, 0),
         coalesce((p_agent ->> 'running')::integer, 0),
         p_agent ->> 'version',
         p_agent ->> 'host',
         (p_agent ->> 'pid')::integer,
         coalesce(nullif(p_agent -> 'details', 'null'), '{}'),
         coalesce((p_agent ->> 'started_at')::timestamptz, cogo.now()),
         cogo.now(),
         case when p_agent ->> 'stopped_at' is not null then cogo.now() end
  on conflict (id) do update
    set kind = excluded.kind,
        lanes = excluded.lanes,
        capacity = excluded.capacity,
        running = excluded.running,
        version = excluded.version,
        host = excluded.host,
        pid = excluded.pid,
        details = excluded.details,
        started_at = coalesce((p_agent ->> 'started_at')::timestamptz, a.started_at),
        heartbeat_at = excluded.heartbeat_at,
        stopped_at = excluded.stopped_at
  returning a.*;
$$;
comment on function public.cogo_record_agent is
  'Record the heartbeat of an agent with what it serves. The database sets the time.';

-- `truncate` creates a new file, which fails on a full disk, whereas an update may find room in an
-- old one. Calls within five seconds, or at the same time, use the last result.
create or replace function public.cogo_check_writes()
  returns table (at timestamptz)
  language plpgsql set search_path = ''
as $$
begin
  if not exists (
    select 1 from cogo.write_checks c
     where c.at between cogo.now() - interval '5 seconds' and cogo.now()
  ) and pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('cogo.write_checks')) then
    truncate cogo.write_checks;
    insert into cogo.write_checks default values;
  end if;
  return query select coalesce(max(c.at), cogo.now()) from cogo.write_checks c;
end;
$$;
comment on function public.cogo_check_writes is
  'For health checks: write something that needs room on the disk; fail if the database cannot write.';

-- schemas/80_rpc_agents/70_models.sql
create or replace function public.cogo_model_knowledge(p_agent_id text)
  returns table (outcomes jsonb, health jsonb, controls jsonb, policies jsonb)
  language plpgsql set search_path = ''
as $$
begin
  perform cogo.set_actor(p_agent_id);
  perform cogo.update_model_health();
  return query
    select coalesce(
             (
               select jsonb_agg(
                        jsonb_build_object(
                          'model_id', m.model_id,
                          'task_type', m.task_type,
                          'after', to_jsonb(m.after),
                          'judged', m.judged * f.weight,
                          'good', m.good * f.weight,
                          'checked', m.checked * f.weight,
                          'passed', m.passed * f.weight,
                          'passed_good', m.passed_good * f.weight,
                          'total_ms', m.total_ms / nullif(m.answered, 0),
                          'first_token_ms', m.first_token_ms / nullif(m.streamed, 0),
                          'cost_usd', m.cost_usd / nullif(m.priced, 0)
                        )
                      )
                 from cogo.model_outcomes m
                cross join lateral (
                  select cogo.decay(m.counted_at, cogo.now(), 604800) as weight
                ) as f
                where m.judged * f.weight >= 0.5
             ), '[]'
           ),
           coalesce(
             (
               select jsonb_object_agg(h.model_id, h.health)
                 from cogo.model_health h where h.health <> 'ok'
             ), '{}'
           ),
           coalesce((select jsonb_agg(to_jsonb(c) order by c.set_at) from cogo.controls c), '[]'),
           coalesce((select jsonb_object_agg(p.owner, p.policy) from cogo.policies p), '{}');
end;
$$;
comment on function public.cogo_model_knowledge is
  'Return what orchestrators select models by: outcomes by model and type of task (decayed sums and
means), models that are not ok, controls and policies. Counts the attempts that ended first.';

create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections language plpgsql set search_path = ''
as $$
declare
  v_task_id uuid;
  v_subtask_id uuid;
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.set_actor(p_selection ->> 'agent_id');
  end if;
  -- The request may name a task that does not exist (yet). A refusal is not stored with its task.
  select t.id into v_task_id
    from public.cogo_tasks t
   where t.id = cogo.to_uuid(p_selection ->> 'task_id')
     and p_selection ->> 'selected_model' is not null
     for key share;
  select s.id into v_subtask_id
    from cogo.subtasks s
   where s.id = cogo.to_uuid(p_selection ->> 'subtask_id') and s.task_id = v_task_id
     for key share;
  return cogo.record_selection(p_selection, v_task_id, v_subtask_id);
end;
$$;
comment on function public.cogo_record_selection is
  'Store and announce the answer to a request on model-selection: a model, or without selected_model the
reason why there is none. A task_id or subtask_id that does not exist is announced but not stored.';

-- schemas/80_rpc_agents/80_circuits.sql
create or replace function public.cogo_report_calls(
  p_agent_id text, p_report bigint, p_items jsonb default '[]'
)
  returns table (deployment text, state text, wait_seconds numeric, resting boolean)
  language plpgsql set search_path = ''
as $$
declare
  v_item jsonb;
begin
  perform cogo.set_actor(p_agent_id);
  if p_report is null or jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_report must be a number, p_items an array of objects';
  end if;
  -- In a fixed order, so that two reports cannot deadlock.
  for v_item in
    select i.item from jsonb_array_elements(p_items) as i (item)
     where i.item ->> 'deployment' is not null
     order by i.item ->> 'deployment'
  loop
    perform cogo.record_report(p_agent_id, p_report, v_item);
  end loop;
  return query
    select d.deployment, d.state, cogo.circuit_wait_seconds(d, cogo.now()), d.not_before > cogo.now()
      from cogo.deployments d
     where d.state <> 'closed' or d.not_before > cogo.now();
end;
$$;
comment on function public.cogo_report_calls is
  'Count an agent''s calls since its last report; return the deployments that may not be called freely.
Items: deployment, model_id, provider, answered, failed, in_a_row (failures since the last answer),
unreachable (failed connections in a row), retry_after_seconds, error, concurrency, running, trial
(running, answered, failed, void) with trial_id, given_back (bucket, amount).';

create or replace function public.cogo_take_trial(
  p_agent_id text, p_deployment text, p_trial_id uuid
)
  returns table (granted boolean, state text, wait_seconds numeric)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments;
begin
  select d.* into v_deployment
    from cogo.deployments d where d.deployment = p_deployment for no key update;
  if v_deployment.not_before > v_now then
    return query
      select false, v_deployment.state, cogo.circuit_wait_seconds(v_deployment, v_now);
    return;
  end if;
  if v_deployment.state = 'open' and v_deployment.open_until <= v_now
     or v_deployment.state = 'half_open' and v_deployment.trial_until <= v_now then
    update cogo.deployments d
       set state = 'half_open',
           trial_id = p_trial_id,
           trial_agent = p_agent_id,
           trial_until = v_now + interval '15 seconds'
     where d.deployment = p_deployment
    returning d.* into v_deployment;
  end if;
  return query
    select coalesce(v_deployment.state, 'closed') = 'closed'
             or v_deployment.state = 'half_open'
                and v_deployment.trial_id is not distinct from p_trial_id,
           coalesce(v_deployment.state, 'closed'),
           coalesce(cogo.circuit_wait_seconds(v_deployment, v_now), 0);
end;
$$;
comment on function public.cogo_take_trial is
  'Request the single trial call of a deployment whose circuit is open. Reports keep it; 15 seconds
after the last one another agent may take it. The same p_trial_id gets the same answer.';

create or replace function public.cogo_draw(p_request_id uuid, p_draws jsonb)
  returns table (granted boolean, wait_seconds numeric)
  language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  if p_request_id is null or jsonb_typeof(p_draws) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_request_id must be a uuid, p_draws an array of objects';
  end if;
  insert into cogo.buckets (bucket)
  select d ->> 'bucket' from jsonb_array_elements(p_draws) d order by 1
  on conflict do nothing;
  perform from cogo.buckets b
    where b.bucket in (select d ->> 'bucket' from jsonb_array_elements(p_draws) d)
    order by b.bucket
      for no key update;
  if exists (
    select from cogo.buckets b
      join jsonb_array_elements(p_draws) d on d ->> 'bucket' = b.bucket
     where b.request_id = p_request_id
  ) then
    return query select true, 0::numeric;
    return;
  end if;

  return query
    with draws as materialized (
      select b.bucket,
             (d ->> 'amount')::float8 as amount,
             (d ->> 'per_minute')::integer as per_minute,
             cogo.available_tokens(
               (d ->> 'per_minute')::integer, b.tokens, b.refilled_at, v_now
             ) as left,
             -- A full bucket grants more than it holds; the rest is repaid by waiting.
             least(
               (d ->> 'amount')::float8,
               cogo.available_tokens((d ->> 'per_minute')::integer, null, null, v_now)
             ) as needed
        from jsonb_array_elements(p_draws) d
        join cogo.buckets b on b.bucket = d ->> 'bucket'
    ), decision as materialized (
      select bool_and(w.left >= w.needed) as granted,
             max(greatest(0, (w.needed - w.left) * 60 / w.per_minute)) as seconds
        from draws w
    ), taken as (
      update cogo.buckets b
         set tokens = w.left - w.amount, refilled_at = v_now, request_id = p_request_id
        from draws w, decision v
       where v.granted and b.bucket = w.bucket
    )
    select coalesce(v.granted, true), round(coalesce(v.seconds, 0)::numeric, 3) from decision v;
end;
$$;
comment on function public.cogo_draw is
  'Draw from token buckets (bucket, per_minute, amount), from all or from none; then wait_seconds says
when to try again. cogo_report_calls refunds what was too much.';

-- schemas/80_rpc_agents/90_cache.sql
create or replace function public.cogo_cached_answer(p_key text)
  returns table (answer jsonb, created_at timestamptz)
  language sql set search_path = ''
as $$
  update cogo.cached_answers c
     set hits = c.hits + 1
   where c.key = p_key and c.expires_at > cogo.now()
  returning c.answer, c.created_at;
$$;
comment on function public.cogo_cached_answer is
  'Return the cached answer of a key that has not expired, or no row.';

create or replace function public.cogo_cache_answer(
  p_key text, p_owner uuid, p_model_id text, p_answer jsonb, p_seconds integer
)
  returns table (key text, expires_at timestamptz)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  if coalesce(p_key, '') = '' or p_seconds is null or p_seconds <= 0
     or jsonb_typeof(p_answer) is distinct from 'object' then
    raise exception using
      errcode = 'TQ004', message = 'p_key must be given, p_answer an object, p_seconds 1 or more';
  end if;
  return query
    insert into cogo.cached_answers as c (key, owner, model_id, answer, expires_at)
    values (
      p_key, p_owner, p_model_id, p_answer, cogo.now() + make_interval(secs => p_seconds)
    )
    on conflict (key) do update
      set answer = excluded.answer,
          created_at = cogo.now(),
          expires_at = excluded.expires_at
    returning c.key, c.expires_at;
end;
$$;
comment on function public.cogo_cache_answer is
  'Cache an answer for p_seconds; housekeeping deletes it after that.';

-- schemas/80_rpc_agents/95_embeddings.sql
create or replace function public.cogo_keep_embeddings(p_owner uuid, p_items jsonb)
  returns table (place integer, id uuid, is_new boolean)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  if jsonb_typeof(p_items) is distinct from 'array' or exists (
    select from jsonb_array_elements(p_items) i
     where coalesce(i ->> 'model_id', '') = '' or i ->> 'content' is null
        or jsonb_typeof(i -> 'vector') is distinct from 'array'
        or jsonb_array_length(i -> 'vector') = 0
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_items must be an array of objects with model_id, content and vector';
  end if;
  perform cogo.check_size('model_id', length(i ->> 'model_id'), 255),
          cogo.check_size('content', octet_length(i ->> 'content'), 1048576, 'bytes'),
          cogo.check_size('source', length(i ->> 'source'), 4096)
     from jsonb_array_elements(p_items) i;
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'model_id' as model_id,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             coalesce((i.item ->> 'simulated')::boolean, false) as simulated,
             array(
               select n.number::real
                 from jsonb_array_elements_text(i.item -> 'vector')
                      with ordinality as n (number, place)
                order by n.place
             ) as vector
        from jsonb_array_elements(p_items) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_embeddings as e (
        owner, model_id, dimensions, simulated, content_sha256, content, source, vector
      )
      -- The same text twice is one row. In a fixed order, so that two writers cannot deadlock.
      select distinct on (i.model_id, cardinality(i.vector), i.simulated, i.sha256)
             p_owner, i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.content,
             i.source, i.vector
        from items i
       order by i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.place
      on conflict on constraint cogo_embeddings_once do update
        set vector = excluded.vector, source = coalesce(excluded.source, e.source)
      returning e.id, e.model_id, e.dimensions, e.simulated, e.content_sha256, (e.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i
      join kept k
        on k.model_id = i.model_id and k.dimensions = cardinality(i.vector)
       and k.simulated = i.simulated and k.content_sha256 = i.sha256
     order by i.place;
end;
$$;
comment on function public.cogo_keep_embeddings is
  'Store vectors with their texts (model_id, content, vector, source, simulated) for an owner or, if
null, for nobody; return the id of each, by place. A text that is stored already gets the new
vector.';

create or replace function public.cogo_nearest_embeddings(
  p_owner uuid,
  p_model_id text,
  p_vector real[],
  p_limit integer default 10,
  p_simulated boolean default false
)
  returns table (
    id uuid, content text, source text, likeness double precision, created_at timestamptz
  )
  language sql stable set search_path = ''
as $$
  select e.id, e.content, e.source, l.likeness, e.created_at
    from public.cogo_embeddings e
   cross join lateral (
     select sum(n.a::float8 * n.b)
              / nullif(sqrt(sum(n.a::float8 * n.a)) * sqrt(sum(n.b::float8 * n.b)), 0) as likeness
       from unnest(e.vector, p_vector) as n (a, b)
   ) as l
   where e.owner is not distinct from p_owner
     and e.model_id = p_model_id
     and e.dimensions = cardinality(p_vector)
     and e.simulated = p_simulated
   order by l.likeness desc nulls last, e.created_at, e.id
   limit greatest(0, least(coalesce(p_limit, 10), 1000));
$$;
comment on function public.cogo_nearest_embeddings is
  'Return the stored texts of an owner (null: of nobody) most similar to a vector of the same model and
dimensions; 1 is the same direction. Compares every row: beyond some 100,000 index with pgvector.';

-- schemas/85_spending/10_periods.sql
create or replace function cogo.period_start(p_per text, p_now timestamptz)
  returns timestamptz language sql stable
  return case p_per
    when 'ever' then 'epoch'::timestamptz
    else date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'
  end;
comment on function cogo.period_start is
  'Return when the current day or month (UTC) of a budget began; for ever: the epoch.';

-- Days and months are added to a timestamp without time zone: added to a timestamptz they would be
-- those of the session's time zone.
create or replace function cogo.period_end(p_per text, p_now timestamptz)
  returns timestamptz language sql stable
  return case
    when p_per in ('day', 'month') then (
      date_trunc(p_per, p_now at time zone 'utc') + ('1 ' || p_per)::interval
    ) at time zone 'utc'
  end;
comment on function cogo.period_end is
  'Return when the current day or month (UTC) of a budget ends; null: never.';

-- Security definer: agents may not read auth.users. A project without Supabase Auth, or with an
-- Auth without anonymous sign-ins, has none.
create or replace function cogo.is_anonymous(p_owner uuid)
  returns boolean language plpgsql stable security definer set search_path = ''
as $$
begin
  if to_regclass('auth.users') is null or not exists (
    select from pg_catalog.pg_attribute a
     where a.attrelid = to_regclass('auth.users') and a.attname = 'is_anonymous'
  ) then
    return false;
  end if;
  return exists (select from auth.users u where u.id = p_owner and u.is_anonymous);
end;
$$;
comment on function cogo.is_anonymous is 'Return whether an owner signed in anonymously.';

create or replace function cogo.budget_key(p_owner uuid)
  returns text language sql stable
  return case
    when p_owner is null then '00000000-0000-0000-0000-000000000000'
    when exists (
      select from cogo.budgets b
       where b.scope = 'owner' and b.key = p_owner::text and not b.is_default
    ) then p_owner::text
    when exists (select from cogo.budgets b where b.scope = 'owner' and b.key in ('*', 'anonymous'))
      and cogo.is_anonymous(p_owner) then 'anonymous'
    else p_owner::text
  end;
comment on function cogo.budget_key is
  'Return the key of the cap of an owner: anonymous sign-ins without a cap of their own share one.';

create or replace function cogo.reserved_usd(p_scope text, p_key text)
  returns numeric language sql stable set search_path = ''
as $$
  select coalesce(sum(r.usd), 0)
    from cogo.reservations r
   where case p_scope
           when 'total' then true
           when 'owner' then p_key in (r.owner::text, r.budget_key)
           when 'provider' then r.provider = p_key
           when 'task' then r.task_id = p_key::uuid
         end
     and (r.subtask_id is not null or r.made_at > cogo.now() - interval '1 hour');
$$;
comment on function cogo.reserved_usd is
  'Return the maximum cost of the running calls that count towards a cap.';

create or replace function cogo.spent_usd(p_scope text, p_key text, p_since timestamptz)
  returns numeric language sql stable set search_path = ''
as $$
  select coalesce(sum(c.cost_usd), 0)
    from public.cogo_calls c
   where c.started_at >= p_since
     and case
       when p_scope = 'total' then true
       when p_scope = 'provider' then c.provider = p_key
       when p_key = 'anonymous' then cogo.is_anonymous(c.owner)
       -- The default is no cap itself.
       when p_key = '*' then false
       else c.owner is not distinct from nullif(p_key, '00000000-0000-0000-0000-000000000000')::uuid
     end;
$$;
comment on function cogo.spent_usd is
  'Return the cost since p_since of the calls that count towards a cap, from the audit log.';

-- schemas/85_spending/20_caps.sql
create or replace function cogo.lock_budgets(p_owner_key text, p_provider text)
  returns setof cogo.budgets language plpgsql set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below. A second transaction that does the same waits for the first.
  if p_owner_key <> '00000000-0000-0000-0000-000000000000' and not exists (
    select from cogo.budgets b
     where b.scope = 'owner' and b.key = p_owner_key and not b.is_default
  ) then
    insert into cogo.budgets (
      scope, key, per, limit_usd, allow_unpriced, is_default, period_start, spent_usd
    )
    select 'owner', p_owner_key, d.per, d.limit_usd, d.allow_unpriced, true,
           cogo.period_start(d.per, v_now),
           cogo.spent_usd('owner', p_owner_key, cogo.period_start(d.per, v_now))
      from cogo.budgets d
     where d.scope = 'owner' and d.key = '*'
       and not exists (
         select from cogo.budgets b
          where b.scope = 'owner' and b.key = p_owner_key and b.per = d.per
       )
     order by d.per
    on conflict do nothing;
  end if;
  perform
     from cogo.budgets b
    where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    returning b.*;
end;
$$;
comment on function cogo.lock_budgets is
  'Lock the caps that apply to a call, by key, and begin new periods; return them. An owner without
a cap of their own gets the default one.';

create or replace function cogo.evaluate_cap(
  p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean,
  p_spent numeric, p_usd numeric,
  out answer text, out scope text, out detail text, out resets_at timestamptz
)
  language plpgsql stable set search_path = ''
as $$
declare
  v_reserved numeric := cogo.reserved_usd(p_scope, p_key);
  v_name text := case p_scope
    when 'task' then 'the task''s budget'
    when 'total' then 'the cap on everything'
    else case p_key
      when 'anonymous' then 'the cap that all anonymous sign-ins share'
      when '00000000-0000-0000-0000-000000000000' then 'the cap on tasks without an owner'
      else format('the cap of %s %s', p_scope, p_key)
    end
  end;
begin
  if p_usd is null then
    if p_allow_unpriced then
      return;
    end if;
    answer := 'refused';
    detail := format(
      '%s is $%s, and the price of this model is not known; '
      'give it one in cogo.toml, or allow it: `cogo budget set ... --allow-unpriced`',
      v_name, trim_scale(p_limit)
    );
  elsif p_spent + v_reserved + p_usd > p_limit then
    resets_at := cogo.period_end(p_per, cogo.now());
    -- Running calls rarely cost all that is reserved for them, so waiting may help.
    answer := case when v_reserved > 0 and p_spent + p_usd <= p_limit then 'wait' else 'refused' end;
    detail := format(
      '%s is $%s%s: $%s are spent, $%s are reserved for calls that run, $%s are left, and this call '
      'may cost up to $%s%s%s',
      v_name, trim_scale(p_limit), case when p_per <> 'ever' then ' a ' || p_per else '' end,
      round(p_spent, 6), round(v_reserved, 6), round(greatest(p_limit - p_spent - v_reserved, 0), 6),
      round(p_usd, 6),
      case when p_scope = 'task' then
        format(
          '; a budget of $%s would be enough',
          round(ceil((p_spent + v_reserved + p_usd) * 1e6) / 1e6, 6)
        )
      end,
      '; it resets at ' || cogo.iso_timestamp(resets_at)
    );
  end if;
  scope := case when answer is not null then p_scope end;
end;
$$;
comment on function cogo.evaluate_cap is
  'Return why a cap stops a call: refused, or wait if it only waits for running calls.';

-- schemas/85_spending/30_calls.sql
-- Locks the attempt (so that it cannot end meanwhile), the task's budget, then the caps by key.
-- Spending is read afterwards: an earlier snapshot would miss that of the previous holder.
create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
  returns table (answer text, scope text, detail text, resets_at timestamptz)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_item constant jsonb := cogo.sanitize_usage(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_item);
  v_usd numeric := case when v_call.simulated then 0 else (v_item ->> 'max_usd')::numeric end;
  v_budget numeric;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.set_actor(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      return query select 'stale', null::text, 'the attempt is over', null::timestamptz;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    return query select 'ok', null::text, null::text, null::timestamptz;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'not_granted', null::text, detail, null::timestamptz;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'banned', null::text, detail, null::timestamptz;
    return;
  end if;

  select t.budget_usd into v_budget from public.cogo_tasks t where t.id = v_call.task_id;
  if v_budget is not null and v_call.simulated is not true then
    perform pg_advisory_xact_lock(hashtextextended('cogo.budget ' || v_call.task_id::text, 0));
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        'task', v_call.task_id::text, 'ever', v_budget, false,
        (
          select coalesce(sum(c.cost_usd), 0)
            from public.cogo_calls c where c.task_id = v_call.task_id
        ),
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(v_key, v_call.provider) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd, v_cap.allow_unpriced, v_cap.spent_usd,
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end loop;

  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd
  )
  on conflict do nothing;
  return query select 'ok', null::text, null::text, null::timestamptz;
end;
$$;
comment on function public.cogo_begin_call is
  'Begin a call to a model: reserve its maximum cost (max_usd) under every cap that applies; none
applies to a simulated call. Answers ok, refused or wait (a cap, see scope and detail), not_granted,
banned, or stale. After ok report the end with cogo_end_call; otherwise the call is lost with its
attempt.';

create or replace function public.cogo_end_call(p_agent_id text, p_call jsonb)
  returns table (booked boolean)
  language plpgsql set search_path = ''
as $$
declare
  v_call public.cogo_calls := jsonb_populate_record(
    null::public.cogo_calls, cogo.sanitize_usage(p_call)
  );
  v_began timestamptz;
  v_caps cogo.budgets[];
begin
  perform cogo.set_actor(p_agent_id);
  v_caps := array(
    select b from cogo.lock_budgets(cogo.budget_key(v_call.owner), v_call.provider) b
  );
  delete from cogo.reservations r where r.call_id = v_call.id returning r.made_at into v_began;

  v_call.agent_id := p_agent_id;
  v_call.simulated := coalesce(v_call.simulated, false);
  if v_call.simulated then
    v_call.cost_usd := 0;
  end if;
  v_call.ended_at := cogo.now();
  -- Without its reservation (its attempt has ended) only the caller knows the duration.
  v_call.started_at := coalesce(
    v_began, cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
  );
  insert into public.cogo_calls select v_call.* on conflict do nothing;
  booked := found;
  if booked and v_call.cost_usd > 0 then
    update cogo.budgets b
       set spent_usd = b.spent_usd + v_call.cost_usd
      from unnest(v_caps) as held
     where (b.scope, b.key, b.per) = (held.scope, held.key, held.per);
  end if;
  return next;
end;
$$;
comment on function public.cogo_end_call is
  'End a call to a model: write its audit row, add its cost to every cap that applies and free its
reservation. booked is false if this was done before.';

-- schemas/85_spending/40_budgets.sql
create or replace function public.cogo_budgets()
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language sql stable set search_path = ''
as $$
  select b.scope, b.key, b.per, b.limit_usd, b.allow_unpriced,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.spent_usd end,
         cogo.reserved_usd(b.scope, b.key),
         cogo.period_end(b.per, cogo.now()), b.is_default
    from cogo.budgets b
   order by b.scope, b.key, b.per;
$$;
comment on function public.cogo_budgets is
  'Return the spending caps: spent in this period, reserved by running calls, and when they reset.
Owners without a cap of their own appear with the default one (is_default) after their first call.';

create or replace function public.cogo_set_budget(
  p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean default false
)
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider')
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for owners without a cap) or provider (its id), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  -- A new cap includes the cost so far in its period.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false;
  if p_scope = 'owner' then
    -- An owner with a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false)
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$$;
comment on function public.cogo_set_budget is
  'Cap spending in US dollars: in total, of an owner or at a provider, per day, month (UTC) or ever.
Key * of scope owner caps each owner without a cap of their own; anonymous caps anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced.';

create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
  returns table (removed boolean)
  language plpgsql set search_path = ''
as $$
begin
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  return next;
end;
$$;
comment on function public.cogo_remove_budget is 'Remove a cap; removed says whether there was one.';

-- schemas/88_rpc_operators/10_lanes.sql
create or replace function public.cogo_set_lane(
  p_lane text,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    lane text, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  if coalesce(p_lane, '') = '' or p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_lane must name a lane, p_max_running be 0 or more, p_per_minute 1 or more;'
        ' -1 removes a limit';
  end if;
  insert into cogo.lanes as l (lane, paused, max_running, per_minute)
  values (
    p_lane, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (lane) do update
    set paused = coalesce(p_paused, l.paused),
        max_running = nullif(coalesce(p_max_running, l.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, l.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then l.refilled_at end;

  -- Queued subtasks may be claimable now; a needless message costs little.
  perform cogo.notify_lanes(
    array(select s.id from cogo.subtasks s where s.status = 'queued' and s.lane = p_lane limit 1)
  );
  return query
    select l.lane, l.paused, l.max_running, l.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.lane = p_lane
           )
      from cogo.lanes l where l.lane = p_lane;
end;
$$;
comment on function public.cogo_set_lane is
  'Pause, resume or limit a lane. Null leaves a setting as it is, -1 removes a limit. A paused lane
drains: running subtasks, which running counts, are finished, and nothing is claimed.';

-- schemas/88_rpc_operators/20_owners.sql
create or replace function public.cogo_set_owner(
  p_owner uuid,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    owner uuid, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using errcode = 'TQ004',
      message = 'p_max_running must be 0 or more, p_per_minute 1 or more; -1 removes a limit';
  end if;
  insert into cogo.owners as o (owner, paused, max_running, per_minute)
  values (
    v_owner, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (owner) do update
    set paused = coalesce(p_paused, o.paused),
        max_running = nullif(coalesce(p_max_running, o.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, o.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then o.refilled_at end;

  -- A subtask that is inserted meanwhile stays unmarked; limits apply to it as well, at a higher cost.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set regulated = true
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.finished_at is null and not s.regulated;
  -- Turns that the lane has passed meanwhile are assigned anew; otherwise the owner's subtasks
  -- would all be served before everybody else's.
  update cogo.subtasks s
     set level = s.level
    from public.cogo_tasks t, cogo.lane_clocks k
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and k.lane = s.lane and s.turn - 100 * s.level < k.round;
  -- Queued subtasks may be claimable now; a needless message costs little.
  perform cogo.notify_lanes(
    array(
      select distinct on (s.lane) s.id
        from public.cogo_tasks t
        join cogo.subtasks s on s.task_id = t.id
       where t.owner is not distinct from p_owner and t.finished_at is null
         and s.status = 'queued'
       order by s.lane
    )
  );
  return query
    select nullif(o.owner, '00000000-0000-0000-0000-000000000000'), o.paused, o.max_running,
           o.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.owner = v_owner
           )
      from cogo.owners o where o.owner = v_owner;
end;
$$;
comment on function public.cogo_set_owner is
  'Pause, resume or limit an owner (null: tasks without one). Null leaves a setting as it is, -1
removes a limit. Running subtasks of a paused owner, which running counts, are finished.';

-- schemas/88_rpc_operators/30_queue.sql
-- Reads only open subtasks (each branch has a partial index) and the attempts of the last five
-- minutes, so its cost does not grow with the history.
create or replace function public.cogo_queue()
  returns table (
    lane text, owner uuid, queued bigint, blocked bigint, delayed bigint, waiting bigint,
    held bigint, running bigint, dead bigint, oldest_at timestamptz, oldest_ms bigint,
    completed_per_minute numeric, failed_per_minute numeric,
    lane_paused boolean, lane_max_running integer, lane_per_minute integer,
    owner_paused boolean, owner_max_running integer, owner_per_minute integer
  )
  language sql stable set search_path = ''
as $$
  with open as (
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'queued'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'blocked'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'running'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'delayed'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status in ('waiting', 'held')
     union all
    select s.lane, s.owner, 'dead', null
      from cogo.subtasks s where s.dead_at is not null
  ), counts as (
    select o.lane, o.owner,
           count(*) filter (where o.status = 'queued') as queued,
           count(*) filter (where o.status = 'blocked') as blocked,
           count(*) filter (where o.status = 'delayed') as delayed,
           count(*) filter (where o.status = 'waiting') as waiting,
           count(*) filter (where o.status = 'held') as held,
           count(*) filter (where o.status = 'running') as running,
           count(*) filter (where o.status = 'dead') as dead,
           min(o.created_at) filter (where o.status = 'queued') as oldest_at
      from open o
     group by o.lane, o.owner
  ), rates as (
    select a.lane, s.owner,
           round(count(*) filter (where a.outcome = 'completed') / 5.0, 1) as completed,
           round(count(*) filter (where a.outcome in ('failed', 'reaped')) / 5.0, 1) as failed
      from public.cogo_attempts a
      join cogo.subtasks s on s.id = a.subtask_id
     where a.ended_at > (select cogo.now()) - interval '5 minutes'
     group by a.lane, s.owner
  )
  select lane, nullif(owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(q.queued, 0), coalesce(q.blocked, 0), coalesce(q.delayed, 0),
         coalesce(q.waiting, 0), coalesce(q.held, 0), coalesce(q.running, 0), coalesce(q.dead, 0),
         q.oldest_at, cogo.elapsed_ms(q.oldest_at, cogo.now()),
         coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from counts q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
$$;
comment on function public.cogo_queue is
  'For operators, per lane and owner: subtasks by status, age of the oldest queued one, dead letters,
ended attempts per minute (over five minutes), limits.';

-- schemas/88_rpc_operators/40_controls.sql
create or replace function public.cogo_control_model(
  p_action text,
  p_subject text,
  p_lanes text[] default '{}',
  p_scope text default 'everywhere',
  p_reason text default null,
  p_who text default null
)
  returns table (subject text, action text, scope text, was text, restamped integer)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_reason text := coalesce(nullif(p_reason, ''), 'set by ' || v_who);
  v_old text;
  v_pinned text;
  v_restamped integer := 0;
begin
  if p_action is null or p_action not in ('pin', 'ban', 'drain', 'allow') then
    raise exception using errcode = 'TQ004', message = 'p_action must be pin, ban, drain or allow';
  elsif coalesce(p_subject, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_subject must name a model or a provider';
  elsif p_scope is null or not (
    p_scope = 'everywhere' or p_scope like 'task_type:_%'
    or p_scope like 'owner:%' and cogo.to_uuid(substr(p_scope, length('owner:') + 1)) is not null
  ) then
    raise exception using
      errcode = 'TQ004', message = 'p_scope must be everywhere, owner:<uuid> or task_type:<type>';
  end if;
  -- Serializes operators, and orchestrators that received the same message.
  perform pg_advisory_xact_lock(hashtextextended('cogo.controls', 0));

  select c.action into v_old
    from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  if p_action = 'allow' then
    delete from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  elsif v_old is distinct from p_action then
    if p_action = 'pin' then
      delete from cogo.controls c where c.scope = p_scope and c.action = 'pin'
      returning c.subject into v_pinned;
    end if;
    insert into cogo.controls as c (scope, subject, action, reason, who)
    values (p_scope, p_subject, p_action, v_reason, v_who)
    on conflict (scope, subject) do update
      set action = excluded.action, reason = excluded.reason, who = excluded.who,
          set_at = cogo.now();
    v_restamped := cogo.restamp_subtasks(
      p_action, coalesce(nullif(p_lanes, '{}'), array[p_subject]), p_scope, v_reason, v_who
    );
  end if;
  if coalesce(v_old, 'allow') <> p_action then
    perform cogo.record_switch(
      'control', p_subject, p_scope, coalesce(v_old, 'allow'), p_action, v_reason,
      jsonb_strip_nulls(
        jsonb_build_object('restamped', v_restamped, 'pinned_before', v_pinned)
      ), v_who
    );
  end if;
  return query
    select p_subject, p_action, p_scope, coalesce(v_old, 'allow'), v_restamped;
end;
$$;
comment on function public.cogo_control_model is
  'For operators: pin, ban, drain or allow a model or provider everywhere, for an owner:<uuid> or a
task_type:<type>. Running subtasks are finished; waiting ones (in p_lanes: the models of a provider) are
stamped again. Repeating a call changes nothing.';

create or replace function public.cogo_set_policy(
  p_policy text, p_owner uuid default null, p_who text default null
)
  returns table (policy text, owner uuid, was text)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_old text;
begin
  if p_policy = '' or length(p_policy) > 100 then
    raise exception using
      errcode = 'TQ004', message = 'p_policy must name a policy; null removes it';
  end if;
  select p.policy into v_old from cogo.policies p where p.owner = v_owner;
  if p_policy is null then
    delete from cogo.policies p where p.owner = v_owner;
  else
    insert into cogo.policies as p (owner, policy, who)
    values (v_owner, p_policy, v_who)
    on conflict (owner) do update
      set policy = excluded.policy, who = excluded.who, set_at = cogo.now();
  end if;
  if v_old is distinct from p_policy then
    perform cogo.record_switch(
      'policy', 'policy', case when p_owner is null then 'everywhere' else 'owner:' || p_owner end,
      coalesce(v_old, 'default'), coalesce(p_policy, 'default'), 'set by ' || v_who, null, v_who
    );
  end if;
  return query select p_policy, p_owner, v_old;
end;
$$;
comment on function public.cogo_set_policy is
  'For operators: set the selection policy of an owner''s tasks, or without p_owner the default;
null removes it. A task may still name its own.';

-- schemas/88_rpc_operators/50_reports.sql
create or replace function public.cogo_model_report(p_since timestamptz default null)
  returns table (
    model_id text, health text, reason text, since timestamptz, selections bigint,
    attempts bigint, completed bigint, failed bigint, availability numeric,
    first_token_ms_p50 double precision, duration_ms_p50 double precision,
    duration_ms_p95 double precision, input_tokens bigint, output_tokens bigint,
    cost_usd numeric, ratings bigint, satisfaction numeric, simulated boolean
  )
  language sql stable set search_path = ''
as $$
  with bounds as (
    select coalesce(p_since, cogo.now() - interval '1 day') as since
  ), attempted as (
    select a.model_id, a.simulated, count(*) as attempts,
           count(*) filter (where a.outcome = 'completed') as completed,
           count(*) filter (where a.outcome in ('failed', 'rerouted')) as failed,
           percentile_cont(0.5) within group (order by a.first_token_ms) as first_token_ms_p50,
           percentile_cont(0.5) within group (order by a.duration_ms) as duration_ms_p50,
           percentile_cont(0.95) within group (order by a.duration_ms) as duration_ms_p95,
           coalesce(sum(a.input_tokens + coalesce(a.cached_tokens, 0)), 0)::bigint as input_tokens,
           coalesce(sum(a.output_tokens), 0)::bigint as output_tokens,
           sum(a.cost_usd) as cost_usd
      from public.cogo_attempts a, bounds b
     where a.ended_at > b.since and a.model_id is not null
     group by a.model_id, a.simulated
  ), chosen as (
    select m.selected_model as model_id, coalesce(t.simulated, false) as simulated,
           count(*) as selections
      from bounds b
      join public.cogo_model_selections m on m.created_at > b.since
      left join public.cogo_tasks t on t.id = m.task_id
     where m.selected_model is not null
     group by m.selected_model, coalesce(t.simulated, false)
  ), rated as (
    select r.model_id, t.simulated, count(*) as ratings, round(avg(r.score), 3) as satisfaction
      from bounds b
      join public.cogo_ratings r on r.rated_at > b.since
      join public.cogo_tasks t on t.id = r.task_id
     group by r.model_id, t.simulated
  )
  select model_id, case when simulated then 'ok' else coalesce(h.health, 'ok') end,
         case when not simulated then h.reason end, case when not simulated then h.since end,
         coalesce(c.selections, 0),
         coalesce(t.attempts, 0), coalesce(t.completed, 0), coalesce(t.failed, 0),
         round(t.completed::numeric / nullif(t.completed + t.failed, 0), 4),
         t.first_token_ms_p50, t.duration_ms_p50, t.duration_ms_p95,
         coalesce(t.input_tokens, 0), coalesce(t.output_tokens, 0), t.cost_usd,
         coalesce(r.ratings, 0), r.satisfaction, simulated
    from attempted t
    full join chosen c using (model_id, simulated)
    full join rated r using (model_id, simulated)
    left join cogo.model_health h using (model_id)
   order by model_id, simulated;
$$;
comment on function public.cogo_model_report is
  'For operators, by model since p_since (a day ago): health, selections, attempts, latency, tokens,
cost and ratings. Simulated attempts have rows of their own.';

create or replace function public.cogo_deployments()
  returns table (
    deployment text, model_id text, provider text, state text, wait_seconds numeric,
    answered numeric, failed numeric, openings integer, last_error jsonb, last_error_at timestamptz,
    changed_at timestamptz, agents bigint, concurrency bigint, running bigint, unreachable_for bigint
  )
  language sql stable set search_path = ''
as $$
  select d.deployment, d.model_id, d.provider,
         case when d.state = 'closed' and d.not_before > cogo.now() then 'resting' else d.state end,
         cogo.circuit_wait_seconds(d, cogo.now()),
         round((d.answered * w.weight)::numeric, 1), round((d.failed * w.weight)::numeric, 1),
         d.openings, d.last_error, d.last_error_at, d.changed_at,
         a.agents, a.concurrency, a.running, a.unreachable_for
    from cogo.deployments d
   cross join lateral (
     select cogo.decay(d.counted_at, cogo.now(), 60 * ln(2::float8)) as weight
   ) as w
   cross join lateral (
     select count(*) as agents,
            coalesce(sum(s.concurrency), 0) as concurrency,
            coalesce(sum(s.running), 0) as running,
            count(*) filter (where s.unreachable > 0) as unreachable_for
       from cogo.deployment_agents s
      where s.deployment = d.deployment and s.reported_at > cogo.now() - interval '1 minute'
   ) as a
   order by d.deployment;
$$;
comment on function public.cogo_deployments is
  'For operators: the circuit of each deployment that was ever called, its recent calls (decayed),
the last error, and the concurrency that live executors allow together.';

-- schemas/88_rpc_operators/60_grants.sql
create or replace function public.cogo_grants()
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
  language sql stable set search_path = ''
as $$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted_models(o.owner) as granted) g
   order by o.owner;
$$;
comment on function public.cogo_grants is
  'Return the grants of owners: models and providers (both empty: all), and the priority that counts
among owners (null: none).';

create or replace function public.cogo_set_grants(
  p_owner uuid, p_models text[] default '{}', p_providers text[] default '{}',
  p_aliases text[] default '{}', p_priority integer default null
)
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 removes it, null keeps it';
  end if;
  -- Two calls at the same time would mix their rows.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0;

  -- Queued subtasks get new levels. Tasks by seq, then their subtasks, as the lock order says.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set level = cogo.owner_level(v_owner, s.priority)
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and s.level <> cogo.owner_level(v_owner, s.priority);
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           )
      from (select cogo.granted_models(p_owner) as granted) g;
end;
$$;
comment on function public.cogo_set_grants is
  'Allow an owner (null: tasks without one) only these models, by canonical id, and all models of these
providers; both empty: everything, both null: as it is. p_aliases are other names of the models.
p_priority is the highest priority that counts among owners; -1: none, null: as it is.';

-- schemas/88_rpc_operators/70_api_keys.sql
create or replace function public.cogo_api_keys()
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language sql stable set search_path = ''
as $$
  select k.id, k.name, k.owner, k.scopes, k.created_at, k.expires_at, k.revoked_at,
         k.last_used_at,
         k.revoked_at is null and (k.expires_at is null or k.expires_at > cogo.now())
    from cogo.api_keys k
   order by k.created_at desc, k.id;
$$;
comment on function public.cogo_api_keys is
  'For operators: the keys of the HTTP gateway, newest first, without their hashes.';

-- Updates last_used_at at most once a minute, so that a busy key is not a hot row.
create or replace function public.cogo_check_api_key(p_id text, p_hash text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  update cogo.api_keys k
     set last_used_at = cogo.now()
   where k.id = p_id and k.hash = p_hash
     and coalesce(k.last_used_at < cogo.now() - interval '1 minute', true);
  return query
    select k.* from public.cogo_api_keys() k
      join cogo.api_keys stored on stored.id = k.id
     where k.id = p_id and stored.hash = p_hash and k.usable;
end;
$$;
comment on function public.cogo_check_api_key is
  'Return the key with this id and SHA-256 if it is usable now, else no row.';

create or replace function public.cogo_create_api_key(
  p_id text,
  p_hash text,
  p_name text,
  p_scopes text[],
  p_owner uuid default null,
  p_expires_at timestamptz default null,
  p_replaces text default null,
  p_grace_seconds integer default 0
)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  if p_hash !~ '^[0-9a-f]{64}$' or coalesce(p_id, '') = '' or coalesce(p_name, '') = '' then
    raise exception using
      errcode = 'TQ004', message = 'a key needs an id, a name and the SHA-256 of its text';
  end if;
  if p_replaces is not null then
    update cogo.api_keys k
       set expires_at = least(k.expires_at, cogo.now() + make_interval(secs => p_grace_seconds))
     where k.id = p_replaces and k.revoked_at is null;
    if not found then
      raise exception using
        errcode = 'TQ002', message = format('there is no key %s, or it was revoked', p_replaces);
    end if;
  end if;
  -- Each start creates a token for the console, and each browser a session.
  delete from cogo.api_keys k
   where least(k.expires_at, k.revoked_at) < cogo.now() - interval '30 days';
  insert into cogo.api_keys as k (id, hash, name, scopes, owner, expires_at)
  values (p_id, p_hash, p_name, coalesce(p_scopes, '{}'), p_owner, p_expires_at)
  on conflict (id) do nothing;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_create_api_key is
  'Store a key of the HTTP gateway by its SHA-256. p_replaces names one that ends after p_grace_seconds.
Deletes keys that ended more than 30 days ago. Raises TQ002, TQ004.';

create or replace function public.cogo_revoke_api_key(p_id text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  update cogo.api_keys k set revoked_at = coalesce(k.revoked_at, cogo.now()) where k.id = p_id;
  if not found then
    raise exception using errcode = 'TQ002', message = format('there is no key %s', p_id);
  end if;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_revoke_api_key is 'Revoke a key of the HTTP gateway. Raises TQ002.';

-- schemas/88_rpc_operators/80_retention.sql
-- Deletes tasks with all that belongs to them, a few at a time so that transactions are short: a
-- hundred tasks, or fewer if their histories are long. Locked tasks are left for the next call.
create or replace function public.cogo_prune(
  p_limit integer default 100, p_older_than interval default '30 days'
)
  returns table (pruned integer)
  language plpgsql set search_path = ''
as $$
begin
  if p_limit is null or p_limit < 0 or p_older_than is null or p_older_than < interval '0' then
    raise exception using errcode = 'TQ004', message = 'p_limit and p_older_than must be 0 or more';
  end if;
  with old as materialized (
    select t.id, t.finished_at
      from public.cogo_tasks t
     where t.finished_at < cogo.now() - p_older_than
       -- Its agent has been asked to stop and must still learn what became of its lease.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
     order by t.finished_at
     limit p_limit
       for update skip locked
  ), measured as (
    select o.id, sum(h.events) over (order by o.finished_at, o.id) - h.events as before
      from old o
     cross join lateral (
       select coalesce(max(e.seq), 0) as events from cogo.events e where e.task_id = o.id
     ) as h
  )
  delete from public.cogo_tasks t
   using measured m
   where t.id = m.id and m.before < 5000;
  get diagnostics pruned = row_count;
  return next;
end;
$$;
comment on function public.cogo_prune is
  'Delete finished tasks and all that belongs to them, oldest first, at most p_limit and none after 5000
events; return how many. Call it until it is 0.';

-- Security definer: nobody else may delete rows of the audit log, and this function keeps those of
-- the last 30 days. Calls of open tasks are kept because they count towards their budgets.
create or replace function public.cogo_prune_records(
  p_limit integer default 1000,
  p_switches_older_than interval default null,
  p_calls_older_than interval default null
)
  returns table (pruned integer)
  language plpgsql security definer set search_path = ''
as $$
declare
  v_calls integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  delete from public.cogo_model_switches w
   where w.seq in (
     select o.seq from public.cogo_model_switches o
      where o.at < cogo.now() - p_switches_older_than
      order by o.at limit p_limit
        for update skip locked
   );
  get diagnostics pruned = row_count;
  delete from public.cogo_calls c
   where (c.id, c.outcome) in (
     select o.id, o.outcome
       from public.cogo_calls o
      where o.started_at < cogo.now() - p_calls_older_than
        and not exists (
          select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
        )
      order by o.started_at limit p_limit
        for update skip locked
   );
  get diagnostics v_calls = row_count;
  pruned := pruned + v_calls;
  return next;
end;
$$;
comment on function public.cogo_prune_records is
  'Delete model switches and calls of the audit log, oldest first, at most p_limit of each; null
keeps all. Return how many; call it until it is 0.';

-- schemas/90_rpc_users/10_submit.sql
-- Security definer: the task of an idempotency key must be found under any policy. The insert
-- trigger sets the caller as owner.
create or replace function public.cogo_submit_task(
  p_prompt text,
  p_type text default 'GENERATE_CODE',
  p_params jsonb default '{}',
  p_priority integer default 5,
  p_model text default null,
  p_preferences jsonb default '{}',
  p_session_id uuid default null,
  p_idempotency_key text default null,
  p_budget_usd numeric default null,
  p_deadline timestamptz default null,
  p_run_at timestamptz default null,
  p_stream boolean default true,
  p_id uuid default null,
  p_owner uuid default null
)
  returns public.cogo_tasks language plpgsql security definer set search_path = ''
as $$
declare
  v_owner uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_id uuid;
  v_task public.cogo_tasks;
begin
  insert into public.cogo_tasks (
    prompt, type, params, priority, model, preferences, session_id, idempotency_key, budget_usd,
    deadline, run_at, stream, id, owner
  ) values (
    p_prompt, p_type, p_params, p_priority, p_model, p_preferences, p_session_id,
    p_idempotency_key, p_budget_usd, p_deadline, p_run_at, p_stream, p_id, v_owner
  )
  on conflict do nothing
  returning id into v_id;

  select t.* into v_task
    from public.cogo_tasks t
   where t.id = v_id
      or (
        v_id is null
        and (t.id = p_id or t.idempotency_key = p_idempotency_key)
        and t.owner is not distinct from v_owner
      );
  if not found then
    raise exception using errcode = 'TQ004', message = format('the id %s is taken', p_id);
  end if;
  -- Without p_deadline and p_run_at, which differ in a repetition.
  if v_id is null and (
    v_task.prompt, v_task.type, v_task.params, v_task.priority, v_task.model, v_task.preferences,
    v_task.session_id, v_task.budget_usd, v_task.stream
  ) is distinct from (
    p_prompt, coalesce(p_type, 'GENERATE_CODE'), coalesce(p_params, '{}'), coalesce(p_priority, 5),
    cogo.normalize_model(p_model), coalesce(p_preferences, '{}'), p_session_id, p_budget_usd,
    coalesce(p_stream, true)
  ) then
    raise exception using
      errcode = 'TQ004',
      message = format(
        'the %s was used for another request: task %s',
        case when v_task.id = p_id then format('id %s', p_id)
             else format('idempotency key %L', left(p_idempotency_key, 100)) end,
        v_task.id
      ),
      hint = 'repeat the first request as it was, or choose a new key';
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_submit_task is
  'Submit a task. A p_idempotency_key or p_id that the caller has used before returns its task. Only
operators set p_owner. Raises TQ004 for an id of another owner, and for a key or id of another
request (all but p_deadline and p_run_at must be the same).';

-- schemas/90_rpc_users/20_tasks.sql
create or replace function cogo.authorize_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql set search_path = ''
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (cogo.is_operator() or t.owner = auth.uid())
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  end if;
  return v_task;
end;
$$;
comment on function cogo.authorize_task is
  'Lock and return a task of the caller, for operators any task. Raises TQ002.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text default null)
  returns public.cogo_tasks language plpgsql security definer set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    perform cogo.cancel_open_subtasks(array[p_task_id], v_reason);
    update public.cogo_tasks t
       set status = 'cancelled',
           error = jsonb_build_object('class', 'cancelled', 'message', v_reason),
           cancel_requested_at = cogo.now(),
           paused_at = null,
           finished_at = cogo.now()
     where t.id = p_task_id;
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_cancel_task is
  'Cancel an open task at once; its running subtasks are asked to stop.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_pause_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  update public.cogo_tasks t
     set status = 'held', paused_at = cogo.now()
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = 'held'
   where s.task_id = p_task_id and s.status in ('blocked', 'queued', 'delayed', 'waiting');
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_pause_task is
  'Pause a task: running subtasks are finished, nothing is claimed until it is resumed.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_resume_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = cogo.resting_status('running', s.deps_left, s.needs_approval, s.run_at, cogo.now())
   where s.task_id = p_task_id and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_resume_task is 'Resume a paused task.';

-- schemas/90_rpc_users/30_redrive.sql
-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_redrive_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  end if;

  update public.cogo_tasks t
     set status = case
           when exists (
             select from cogo.subtasks s
              where s.task_id = t.id and s.type = 'PLAN' and s.status = 'completed'
           ) then 'running' else 'pending'
         end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Subtasks that were asked to stop and still run lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    perform cogo.take_back_lease(v_subtask, 'cancelled', null, false);
  end loop;

  -- Redriving a refused subtask approves it. Dead letters with on_failure continue stay.
  update cogo.subtasks s
     set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
         dead_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task';
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled';
  update cogo.subtasks s
     set status = cogo.resting_status('running', 0, s.needs_approval, s.run_at, v_now)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_redrive_task is
  'Continue a failed task where it stopped, with fresh limits; completed subtasks stay completed.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
  returns public.cogo_subtasks language plpgsql security definer set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id) a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'subtask %s is a dead letter and its task has continued without it', p_subtask_id
        );
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    update cogo.subtasks s
       set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
           dead_at = null, finished_at = null
     where s.id = p_subtask_id;
    if v_task.status = 'held' then
      update cogo.subtasks s set status = 'held' where s.id = p_subtask_id;
    end if;
  elsif v_subtask.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format(
        'subtask %s is %s: only a dead letter can be redriven', p_subtask_id, v_subtask.status
      );
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_redrive_subtask is
  'Queue a dead letter again with fresh limits, and its task with it if that failed. Raises TQ003 if
dependents have already gone on without it.';

-- schemas/90_rpc_users/40_approve.sql
-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_approve_subtask(
  p_subtask_id uuid, p_approved boolean default true, p_comment text default null
)
  returns public.cogo_subtasks language plpgsql security definer set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_comment, 'the step was refused')
  );
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.status = 'waiting' then
    update cogo.subtask_payloads p
       set metadata = p.metadata || jsonb_build_object(
             'approval', jsonb_build_object(
               'approved', p_approved, 'comment', p_comment, 'by', auth.uid(),
               'at', cogo.iso_timestamp(cogo.now())
             ) || case when p_approved then '{}' else jsonb_build_object('error', v_error) end
           )
     where p.subtask_id = p_subtask_id;
    if p_approved then
      update cogo.subtasks s
         set status = 'queued', needs_approval = false, run_at = null
       where s.id = p_subtask_id;
    else
      perform cogo.dead_letter_subtask(p_subtask_id, v_error);
    end if;
  elsif not exists (
    -- The first answer counts and may be repeated.
    select from cogo.subtask_payloads p
     where p.subtask_id = p_subtask_id
       and (p.metadata -> 'approval' ->> 'approved')::boolean = p_approved
  ) then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s is %s: it waits for no approval', p_subtask_id, v_subtask.status);
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_approve_subtask is
  'Approve a waiting subtask, which queues it, or refuse it, which fails its task.';

-- schemas/90_rpc_users/50_feedback.sql
-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_feedback(
  p_task_id uuid, p_score numeric, p_comment text default null, p_person uuid default null
)
  returns public.cogo_ratings language plpgsql security definer set search_path = ''
as $$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_weight constant double precision := 3;
  v_model_id text;
  v_task_type text;
  v_old public.cogo_ratings;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select a.model_id, cogo.task_type(s.id) into v_model_id, v_task_type
    from cogo.subtasks s
    join public.cogo_attempts a on a.subtask_id = s.id and a.outcome = 'completed'
   where s.task_id = p_task_id and s.sink and a.model_id is not null
   order by a.attempt desc
   limit 1;
  if v_model_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  select r.* into v_old
    from public.cogo_ratings r where r.task_id = p_task_id and r.person = v_person;
  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (p_task_id, v_person, p_score, p_comment, v_model_id, v_task_type)
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  if v_task.simulated then
    return v_new;
  end if;
  -- A rating is rarer and more reliable than an outcome: it counts as three.
  insert into cogo.model_outcomes as m (model_id, task_type, judged, good)
  values (v_model_id, v_task_type, v_weight, v_weight * p_score)
  on conflict (model_id, task_type, after) do update
    set judged = m.judged
          + case when v_old.model_id is distinct from v_model_id then v_weight else 0 end,
        good = greatest(0, m.good + v_weight * (
          p_score - case when v_old.model_id = v_model_id then v_old.score else 0 end
        ));
  return v_new;
end;
$$;
comment on function public.cogo_feedback is
  'Rate the answer of a task from 0 to 1: for its owner, who may change it, and for operators, who
may rate for p_person. Counts in the statistics of the model, unless the answer was simulated.';

-- schemas/90_rpc_users/60_embeddings.sql
-- Security definer: owners may not write the table. Users delete only their own rows; p_owner is
-- ignored.
create or replace function public.cogo_forget_embeddings(
  p_owner uuid default null,
  p_every_owner boolean default false,
  p_ids uuid[] default null,
  p_model_id text default null,
  p_content text default null,
  p_source text default null,
  p_before timestamptz default null,
  p_dry_run boolean default false
)
  returns table (forgotten integer)
  language plpgsql security definer set search_path = ''
as $$
declare
  v_operator constant boolean := cogo.is_operator();
  v_owner constant uuid := case when v_operator then p_owner else auth.uid() end;
  v_ids uuid[];
begin
  if num_nonnulls(p_ids, p_model_id, p_content, p_source, p_before) = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'name the texts by p_ids, p_model_id, p_content, p_source or p_before '
                '(infinity: all of them)';
  end if;
  -- In a fixed order, so that it cannot deadlock with a writer of the same texts.
  select coalesce(array_agg(m.id), '{}') into v_ids
    from (
      select e.id
        from public.cogo_embeddings e
       where (
               e.owner = v_owner
               or v_operator and (p_every_owner or e.owner is null and v_owner is null)
             )
         and (p_ids is null or e.id = any (p_ids))
         and (p_model_id is null or e.model_id = p_model_id)
         and (
           p_content is null
           or e.content_sha256 = encode(sha256(convert_to(p_content, 'UTF8')), 'hex')
         )
         and (p_source is null or e.source = p_source)
         and (p_before is null or e.created_at < p_before)
       order by e.model_id, e.dimensions, e.simulated, e.content_sha256
         for update
    ) as m;
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_embeddings e where e.id = any (v_ids);
  end if;
  forgotten := cardinality(v_ids);
  return next;
end;
$$;
comment on function public.cogo_forget_embeddings is
  'Delete stored texts with their vectors: those that match every given argument. Users delete their
own; operators those of an owner (null: of nobody) or, with p_every_owner, of all. Return how many;
p_dry_run only counts them.';

-- schemas/90_rpc_users/70_access.sql
-- Security definer: users may read the versions, not the table.
create or replace function public.cogo_schema_versions()
  returns table (version text)
  language sql stable security definer set search_path = ''
as $$
  select v.version from cogo.schema_versions v order by v.version;
$$;
comment on function public.cogo_schema_versions is 'Return the versions of the applied migrations.';

-- Security definer: Realtime calls this as the user, who may have no right to read cogo_tasks.
create or replace function cogo.can_read_topic(p_topic text)
  returns boolean language sql stable security definer set search_path = ''
as $$
  select exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and t.owner = (select auth.uid())
  );
$$;
comment on function cogo.can_read_topic is
  'Return whether the calling user may listen to a topic: only to the results of their own tasks.';

-- schemas/99_access/10_tables.sql
-- Rights on tables and views. Row level security, beside each table, limits them to the rows of the
-- caller. Users read and insert their tasks; agents and operators (service_role) read and write.

revoke all on all tables in schema cogo from public, anon, authenticated, service_role;
revoke all on all sequences in schema cogo from public, anon, authenticated, service_role;
grant select, insert, update, delete on all tables in schema cogo to service_role;
grant usage on sequence cogo.lane_services to service_role;
revoke insert, update, delete on cogo.schema_versions from service_role;
revoke update, delete on cogo.write_checks from service_role;
grant truncate on cogo.write_checks to service_role;
-- The views in `public` run with the rights of the caller.
grant select on
  cogo.subtasks, cogo.subtask_payloads, cogo.subtask_outputs, cogo.checkpoints, cogo.dependencies,
  cogo.events
  to authenticated;

revoke all on
  public.cogo_tasks, public.cogo_sessions, public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches, public.cogo_subtasks, public.cogo_task_previews,
  public.cogo_events, public.cogo_dead_letters, public.cogo_model_stats, public.cogo_usage
  from public, anon, authenticated, service_role;
grant select on
  public.cogo_tasks, public.cogo_sessions, public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_subtasks, public.cogo_task_previews, public.cogo_events, public.cogo_dead_letters,
  public.cogo_model_stats, public.cogo_usage
  to authenticated;
-- An owner may be sent; a trigger replaces it by the caller.
grant insert (
  id, type, prompt, params, priority, owner, session_id, idempotency_key, model, preferences,
  budget_usd, deadline, run_at, stream
) on public.cogo_tasks to authenticated;
grant select on
  public.cogo_tasks, public.cogo_sessions, public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches, public.cogo_subtasks, public.cogo_task_previews,
  public.cogo_events, public.cogo_dead_letters, public.cogo_model_stats, public.cogo_usage
  to service_role;
-- Rows of the audit log, public.cogo_calls, are only added.
grant insert on
  public.cogo_tasks, public.cogo_sessions, public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches
  to service_role;
grant update, delete on
  public.cogo_tasks, public.cogo_sessions, public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_embeddings, public.cogo_agents,
  public.cogo_model_switches
  to service_role;

-- schemas/99_access/20_functions.sql
-- Rights on functions: agents and operators call all of them, users those of the last list.

revoke all on all functions in schema cogo from public, anon, authenticated, service_role;
grant execute on all functions in schema cogo to service_role;
-- Called with the rights of the caller: defaults of columns, views and policies.
grant execute on function cogo.now, cogo.to_uuid, cogo.truncate_json, cogo.can_read_topic
  to authenticated;

revoke all on function
  public.cogo_api_keys, public.cogo_approve_subtask, public.cogo_begin_call, public.cogo_budgets,
  public.cogo_cache_answer, public.cogo_cached_answer, public.cogo_cancel_task,
  public.cogo_check_api_key, public.cogo_check_writes, public.cogo_claim_subtasks,
  public.cogo_complete_subtasks, public.cogo_control_model, public.cogo_create_api_key,
  public.cogo_deployments, public.cogo_draw, public.cogo_end_call, public.cogo_extend_leases,
  public.cogo_fail_subtask, public.cogo_feedback, public.cogo_forget_embeddings, public.cogo_grants,
  public.cogo_keep_embeddings, public.cogo_model_knowledge, public.cogo_model_report,
  public.cogo_nearest_embeddings, public.cogo_pause_task, public.cogo_prune,
  public.cogo_prune_records, public.cogo_queue, public.cogo_reap, public.cogo_record_agent,
  public.cogo_record_selection, public.cogo_redrive_subtask, public.cogo_redrive_task,
  public.cogo_release_subtasks, public.cogo_remove_budget, public.cogo_report_calls,
  public.cogo_resume_task, public.cogo_revoke_api_key, public.cogo_schema_versions,
  public.cogo_set_budget, public.cogo_set_grants, public.cogo_set_lane, public.cogo_set_owner,
  public.cogo_set_policy, public.cogo_silent_ms, public.cogo_submit_task, public.cogo_take_trial
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_api_keys, public.cogo_begin_call, public.cogo_budgets, public.cogo_cache_answer,
  public.cogo_cached_answer, public.cogo_check_api_key, public.cogo_check_writes,
  public.cogo_claim_subtasks, public.cogo_complete_subtasks, public.cogo_control_model,
  public.cogo_create_api_key, public.cogo_deployments, public.cogo_draw, public.cogo_end_call,
  public.cogo_extend_leases, public.cogo_fail_subtask, public.cogo_grants,
  public.cogo_keep_embeddings, public.cogo_model_knowledge, public.cogo_model_report,
  public.cogo_nearest_embeddings, public.cogo_prune, public.cogo_prune_records, public.cogo_queue,
  public.cogo_reap, public.cogo_record_agent, public.cogo_record_selection,
  public.cogo_release_subtasks, public.cogo_remove_budget, public.cogo_report_calls,
  public.cogo_revoke_api_key, public.cogo_set_budget, public.cogo_set_grants, public.cogo_set_lane,
  public.cogo_set_owner, public.cogo_set_policy, public.cogo_silent_ms, public.cogo_take_trial
  to service_role;
grant execute on function
  public.cogo_submit_task, public.cogo_cancel_task, public.cogo_pause_task, public.cogo_resume_task,
  public.cogo_redrive_task, public.cogo_redrive_subtask, public.cogo_approve_subtask,
  public.cogo_feedback, public.cogo_forget_embeddings, public.cogo_schema_versions
  to authenticated, service_role;

insert into cogo.schema_versions (version) values ('20261128000000')
on conflict (version) do nothing;
