-- The roles of a hosted project, with its attributes: what a migration may not do there, it may not
-- do here. The superuser is `supabase_admin` (initdb made it); `postgres` is an ordinary role that
-- owns the database. Passwords are set afterwards, from the state directory.
--
-- Every file of the bootstrap can be applied again to data of an earlier version.

do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'anon', 'authenticated', 'service_role', 'authenticator', 'postgres', 'dashboard_user',
    'supabase_auth_admin', 'supabase_realtime_admin', 'supabase_storage_admin'
  ] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I', v_role);
    end if;
  end loop;
end;
$$;

alter role anon nologin noinherit;
alter role authenticated nologin noinherit;
alter role service_role nologin noinherit bypassrls;
alter role authenticator login noinherit;
alter role postgres login nosuperuser createdb createrole replication bypassrls;
alter role dashboard_user nologin createdb createrole replication;
alter role supabase_auth_admin nologin noinherit createrole;
alter role supabase_realtime_admin nologin noinherit;
alter role supabase_storage_admin nologin noinherit createrole;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, extensions;

grant anon, authenticated, service_role to authenticator;
-- With the admin option, so that `alter role authenticated set ...` works, as supautils lets it.
grant anon, authenticated, service_role, authenticator to postgres with admin option;

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end;
$$;
alter schema public owner to postgres;
-- No default privileges on new objects: hosted projects stopped granting them in October 2026.
grant usage on schema public to anon, authenticated, service_role;
