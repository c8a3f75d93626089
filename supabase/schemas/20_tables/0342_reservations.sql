-- No foreign keys: a reservation must wait for nobody, and goes with the attempt it belongs to.
create table if not exists cogo.reservations (
  call_id uuid not null primary key,
  subtask_id uuid,
  attempt integer,
  agent_id text not null,
  task_id uuid,
  owner uuid not null default '00000000-0000-0000-0000-000000000000',
  budget_key text,
  provider text not null,
  call jsonb not null,
  usd numeric,
  made_at timestamptz not null default cogo.now(),
  constraint reservations_attempt check ((subtask_id is null) = (attempt is null))
);
comment on table cogo.reservations is
  'Calls to models that run now, and what each may cost at most (null: nobody knows). One that
belongs to no attempt counts for an hour.';

comment on column cogo.reservations.budget_key is
  'The key of the owner''s cap: the owner, or anonymous.';

create index if not exists reservations_attempt on cogo.reservations (subtask_id, attempt);

alter table cogo.reservations enable row level security;
revoke all on cogo.reservations from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.reservations to service_role;
