-- Appended to by the transaction that closes an attempt, so that many of them never wait for one
-- row of statistics; emptied by cogo.learn().
create table if not exists cogo.outcomes (
  seq bigint generated always as identity primary key,
  subtask_id uuid not null,
  attempt integer not null
);
comment on table cogo.outcomes is 'Attempts that ended and from which nothing was learned yet.';

alter table cogo.outcomes enable row level security;
revoke all on cogo.outcomes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.outcomes to service_role;
