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
