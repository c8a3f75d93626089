-- No foreign key: the writer holds the lock of the task, and cogo.delete_subtask_records() deletes turns
-- with their subtask (docs/adr/0009).
create table if not exists cogo.turns (
  subtask_id uuid not null,
  seq integer not null check (seq > 0),
  kind text not null check (kind in ('answer', 'begun', 'result', 'approval')),
  attempt integer not null,
  body jsonb not null check (jsonb_typeof(body) = 'object'),
  created_at timestamptz not null default cogo.now(),
  primary key (subtask_id, seq)
);
comment on table cogo.turns is
  'The transcript of a subtask in which a model calls tools: the next attempt goes on after the last row.
Numbered without gaps from 1, and never changed.';
comment on column cogo.turns.kind is
  'answer: an answer of the model; begun: a tool is about to run; result: what it gave; approval: what a
person answered.';
comment on column cogo.turns.attempt is 'The attempt that stored it, or that asked for the approval.';
alter table cogo.turns enable row level security;
drop policy if exists "who reads a task reads its turns" on cogo.turns;
create policy "who reads a task reads its turns" on cogo.turns
  for select to authenticated using (exists (select from cogo.subtasks s where s.id = subtask_id));
