create table if not exists public.cogo_tasks (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity unique,
  -- The user's columns. The orchestrator validates them, not a CHECK: a wrong value fails the task.
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
  -- Set by the database when a workflow inserts a child task or repeats itself.
  parent_task_id uuid references public.cogo_tasks (id) on delete cascade,
  previous_task_id uuid,
  -- Set by the database when it asks for values of an AI column.
  column_id uuid,
  -- Set by the database when memory asks for something: embed, summary or extract.
  follow_up text,
  -- The user's, too. Child tasks, next runs and the tasks of an AI column inherit them.
  project text,
  tags text[] not null default '{}',
  -- Set by cogo_fork_task().
  forked_from uuid,
  -- The system's.
  stopped_seconds double precision,
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
comment on column public.cogo_tasks.parent_task_id is
  'The task whose workflow inserted this one and waits for it. Its cost is the parent''s too.';
comment on column public.cogo_tasks.previous_task_id is
  'The run before this one, if its workflow repeats itself. It may have been deleted.';
comment on column public.cogo_tasks.forked_from is
  'The task that this one was asked again from, with changes. It may have been deleted.';
create index if not exists cogo_tasks_owner on public.cogo_tasks (owner, seq);
create unique index if not exists cogo_tasks_idempotency
  on public.cogo_tasks (owner, idempotency_key) nulls not distinct
  where idempotency_key is not null;
create index if not exists cogo_tasks_session on public.cogo_tasks (session_id, owner)
  where session_id is not null;
create index if not exists cogo_tasks_open on public.cogo_tasks (seq) where finished_at is null;
create index if not exists cogo_tasks_finished on public.cogo_tasks (finished_at)
  where finished_at is not null;
create index if not exists cogo_tasks_parent on public.cogo_tasks (parent_task_id)
  where parent_task_id is not null;
create index if not exists cogo_tasks_previous on public.cogo_tasks (previous_task_id)
  where previous_task_id is not null;
create index if not exists cogo_tasks_forked on public.cogo_tasks (forked_from)
  where forked_from is not null;
comment on column public.cogo_tasks.column_id is
  'The AI column that the task answers. Its caps count for the calls of the task.';
comment on column public.cogo_tasks.follow_up is
  'What memory needs the task for: embed, summary or extract. Lists leave these out, and they are
deleted when their results are applied.';
comment on column public.cogo_tasks.project is
  'A name of 100 characters at most. Caps, usage and who may see a task can go by it.';
comment on column public.cogo_tasks.tags is
  'Up to 20 words of 50 characters, sorted, each once.';
create index if not exists cogo_tasks_project on public.cogo_tasks (project, seq)
  where project is not null;
create index if not exists cogo_tasks_column on public.cogo_tasks (column_id)
  where column_id is not null and finished_at is null;
comment on column public.cogo_tasks.stopped_seconds is
  'How long spending had been stopped in all when the deadline was set; null without one. The time of
later stops does not count towards it.';
create index if not exists cogo_tasks_deadline
  on public.cogo_tasks (cogo.subtract_seconds(deadline, stopped_seconds))
  where deadline is not null and finished_at is null;
alter table public.cogo_tasks enable row level security;
-- The last condition is for the planner, which looks at its value: most people have no projects, and
-- without it their lists would read the whole table in order.
drop policy if exists "owners and members read tasks" on public.cogo_tasks;
create policy "owners and members read tasks" on public.cogo_tasks
  for select to authenticated using (
    owner = (select auth.uid())
    or project = any ((select cogo.visible_projects())::text[])
    and project = any (cogo.visible_projects())
  );
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
  exchange jsonb,
  primary key (session_id, seq),
  -- Not checked without an owner; cogo.delete_session_messages() does its work then.
  constraint cogo_messages_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete cascade
);
comment on table public.cogo_messages is
  'The messages of a session, in order of seq. Each turn adds two in one transaction: what the user said
and the answer.';
comment on column public.cogo_messages.exchange is
  'Of an answer: the calls of tools that led to it, with their results, in order. A call of the caller''s
tools may have no result yet. It is one value, so that no reader sees half of it.';
create index if not exists cogo_messages_task on public.cogo_messages (task_id)
  where task_id is not null;
alter table public.cogo_messages enable row level security;
drop policy if exists "owners read their messages" on public.cogo_messages;
create policy "owners read their messages" on public.cogo_messages
  for select to authenticated using (owner = (select auth.uid()));
