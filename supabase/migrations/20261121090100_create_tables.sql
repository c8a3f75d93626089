-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0200_cogo_sessions.sql
create table if not exists public.cogo_sessions (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  owner uuid,
  title text,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_sessions_owner_id unique nulls not distinct (owner, id)
);
comment on table public.cogo_sessions is
  'A conversation that tasks share. Made by the first task that names it. Its id belongs to its owner:
two owners may use the same one and never meet.';

create index if not exists cogo_sessions_owner on public.cogo_sessions (owner, created_at);

alter table public.cogo_sessions enable row level security;
drop policy if exists "owners read their sessions" on public.cogo_sessions;
create policy "owners read their sessions" on public.cogo_sessions
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_sessions from public, anon, authenticated, service_role;
grant select on public.cogo_sessions to authenticated;
grant select, insert, update, delete on public.cogo_sessions to service_role;

-- schemas/0210_cogo_tasks.sql
create table if not exists public.cogo_tasks (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity unique,
  -- A person's columns. What can be wrong in them is judged by the planner, not by a CHECK.
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
  -- The system's columns: an insert may send them, and they are reset.
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
  -- Without an owner it is not checked: cogo.forget_session() does what it would.
  constraint cogo_tasks_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete set null (session_id)
) with (
  -- Costs and status are updated: room for it on the page, and vacuum before it piles up.
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02
);
comment on table public.cogo_tasks is
  'What people ask for. Insert a row with a prompt; watch status, result and error.';
comment on column public.cogo_tasks.priority is
  '0 is first, 9 is last among the owner''s tasks; others count as the nearer end.';
comment on column public.cogo_tasks.cost_usd is
  'Sum over the attempts, in US dollars; null once the cost of one attempt is unknown.';
comment on column public.cogo_tasks.simulated is
  'Whether the vendor simulator was asked instead of a model. Such calls cost nothing.';
comment on column public.cogo_tasks.idempotency_key is
  'Unique per owner: the same key never makes a second task.';

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

revoke all on public.cogo_tasks from public, anon, authenticated, service_role;
grant select on public.cogo_tasks to authenticated;
-- owner may be sent, and is forced to the caller.
grant insert (
  id, type, prompt, params, priority, owner, session_id, idempotency_key, model, preferences,
  budget_usd, deadline, run_at, stream
) on public.cogo_tasks to authenticated;
grant select, insert, update, delete on public.cogo_tasks to service_role;

-- schemas/0220_lanes.sql
create table if not exists cogo.lanes (
  lane text not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.lanes is
  'Limits of lanes, set by operators; a lane without a row has none. They hold over all executors.';
comment on column cogo.lanes.tokens is
  'How many claims per_minute allowed at refilled_at; null there: the bucket was never used.';

alter table cogo.lanes enable row level security;
revoke all on cogo.lanes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.lanes to service_role;

-- schemas/0222_owners.sql
-- A row is never deleted: that an owner is regulated is also noted on subtasks, and a subtask so
-- noted is found only through this row.
create table if not exists cogo.owners (
  owner uuid not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.owners is
  'Limits of owners, set by operators; one without a row has none. They hold over all executors and
lanes but cio, which only a pause stops. The nil uuid stands for tasks without an owner.';

alter table cogo.owners enable row level security;
revoke all on cogo.owners from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.owners to service_role;

-- schemas/0224_lane_clocks.sql
create sequence if not exists cogo.lane_services;
revoke all on sequence cogo.lane_services from public, anon, authenticated, service_role;
grant usage on sequence cogo.lane_services to service_role;

create table if not exists cogo.lane_clocks (
  lane text not null primary key,
  round bigint not null default 0,
  served bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
comment on table cogo.lane_clocks is
  'How far each lane has come: the highest round of which a subtask was claimed. Never goes back,
which is what keeps latecomers from passing those that wait for ever.';
comment on column cogo.lane_clocks.served is
  'Grows with each claim: of several lanes that of the least number was served longest ago.';

alter table cogo.lane_clocks enable row level security;
revoke all on cogo.lane_clocks from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.lane_clocks to service_role;

-- schemas/0226_deployments.sql
-- One narrow row for each place where a model is served. Counts are moving: an outcome weighs half
-- after 40 seconds.
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
  'The circuit breaker of each deployment, shared by all executors, and what it was judged by.';
comment on column cogo.deployments.state is
  'closed: calls pass; open: none until open_until; half_open: the one of trial_agent.';
comment on column cogo.deployments.openings is
  'How often it opened since the last answer: each time it stays open twice as long.';
comment on column cogo.deployments.not_before is
  'The vendor asked to wait until then (Retry-After), which is no failure.';

alter table cogo.deployments enable row level security;
revoke all on cogo.deployments from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.deployments to service_role;

-- schemas/0227_deployment_agents.sql
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
  'What each executor sees of a deployment: its room there, and connections that failed for it.';
comment on column cogo.deployment_agents.report is
  'The number of the last report that was counted; numbers only grow, so none is counted twice.';
comment on column cogo.deployment_agents.unreachable is
  'Connections that failed in a row. One executor''s may be its own fault, so it opens no circuit.';

alter table cogo.deployment_agents enable row level security;
revoke all on cogo.deployment_agents from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.deployment_agents to service_role;

-- schemas/0228_buckets.sql
create table if not exists cogo.buckets (
  bucket text not null primary key,
  tokens double precision not null default 0,
  refilled_at timestamptz,
  request_id uuid
) with (fillfactor = 50);
comment on table cogo.buckets is
  'Token buckets of the rate limits that all executors share; the rates are the catalogue''s.';
comment on column cogo.buckets.request_id is 'The last draw that was granted, should it be repeated.';

alter table cogo.buckets enable row level security;
revoke all on cogo.buckets from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.buckets to service_role;

-- schemas/0229_cached_answers.sql
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
  'Answers to requests that may come again word for word. The key is a hash of the request, the model
and, unless the operator shares the cache, the owner: no prompt lies here.';
create index if not exists cached_answers_expiry on cogo.cached_answers (expires_at);

alter table cogo.cached_answers enable row level security;
revoke all on cogo.cached_answers from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.cached_answers to service_role;

-- schemas/0230_subtasks.sql
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
  -- Lease extensions must stay heap-only updates: free room, and no index on what they change.
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02
);
comment on table cogo.subtasks is
  'Units of work under the lease protocol: narrow and hot. Texts lie in the cold tables beside.';
comment on column cogo.subtasks.attempt is
  'The fencing token: grows at each claim, never shrinks. Every write of a lease holder carries it.';
comment on column cogo.subtasks.lane is 'Who may claim it: cio, or a canonical model id.';
comment on column cogo.subtasks.dead_at is 'Set when it is a dead letter: failed for good.';

comment on column cogo.subtasks.turn is
  'When its owner is served in the lane, given by cogo.take_turn(): the least comes first.';
comment on column cogo.subtasks.place is
  'Its order among the subtasks of its owner: the least gets the owner''s next turn.';
comment on column cogo.subtasks.level is
  'What its priority counts among owners: 5, or as operators granted.';
comment on column cogo.subtasks.owner is 'Of the task; the nil uuid when it has none.';
comment on column cogo.subtasks.regulated is 'Whether its owner has a row in cogo.owners.';
comment on column cogo.subtasks.on_failure is
  'What its dead letter does: fail_task, or continue: what waits for it goes on without.';

-- In the exact order of the claim, so that its cost does not grow with the queue. Subtasks of
-- owners with limits lie apart: a claim would have to step over all that it may not take.
create index if not exists subtasks_claim on cogo.subtasks (lane, turn, seq)
  where status = 'queued' and not regulated;
-- The turns of one owner: their end is where the next one stands, their head what a limit allows.
create index if not exists subtasks_line on cogo.subtasks (lane, owner, level, turn, seq)
  where status = 'queued';
-- What one owner's next turn gets.
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
create policy "owners read their subtasks" on cogo.subtasks
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on cogo.subtasks from public, anon, authenticated, service_role;
grant select on cogo.subtasks to authenticated;
grant select, insert, update, delete on cogo.subtasks to service_role;

-- schemas/0240_subtask_payloads.sql
create table if not exists cogo.subtask_payloads (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object')
);
comment on table cogo.subtask_payloads is
  'What a subtask is to do. Apart from cogo.subtasks, so that leases do not rewrite it.';

alter table cogo.subtask_payloads enable row level security;
drop policy if exists "owners read their subtask_payloads" on cogo.subtask_payloads;
create policy "owners read their subtask_payloads" on cogo.subtask_payloads
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.subtask_payloads from public, anon, authenticated, service_role;
grant select on cogo.subtask_payloads to authenticated;
grant select, insert, update, delete on cogo.subtask_payloads to service_role;

-- schemas/0250_subtask_outputs.sql
-- No foreign key: whoever writes an output holds the lock of its task. cogo.forget_subtasks() deletes
-- it with the subtask.
create table if not exists cogo.subtask_outputs (
  subtask_id uuid not null primary key,
  attempt integer not null,
  output jsonb not null check (jsonb_typeof(output) = 'object'),
  created_at timestamptz not null default cogo.now()
);
comment on table cogo.subtask_outputs is
  'What the accepted attempt of a subtask made.';

alter table cogo.subtask_outputs enable row level security;
drop policy if exists "owners read their subtask_outputs" on cogo.subtask_outputs;
create policy "owners read their subtask_outputs" on cogo.subtask_outputs
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.subtask_outputs from public, anon, authenticated, service_role;
grant select on cogo.subtask_outputs to authenticated;
grant select, insert, update, delete on cogo.subtask_outputs to service_role;

-- schemas/0260_checkpoints.sql
create table if not exists cogo.checkpoints (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  attempt integer not null,
  content text not null default '',
  reasoning text not null default '',
  updated_at timestamptz not null default cogo.now()
);
comment on table cogo.checkpoints is
  'The text of a running attempt so far, for watchers who come late.';

alter table cogo.checkpoints enable row level security;
drop policy if exists "owners read their checkpoints" on cogo.checkpoints;
create policy "owners read their checkpoints" on cogo.checkpoints
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.checkpoints from public, anon, authenticated, service_role;
grant select on cogo.checkpoints to authenticated;
grant select, insert, update, delete on cogo.checkpoints to service_role;

-- schemas/0270_dependencies.sql
create table if not exists cogo.dependencies (
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  parent_id uuid not null references cogo.subtasks (id) on delete cascade,
  child_id uuid not null references cogo.subtasks (id) on delete cascade,
  primary key (parent_id, child_id)
);
comment on table cogo.dependencies is 'The edges of plans: the child waits for the parent.';

create index if not exists dependencies_child on cogo.dependencies (child_id);
create index if not exists dependencies_task on cogo.dependencies (task_id);

alter table cogo.dependencies enable row level security;
drop policy if exists "owners read their dependencies" on cogo.dependencies;
create policy "owners read their dependencies" on cogo.dependencies
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on cogo.dependencies from public, anon, authenticated, service_role;
grant select on cogo.dependencies to authenticated;
grant select, insert, update, delete on cogo.dependencies to service_role;

-- schemas/0280_events.sql
-- No foreign key: it would look the task up for each event, of which each is written by a trigger of
-- the statement that holds the task's lock. cogo.forget_tasks() deletes them with the task.
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
  'One row per transition of a task or a subtask, numbered without gaps within the task.';
comment on column cogo.events.kind is
  'task.<status> or subtask.<status>: where the transition led.';

alter table cogo.events enable row level security;
drop policy if exists "owners read their events" on cogo.events;
create policy "owners read their events" on cogo.events
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on cogo.events from public, anon, authenticated, service_role;
grant select on cogo.events to authenticated;
grant select, insert, update, delete on cogo.events to service_role;

-- schemas/0290_cogo_attempts.sql
-- Of the two that it belongs to, the task is the foreign key; it is locked when a row is written, and
-- cogo.forget_subtasks() deletes the attempts of a subtask that is deleted alone.
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
  'Every claim of a subtask: who, with which model, how it ended, what it cost.';
comment on column public.cogo_attempts.cost_usd is
  'US dollars; null while it runs and when nobody knows, never 0 for unknown.';
comment on column public.cogo_attempts.simulated is
  'Whether the vendor simulator was asked instead of the model: nothing is learned from it.';

-- Two leases of one subtask cannot overlap.
create unique index if not exists cogo_attempts_one_running
  on public.cogo_attempts (subtask_id) where ended_at is null;
create index if not exists cogo_attempts_task on public.cogo_attempts (task_id);
create index if not exists cogo_attempts_ended on public.cogo_attempts (ended_at)
  where ended_at is not null;

alter table public.cogo_attempts enable row level security;
drop policy if exists "owners read their attempts" on public.cogo_attempts;
create policy "owners read their attempts" on public.cogo_attempts
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on public.cogo_attempts from public, anon, authenticated, service_role;
grant select on public.cogo_attempts to authenticated;
grant select, insert, update, delete on public.cogo_attempts to service_role;

-- schemas/0300_cogo_model_selections.sql
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
  'Every choice of a model, with its candidates and its reason; task_id is null for an inquiry.';

create index if not exists cogo_model_selections_task
  on public.cogo_model_selections (task_id, created_at);

comment on column public.cogo_model_selections.request_id is
  'The id of the message that asked; several orchestrators hear it and the first answer counts.';
create unique index if not exists cogo_model_selections_request
  on public.cogo_model_selections (request_id) where request_id is not null;

-- For the cascade of a pruned subtask.
create index if not exists cogo_model_selections_subtask
  on public.cogo_model_selections (subtask_id);

alter table public.cogo_model_selections enable row level security;
drop policy if exists "owners read their selections" on public.cogo_model_selections;
create policy "owners read their selections" on public.cogo_model_selections
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on public.cogo_model_selections from public, anon, authenticated, service_role;
grant select on public.cogo_model_selections to authenticated;
grant select, insert, update, delete on public.cogo_model_selections to service_role;

-- schemas/0310_cogo_agents.sql
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
  'Who is alive and what it can serve. Operators only: hosts and pids are nobody else''s business.';

alter table public.cogo_agents enable row level security;
revoke all on public.cogo_agents from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.cogo_agents to service_role;

-- schemas/0320_cogo_messages.sql
create table if not exists public.cogo_messages (
  owner uuid,
  session_id uuid not null,
  seq bigint generated always as identity,
  role text not null,
  content text not null,
  task_id uuid references public.cogo_tasks (id) on delete set null,
  created_at timestamptz not null default cogo.now(),
  primary key (session_id, seq),
  -- Without an owner it is not checked: cogo.forget_session() does what it would.
  constraint cogo_messages_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete cascade
);
comment on table public.cogo_messages is 'What was said in a session, in order of seq.';

create index if not exists cogo_messages_task on public.cogo_messages (task_id)
  where task_id is not null;

alter table public.cogo_messages enable row level security;
drop policy if exists "owners read their messages" on public.cogo_messages;
create policy "owners read their messages" on public.cogo_messages
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_messages from public, anon, authenticated, service_role;
grant select on public.cogo_messages to authenticated;
grant select, insert, update, delete on public.cogo_messages to service_role;

-- schemas/0330_api_keys.sql
-- Keys have 256 random bits, so a plain hash is as hard to turn back as a slow one.
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
  'Keys of the HTTP gateway: who may ask, for whom, for how long. Only the SHA-256 is stored.';

alter table cogo.api_keys enable row level security;
revoke all on cogo.api_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.api_keys to service_role;

-- schemas/0340_budgets.sql
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
  'Caps on what may be spent, set by operators. A task''s own cap is its budget_usd.';
comment on column cogo.budgets.key is
  'Of scope owner the uuid (the nil uuid: tasks without one), anonymous (all anonymous sign-ins together)
or * (the default of each owner without a cap of their own); of provider its id, of total empty.';
comment on column cogo.budgets.is_default is
  'Made from the default * at the first call of an owner whom operators gave no cap.';
comment on column cogo.budgets.spent_usd is
  'Of settled calls since period_start; what runs is in cogo.reservations.';

alter table cogo.budgets enable row level security;
revoke all on cogo.budgets from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.budgets to service_role;

-- schemas/0342_reservations.sql
-- No foreign keys: a reservation must wait for nobody, and goes with the attempt it belongs to.
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
  'Calls to models that run now, and what each may cost at most (null: nobody knows). One that
belongs to no attempt counts for an hour.';

comment on column cogo.reservations.budget_key is
  'The key of the owner''s cap: the owner, or anonymous.';

create index if not exists reservations_attempt on cogo.reservations (subtask_id, attempt);

alter table cogo.reservations enable row level security;
revoke all on cogo.reservations from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.reservations to service_role;

-- schemas/0344_cogo_calls.sql
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

-- schemas/0346_grants.sql
create table if not exists cogo.grants (
  owner uuid not null,
  kind text not null check (kind in ('model', 'provider', 'alias', 'priority')),
  name text not null,
  primary key (owner, kind, name)
);
comment on column cogo.grants.kind is
  'alias is another name of a granted model, in lower case: people ask by any of them. priority is the
highest (the least number) that counts among owners: without one it is 5 for everybody.';
comment on table cogo.grants is
  'What operators granted an owner: which models and providers they may use (all, without such a row)
and how far their priorities count. The nil uuid stands for tasks without an owner.';

alter table cogo.grants enable row level security;
revoke all on cogo.grants from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.grants to service_role;

-- schemas/0350_outcomes.sql
-- Appended to by the transaction that closes an attempt, so that many of them never wait for one
-- row of statistics; emptied by cogo.learn().
create table if not exists cogo.outcomes (
  seq bigint generated always as identity primary key,
  subtask_id uuid not null,
  attempt integer not null
);
comment on table cogo.outcomes is 'Attempts that ended and from which nothing was learned yet.';

alter table cogo.outcomes enable row level security;
revoke all on cogo.outcomes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.outcomes to service_role;

-- schemas/0352_model_outcomes.sql
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
  'What became of a model''s attempts, by type of task: sums in which each weighs half after 7 days.';
comment on column cogo.model_outcomes.after is
  'Models whose answers to the same subtask a check had refused, in order; {} counts every attempt.';
comment on column cogo.model_outcomes.good is
  'How many of judged were good; what nobody verified counts as 0.8.';
comment on column cogo.model_outcomes.total_ms is 'Over the answered ones.';
comment on column cogo.model_outcomes.first_token_ms is 'Over the streamed ones.';
comment on column cogo.model_outcomes.cost_usd is 'Over the priced ones.';

alter table cogo.model_outcomes enable row level security;
revoke all on cogo.model_outcomes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.model_outcomes to service_role;

-- schemas/0354_model_health.sql
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
  'How well each model answers now, judged by its traffic alone, and what it was judged by.';
comment on column cogo.model_health.health is
  'ok; degraded: it answers worse or slower than it used to; open: it does not answer.';
comment on column cogo.model_health.answered is
  'Like failed, paced and pace a moving sum in which an attempt weighs half after 30 seconds.';
comment on column cogo.model_health.pace is 'Sum of milliseconds for a token of output.';
comment on column cogo.model_health.usual_pace is
  'The same with half after an hour, counted only while the model was well: its own baseline.';
comment on column cogo.model_health.on_trial is
  'It came back because time passed, not because it was seen to answer: less makes it unwell again.';
comment on column cogo.model_health.trips is 'How often in a row it became unwell: each lasts longer.';

alter table cogo.model_health enable row level security;
revoke all on cogo.model_health from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.model_health to service_role;

-- schemas/0356_cogo_model_switches.sql
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
  'Every change of what may be chosen: health by traffic, and what operators set. Operators only.';
comment on column public.cogo_model_switches.subject is 'A model, a provider, or the word policy.';
comment on column public.cogo_model_switches.scope is
  'everywhere, owner:<uuid> or task_type:<type>.';

create index if not exists cogo_model_switches_at on public.cogo_model_switches (at);

alter table public.cogo_model_switches enable row level security;
revoke all on public.cogo_model_switches from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.cogo_model_switches to service_role;

-- schemas/0358_cogo_ratings.sql
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
  'What people think of answers, one row for a task and person. The nil uuid is an operator.';
comment on column public.cogo_ratings.score is '1 is good, 0 is bad.';

create index if not exists cogo_ratings_model on public.cogo_ratings (model_id, rated_at);

alter table public.cogo_ratings enable row level security;
drop policy if exists "owners read the ratings of their tasks" on public.cogo_ratings;
create policy "owners read the ratings of their tasks" on public.cogo_ratings
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on public.cogo_ratings from public, anon, authenticated, service_role;
grant select on public.cogo_ratings to authenticated;
grant select, insert, update, delete on public.cogo_ratings to service_role;

-- schemas/0360_controls.sql
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
  'What operators say about models and providers; without a row everything is allowed.';
comment on column cogo.controls.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
comment on column cogo.controls.action is
  'pin: taken before all others; ban: never taken; drain: taken only by who asks for it by name.';

create unique index if not exists controls_pin on cogo.controls (scope) where action = 'pin';

alter table cogo.controls enable row level security;
revoke all on cogo.controls from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.controls to service_role;

-- schemas/0362_policies.sql
create table if not exists cogo.policies (
  owner uuid not null primary key,
  policy text not null,
  who text not null,
  set_at timestamptz not null default cogo.now()
);
comment on table cogo.policies is
  'Which selection policy holds for an owner''s tasks; the nil uuid stands for the deployment.';

alter table cogo.policies enable row level security;
revoke all on cogo.policies from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.policies to service_role;

-- schemas/0364_write_checks.sql
create table if not exists cogo.write_checks (
  at timestamptz not null default cogo.now()
);
comment on table cogo.write_checks is
  'When it was last found that this database can write: one row at most.';

alter table cogo.write_checks enable row level security;
revoke all on cogo.write_checks from public, anon, authenticated, service_role;
grant select, insert, truncate on cogo.write_checks to service_role;

-- schemas/0370_cogo_embeddings.sql
-- Plain arrays, so that no extension is needed. Where pgvector is, `vector::vector` casts them, also
-- in an index over one model and dimension.
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
  'Texts and what a model made of them. Vectors compare only with those of the same model and
dimensions, so both are part of the key.';
comment on column public.cogo_embeddings.source is 'Where the text came from, such as a file''s name.';
comment on column public.cogo_embeddings.simulated is 'The vendor simulator made the vector.';

alter table public.cogo_embeddings enable row level security;
drop policy if exists "owners read their embeddings" on public.cogo_embeddings;
create policy "owners read their embeddings" on public.cogo_embeddings
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_embeddings from public, anon, authenticated, service_role;
grant select on public.cogo_embeddings to authenticated;
grant select, insert, update, delete on public.cogo_embeddings to service_role;

-- schemas/0382_preview.sql
create or replace function cogo.preview(p_value jsonb)
  returns jsonb
  language sql
  immutable
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
comment on function cogo.preview(jsonb) is
  'A value as lists show it: beyond 4 KiB, only short fields of an object.';

revoke all on function cogo.preview(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.preview(jsonb) to authenticated, service_role;

insert into cogo.schema_versions (version) values ('20261121090100')
on conflict (version) do nothing;
