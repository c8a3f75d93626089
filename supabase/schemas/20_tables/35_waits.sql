create table if not exists public.cogo_approvals (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity,
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  subtask_id uuid not null references cogo.subtasks (id) on delete cascade,
  owner uuid,
  key text not null,
  question text not null,
  show jsonb,
  by text,
  asked_at timestamptz not null default cogo.now(),
  answered_at timestamptz,
  approved boolean,
  answered_by uuid,
  comment text,
  withdrawn_at timestamptz,
  attempt integer,
  call_id text,
  answered_via text,
  cap text,
  cost_usd numeric,
  escalate_at timestamptz,
  escalate_to text,
  escalated_at timestamptz,
  expires_at timestamptz,
  kind text not null generated always as (
    case when cap is not null then 'budget' when call_id is not null then 'tool' else 'step' end
  ) stored,
  on_expiry text not null default 'refuse' check (on_expiry in ('refuse', 'approve')),
  withdrawn_reason text,
  project text,
  answered_who text,
  unique (subtask_id, key),
  constraint cogo_approvals_answered check ((answered_at is null) = (approved is null)),
  constraint cogo_approvals_withdrawn check (answered_at is null or withdrawn_at is null),
  constraint cogo_approvals_escalation check ((escalate_at is null) = (escalate_to is null))
);
comment on table public.cogo_approvals is
  'Questions to people: one for each subtask that waits for an approval, one for each call of a tool
that it waits for, or one for all subtasks of an owner that wait for the same budget. Each is answered
once, with cogo_answer_approval().';
comment on column public.cogo_approvals.kind is
  'step: of a workflow; tool: a call of a tool; budget: may more be spent?';
comment on column public.cogo_approvals.cap is
  'Of the kind budget: scope, key and period of the cap that is reached.';
comment on column public.cogo_approvals.cost_usd is
  'What an approval may cost in US dollars; null if unknown.';
comment on column public.cogo_approvals.expires_at is
  'When it is answered without a person, as on_expiry says; null: never.';
comment on column public.cogo_approvals.escalate_to is
  'Who may answer too from escalate_at on, and is told then: the uuid of a person, or operators.';
comment on column public.cogo_approvals.answered_via is
  'How it was answered, as the caller said, such as http or link; expiry: nobody had answered in time.';
comment on column public.cogo_approvals.withdrawn_reason is
  'Why nobody needs the answer any more; null: the subtask has ended.';
comment on column public.cogo_approvals.show is 'What the person should see before the answer.';
comment on column public.cogo_approvals.by is
  'Who may answer: null: the owner of the task; the uuid of a person; or operators, who always may.';
comment on column public.cogo_approvals.answered_by is 'The person; null: an operator.';
comment on column public.cogo_approvals.answered_who is
  'Who answered, as cogo_actions.who names them; null: nobody, or before this was stored.';
comment on column public.cogo_approvals.withdrawn_at is
  'When the subtask ended without an answer, for example because its task was cancelled.';
comment on column public.cogo_approvals.project is 'That of the task, whose members see the question.';
comment on column public.cogo_approvals.call_id is
  'The call of a tool, in the turns of the subtask, that waits for the answer; key ends with it.';
comment on column public.cogo_approvals.attempt is 'The attempt that waits with the call.';
create index if not exists cogo_approvals_open on public.cogo_approvals (owner, seq)
  where answered_at is null and withdrawn_at is null;
create index if not exists cogo_approvals_cap on public.cogo_approvals (cap)
  where cap is not null and answered_at is null and withdrawn_at is null;
create index if not exists cogo_approvals_project on public.cogo_approvals (project, seq)
  where project is not null and answered_at is null and withdrawn_at is null;
create index if not exists cogo_approvals_task on public.cogo_approvals (task_id);
create index if not exists cogo_approvals_due on public.cogo_approvals (expires_at)
  where expires_at is not null and answered_at is null and withdrawn_at is null;
create index if not exists cogo_approvals_escalating on public.cogo_approvals (escalate_at)
  where escalate_at is not null and escalated_at is null and answered_at is null
    and withdrawn_at is null;
alter table public.cogo_approvals enable row level security;
drop policy if exists "owners and approvers read approvals" on public.cogo_approvals;
create policy "owners and approvers read approvals" on public.cogo_approvals
  for select to authenticated
  using (
    owner = (select auth.uid()) or project = any ((select cogo.visible_projects())::text[])
    or by = (select auth.uid())::text
    or escalated_at is not null and escalate_to = (select auth.uid())::text
  );

create table if not exists cogo.budget_waits (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  task_id uuid not null,
  owner uuid,
  scope text not null,
  key text not null,
  per text not null,
  usd numeric not null check (usd >= 0),
  child jsonb,
  approval_id uuid,
  since timestamptz not null default cogo.now(),
  check_at timestamptz not null default cogo.now()
);
comment on table cogo.budget_waits is
  'Subtasks that wait until a cap has room for them. All of one owner that wait for one
cap share a question.';
comment on column cogo.budget_waits.key is
  'As in cogo.budgets; of scope task the id of the task whose budget is spent, perhaps one above.';
comment on column cogo.budget_waits.usd is
  'What the refused call may cost, or the budget that a child task asks for.';
comment on column cogo.budget_waits.child is 'The child task that its step starts then.';
comment on column cogo.budget_waits.check_at is 'When to look again whether there is room.';
create index if not exists budget_waits_check on cogo.budget_waits (check_at);
create index if not exists budget_waits_approval on cogo.budget_waits (approval_id);
alter table cogo.budget_waits enable row level security;

create table if not exists public.cogo_sent_events (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity,
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  name text not null,
  payload jsonb not null,
  idempotency_key text,
  sent_by uuid,
  sent_at timestamptz not null default cogo.now(),
  subtask_id uuid,
  taken_at timestamptz,
  constraint cogo_sent_events_taken check ((subtask_id is null) = (taken_at is null))
);
comment on table public.cogo_sent_events is
  'Events that people and programs sent to tasks. Each is taken once, by the oldest step that waits for
its name; early ones are kept until a step asks.';
comment on column public.cogo_sent_events.subtask_id is 'The step that took it.';
create unique index if not exists cogo_sent_events_idempotency
  on public.cogo_sent_events (task_id, idempotency_key) where idempotency_key is not null;
create index if not exists cogo_sent_events_task on public.cogo_sent_events (task_id, seq);
create index if not exists cogo_sent_events_buffered on public.cogo_sent_events (task_id, name, seq)
  where taken_at is null;
alter table public.cogo_sent_events enable row level security;
drop policy if exists "who reads a task reads its sent events" on public.cogo_sent_events;
create policy "who reads a task reads its sent events" on public.cogo_sent_events
  for select to authenticated using (
    exists (select from public.cogo_tasks t where t.id = task_id)
  );

create table if not exists cogo.child_tasks (
  child_id uuid not null primary key references public.cogo_tasks (id) on delete cascade,
  parent_id uuid not null,
  root_id uuid not null,
  subtask_id uuid not null,
  depth smallint not null,
  cost_usd numeric default 0,
  input_tokens bigint not null default 0,
  cached_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0
);
comment on table cogo.child_tasks is
  'The step of its parent that each child task was inserted for, and how much of its cost and tokens has
been added to the parent.';
comment on column cogo.child_tasks.root_id is 'The task without a parent that is above all of them.';
comment on column cogo.child_tasks.depth is 'The number of tasks above it.';
create index if not exists child_tasks_step on cogo.child_tasks (subtask_id);
create index if not exists child_tasks_root on cogo.child_tasks (root_id);
alter table cogo.child_tasks enable row level security;
drop policy if exists "who reads a task reads its child tasks" on cogo.child_tasks;
create policy "who reads a task reads its child tasks" on cogo.child_tasks
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = child_id)
);

-- No foreign keys, so that the end of a child waits for no lock of its parent.
create table if not exists cogo.wakes (
  seq bigint generated always as identity primary key,
  parent_id uuid not null,
  child_id uuid not null,
  subtask_id uuid not null,
  reason text not null check (reason in ('ended', 'cost', 'cancel'))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
comment on table cogo.wakes is
  'What child tasks and their parents must still learn of each other. Applied by cogo.apply_wakes().';
create index if not exists wakes_parent on cogo.wakes (parent_id);
alter table cogo.wakes enable row level security;
