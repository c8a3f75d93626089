-- Schema `extensions`: those of a hosted project that these binaries include.

create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;

do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'vector') then
    create extension if not exists vector with schema extensions;
  end if;
end;
$$;

-- Replaces uuid-ossp, which these binaries lack.
create or replace function extensions.uuid_generate_v4()
  returns uuid
  language sql
  volatile
  set search_path = pg_catalog, pg_temp
as $$ select pg_catalog.gen_random_uuid() $$;

grant execute on function extensions.uuid_generate_v4() to anon, authenticated, service_role;
