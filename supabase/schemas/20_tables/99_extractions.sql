create table if not exists cogo.extractions (
  task_id uuid not null primary key references public.cogo_tasks (id) on delete cascade,
  asked_task_id uuid,
  tries smallint not null default 0,
  due_at timestamptz not null default cogo.now()
);
comment on table cogo.extractions is
  'Completed tasks with params.remember whose facts are still to be remembered, and the follow-up task
that a model does for it.';
create index if not exists extractions_due on cogo.extractions (due_at);
alter table cogo.extractions enable row level security;
