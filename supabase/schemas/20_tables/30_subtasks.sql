-- cogo.check_subtask() checks what columns may have beside each other.
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
  priority smallint not null default 5,
  level smallint not null default 5,
  turn bigint not null default 0,
  place bigint not null default 0,
  deps_left integer not null default 0,
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
  awaited boolean not null default false,
  end_no integer,
  kind text not null default 'ask',
  not_needed boolean not null default false,
  passes boolean not null default false,
  unique (task_id, key)
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
comment on column cogo.subtasks.lane is
  'Who may claim it: cio, a canonical model id, sandbox:<language>, tools:<module>; wait: nobody.';
comment on column cogo.subtasks.reaps is
  'How many holders have died since it last made progress: a stored turn, or a suspension.';
comment on column cogo.subtasks.dead_at is 'When it became a dead letter: failed for good.';
comment on column cogo.subtasks.turn is
  'Its owner''s turn in the lane, set by cogo.assign_turn(): the lowest is served first.';
comment on column cogo.subtasks.place is
  'Its order among the subtasks of its owner: the lowest gets the owner''s next turn.';
comment on column cogo.subtasks.passes is
  'Whether its place may be before that of a subtask of its owner with an earlier turn.';
comment on column cogo.subtasks.level is 'Its priority among owners: 5, or as operators granted.';
comment on column cogo.subtasks.owner is 'The owner of the task; the nil uuid if it has none.';
comment on column cogo.subtasks.kind is
  'flow: it runs the workflow of its task; others: the kind of the step.';
comment on column cogo.subtasks.awaited is
  'Whether the suspended flow of its task waits for it: its end counts off the deps_left of the flow.';
comment on column cogo.subtasks.end_no is
  'Its place among the ends of the steps of its task''s flow; null: it has not completed or failed.';
comment on column cogo.subtasks.not_needed is
  'Whether its workflow cancelled it. A redrive of the task leaves it.';
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
-- In most lanes there is none.
create index if not exists subtasks_passing on cogo.subtasks (lane) where status = 'queued' and passes;
create index if not exists subtasks_blocked on cogo.subtasks (lane) where status = 'blocked';
create index if not exists subtasks_running on cogo.subtasks (seq) where status = 'running';
create index if not exists subtasks_parked on cogo.subtasks (lane)
  where status in ('waiting', 'held');
create index if not exists subtasks_dead on cogo.subtasks (dead_at) where dead_at is not null;
-- Steps that an agent with a sandbox or tools has to do; there may be none.
create index if not exists subtasks_unserved on cogo.subtasks (created_at)
  where status = 'queued' and kind in ('check', 'call');
create index if not exists subtasks_delayed on cogo.subtasks (run_at) where status = 'delayed';
alter table cogo.subtasks enable row level security;
drop policy if exists "who reads a task reads its subtasks" on cogo.subtasks;
create policy "who reads a task reads its subtasks" on cogo.subtasks for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);
