create table if not exists cogo.subtask_payloads (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  error jsonb
);
comment on table cogo.subtask_payloads is
  'What a subtask has to do. Separate from cogo.subtasks, so that leases do not rewrite it.';
comment on column cogo.subtask_payloads.error is
  'Why it failed, if no attempt at it failed; otherwise the attempt has the error.';
alter table cogo.subtask_payloads enable row level security;
drop policy if exists "who reads a task reads its subtask payloads" on cogo.subtask_payloads;
create policy "who reads a task reads its subtask payloads" on cogo.subtask_payloads
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
drop policy if exists "who reads a task reads its subtask outputs" on cogo.subtask_outputs;
create policy "who reads a task reads its subtask outputs" on cogo.subtask_outputs
  for select to authenticated using (exists (select from cogo.subtasks s where s.id = subtask_id));

create table if not exists cogo.checkpoints (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  attempt integer not null,
  content text not null default '',
  reasoning text not null default '',
  updated_at timestamptz not null default cogo.now(),
  turn integer
);
comment on table cogo.checkpoints is 'The text of a running attempt so far, for new watchers.';
comment on column cogo.checkpoints.turn is
  'Which answer of the model it is the text of, from 1, in a subtask in which the model calls tools.';
alter table cogo.checkpoints enable row level security;
drop policy if exists "who reads a task reads its checkpoints" on cogo.checkpoints;
create policy "who reads a task reads its checkpoints" on cogo.checkpoints
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
drop policy if exists "who reads a task reads its dependencies" on cogo.dependencies;
create policy "who reads a task reads its dependencies" on cogo.dependencies
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);
