-- Schema `cogo`: what only agents touch. It is not exposed to the API; agents reach it through the
-- functions `public.cogo_*`, which only `service_role` may execute. What users touch is in `public`.
--
-- supabase/README.md has the map, the lock order and how to change the schema.

create schema if not exists cogo;
comment on schema cogo is 'The internals of COGO: leases, payloads, events. Not exposed to the API.';
revoke all on schema cogo from public, anon;
-- The views in `public` run with the rights of the caller, so `authenticated` needs it.
grant usage on schema cogo to authenticated, service_role;

create table if not exists cogo.schema_versions (
  version text not null primary key,
  applied_at timestamptz not null default clock_timestamp()
);
comment on table cogo.schema_versions is
  'One row per applied migration, written by the migration itself. Agents read it at start.';
alter table cogo.schema_versions enable row level security;
