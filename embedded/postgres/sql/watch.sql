-- Event triggers that notify the REST layer of changes of the schema, and protect schemas
-- `realtime` and `storage` from migrations as hosted projects do.

create or replace function extensions.pgrst_ddl_watch()
  returns event_trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  notify pgrst, 'reload schema';
end;
$$;

-- Creating policies on tables of these schemas needs the rights of their owners. On hosted projects
-- supautils gives them to `postgres` for this purpose; here `postgres` is a member of the owners, and
-- the event triggers below refuse what hosted projects refuse.
grant supabase_realtime_admin, supabase_storage_admin to postgres;

create or replace function extensions.acts_as_superuser()
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$ select rolsuper from pg_catalog.pg_roles where rolname = current_user $$;

create or replace function extensions.guard_managed_ddl()
  returns event_trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_command record;
begin
  if extensions.acts_as_superuser() then
    return;
  end if;
  for v_command in select * from pg_catalog.pg_event_trigger_ddl_commands() loop
    if v_command.schema_name in ('realtime', 'storage')
      or (v_command.object_type = 'trigger' and v_command.object_identity like '% on realtime.%')
    then
      raise exception using
        errcode = '42501',
        message = format('must be owner of %s %s', v_command.object_type, v_command.object_identity),
        hint = 'A hosted project refuses this too: in this schema only policies are yours.';
    end if;
  end loop;
end;
$$;

create or replace function extensions.guard_managed_drop()
  returns event_trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_object record;
begin
  if extensions.acts_as_superuser() then
    return;
  end if;
  for v_object in
    select * from pg_catalog.pg_event_trigger_dropped_objects() where original
  loop
    if v_object.schema_name in ('realtime', 'storage') and v_object.object_type <> 'policy' then
      raise exception using
        errcode = '42501',
        message = format('must be owner of %s %s', v_object.object_type, v_object.object_identity),
        hint = 'A hosted project refuses this too: in this schema only policies are yours.';
    end if;
  end loop;
end;
$$;

drop event trigger if exists pgrst_ddl_watch;
drop event trigger if exists pgrst_drop_watch;
drop event trigger if exists guard_realtime_ddl; -- of earlier versions
drop event trigger if exists guard_realtime_drop;
drop function if exists extensions.guard_realtime_ddl(), extensions.guard_realtime_drop();
drop event trigger if exists guard_managed_ddl;
drop event trigger if exists guard_managed_drop;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();
create event trigger guard_managed_ddl on ddl_command_end
  execute function extensions.guard_managed_ddl();
create event trigger guard_managed_drop on sql_drop
  execute function extensions.guard_managed_drop();
