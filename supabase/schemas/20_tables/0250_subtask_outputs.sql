-- No foreign key: whoever writes an output holds the lock of its task. cogo.forget_subtasks() deletes
-- it with the subtask.
create table if not exists cogo.subtask_outputs (
  subtask_id uuid not null primary key,
  attempt integer not null,
  output jsonb not null check (jsonb_typeof(output) = 'object'),
  created_at timestamptz not null default cogo.now()
);
comment on table cogo.subtask_outputs is
  'What the accepted attempt of a subtask made.';

alter table cogo.subtask_outputs enable row level security;
drop policy if exists "owners read their subtask_outputs" on cogo.subtask_outputs;
create policy "owners read their subtask_outputs" on cogo.subtask_outputs
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.subtask_outputs from public, anon, authenticated, service_role;
grant select on cogo.subtask_outputs to authenticated;
grant select, insert, update, delete on cogo.subtask_outputs to service_role;
