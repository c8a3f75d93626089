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
