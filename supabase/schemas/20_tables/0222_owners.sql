-- A row is never deleted: that an owner is regulated is also noted on subtasks, and a subtask so
-- noted is found only through this row.
create table if not exists cogo.owners (
  owner uuid not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.owners is
  'Limits of owners, set by operators; one without a row has none. They hold over all executors and
lanes but cio, which only a pause stops. The nil uuid stands for tasks without an owner.';

alter table cogo.owners enable row level security;
revoke all on cogo.owners from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.owners to service_role;
