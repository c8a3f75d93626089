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
comment on column cogo.events.kind is
  'task.<status> or subtask.<status>: the new status; workflow.drift: a step is now asked otherwise.';
alter table cogo.events enable row level security;
drop policy if exists "who reads a task reads its events" on cogo.events;
create policy "who reads a task reads its events" on cogo.events for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
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
  output jsonb,
  primary key (subtask_id, attempt),
  constraint cogo_attempts_outcome check (
    outcome in (
      'completed', 'failed', 'released', 'reaped', 'cancelled', 'rerouted', 'routed', 'suspended'
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
comment on column public.cogo_attempts.output is
  'What it had written when it failed, or when its lease was taken back: text, reasoning, the turn, and
characters if the text was cut to 65,536. Null if it had written nothing. The accepted output is that
of the subtask.';
-- Two leases of one subtask cannot overlap.
create unique index if not exists cogo_attempts_one_running
  on public.cogo_attempts (subtask_id) where ended_at is null;
create index if not exists cogo_attempts_task on public.cogo_attempts (task_id);
create index if not exists cogo_attempts_ended on public.cogo_attempts (ended_at)
  where ended_at is not null;
alter table public.cogo_attempts enable row level security;
drop policy if exists "who reads a task reads its attempts" on public.cogo_attempts;
create policy "who reads a task reads its attempts" on public.cogo_attempts
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);
