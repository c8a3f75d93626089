-- Most tasks are one question and have no row: it is written when a flow is first suspended.
create table if not exists cogo.flows (
  task_id uuid not null primary key references public.cogo_tasks (id) on delete cascade,
  first_claimed_at timestamptz not null,
  ends integer not null default 0,
  decisions jsonb not null default '{}' check (jsonb_typeof(decisions) = 'object'),
  awaits text[] not null default '{}',
  deadline_passed_at timestamptz,
  fork jsonb
) with (fillfactor = 50);
comment on table cogo.flows is
  'What is recorded of a workflow that waits for steps, beside the steps themselves.';
comment on column cogo.flows.ends is
  'How many of its steps have completed or failed: the last end_no, counted under the task lock.';
comment on column cogo.flows.decisions is
  'What the workflow took from the world, by key, such as a choice of models. The first one stays.';
comment on column cogo.flows.awaits is 'The keys of the steps that the last suspension waits for.';
comment on column cogo.flows.deadline_passed_at is
  'When the deadline of the task ended its open steps; the task fails 30 seconds later.';
comment on column cogo.flows.fork is
  'Of a task that was forked from a step: the key of that step, the prompt and the model that replace
those that the workflow gives it, and the seed of its random numbers.';
alter table cogo.flows enable row level security;
drop policy if exists "who reads a task reads its flows" on cogo.flows;
create policy "who reads a task reads its flows" on cogo.flows for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);
