create table if not exists cogo.checkpoints (
  subtask_id uuid not null primary key references cogo.subtasks (id) on delete cascade,
  attempt integer not null,
  content text not null default '',
  reasoning text not null default '',
  updated_at timestamptz not null default cogo.now()
);
comment on table cogo.checkpoints is
  'The text of a running attempt so far, for watchers who come late.';

alter table cogo.checkpoints enable row level security;
drop policy if exists "owners read their checkpoints" on cogo.checkpoints;
create policy "owners read their checkpoints" on cogo.checkpoints
  for select to authenticated using (
    exists (select from cogo.subtasks s where s.id = subtask_id)
  );

revoke all on cogo.checkpoints from public, anon, authenticated, service_role;
grant select on cogo.checkpoints to authenticated;
grant select, insert, update, delete on cogo.checkpoints to service_role;
