-- The roles of a hosted project with their attributes, so that migrations have the same rights. The
-- superuser is `supabase_admin`, created by initdb; `postgres` is an ordinary role that owns the
-- database. Passwords are set afterwards, from the state directory.
--
-- All files of the bootstrap can be applied again to data of an earlier version.

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
-- With the admin option, so that `alter role authenticated set ...` works, as with supautils.
grant anon, authenticated, service_role, authenticator to postgres with admin option;

-- As with supautils on hosted projects: `alter role authenticator set pgrst.db_max_rows = ...`.
do $$
declare
  v_name text;
begin
  foreach v_name in array array[
    'client_error_verbosity', 'db_aggregates_enabled', 'db_anon_role', 'db_extra_search_path',
    'db_hoisted_tx_settings', 'db_max_rows', 'db_plan_enabled', 'db_pre_config', 'db_pre_request',
    'db_prepared_statements', 'db_root_spec', 'db_schemas', 'db_timezone_enabled', 'db_tx_end',
    'jwt_aud', 'jwt_cache_max_lifetime', 'jwt_role_claim_key', 'jwt_secret',
    'jwt_secret_is_base64', 'openapi_mode', 'openapi_security_active', 'openapi_server_proxy_uri',
    'server_cors_allowed_origins', 'server_timing_enabled', 'server_trace_header'
  ] loop
    execute format('grant set on parameter "pgrst.%s" to postgres', v_name);
  end loop;
end;
$$;

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end;
$$;
alter schema public owner to postgres;
-- No default privileges on new objects: hosted projects stopped granting them in October 2026.
grant usage on schema public to anon, authenticated, service_role;
