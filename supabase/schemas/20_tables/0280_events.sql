-- No foreign key: it would look the task up for each event, of which each is written by a trigger of
-- the statement that holds the task's lock. cogo.forget_tasks() deletes them with the task.
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
  'One row per transition of a task or a subtask, numbered without gaps within the task.';
comment on column cogo.events.kind is
  'task.<status> or subtask.<status>: where the transition led.';

alter table cogo.events enable row level security;
drop policy if exists "owners read their events" on cogo.events;
create policy "owners read their events" on cogo.events
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on cogo.events from public, anon, authenticated, service_role;
grant select on cogo.events to authenticated;
grant select, insert, update, delete on cogo.events to service_role;
