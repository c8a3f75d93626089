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
