create table if not exists cogo.write_checks (
  at timestamptz not null default cogo.now()
);
comment on table cogo.write_checks is
  'When it was last found that this database can write: one row at most.';

alter table cogo.write_checks enable row level security;
revoke all on cogo.write_checks from public, anon, authenticated, service_role;
grant select, insert, truncate on cogo.write_checks to service_role;
