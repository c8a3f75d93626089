create table if not exists cogo.subtask_payloads (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  params jsonb not null default '{}' check (jsonb_typeof(params) = 'object'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object')
);
comment on table cogo.subtask_payloads is
  'What a subtask is to do. Apart from cogo.subtasks, so that leases do not rewrite it.';

alter table cogo.subtask_payloads enable row level security;
drop policy if exists "owners read their subtask_payloads" on cogo.subtask_payloads;
create policy "owners read their subtask_payloads" on cogo.subtask_payloads
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.subtask_payloads from public, anon, authenticated, service_role;
grant select on cogo.subtask_payloads to authenticated;
grant select, insert, update, delete on cogo.subtask_payloads to service_role;
