create table if not exists cogo.schema_versions (
  version text not null primary key,
  applied_at timestamptz not null default clock_timestamp()
);
comment on table cogo.schema_versions is
  'One row per migration, written by the migration itself: tells agents what a database has.';

alter table cogo.schema_versions enable row level security;
revoke all on cogo.schema_versions from public, anon, authenticated, service_role;
grant select on cogo.schema_versions to service_role;
