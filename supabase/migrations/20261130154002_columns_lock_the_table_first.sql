-- Columns lock the table first.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.check_table(p_table regclass)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_table pg_catalog.pg_class;
  v_schema pg_catalog.pg_namespace;
  v_ours oid := (select n.nspowner from pg_catalog.pg_namespace n where n.nspname = 'cogo');
  v_name constant text := cogo.show_table(p_table);
begin
  select c.* into v_table from pg_catalog.pg_class c where c.oid = p_table;
  if not found then
    perform cogo.refuse_column('there is no such table');
  end if;
  select n.* into v_schema from pg_catalog.pg_namespace n where n.oid = v_table.relnamespace;
  if v_table.relkind not in ('r', 'p') or v_table.relpersistence = 't' then
    perform cogo.refuse_column(format('%s is no table that keeps its rows', v_name));
  elsif v_schema.nspname in ('pg_catalog', 'information_schema', 'cogo')
     or v_schema.nspname = 'public' and v_table.relname like 'cogo\_%' then
    perform cogo.refuse_column(format('%s is a table of the system', v_name));
  elsif not pg_catalog.pg_has_role(current_user, v_table.relowner, 'usage') then
    perform cogo.refuse_column(
      format('only the owner of %s may add an AI column to it', v_name),
      format('call it as %I', pg_catalog.pg_get_userbyid(v_table.relowner))
    );
  elsif v_table.relowner <> v_ours then
    perform cogo.refuse_column(
      format(
        '%s belongs to %I, and AI columns can only be in tables of %I', v_name,
        pg_catalog.pg_get_userbyid(v_table.relowner), pg_catalog.pg_get_userbyid(v_ours)
      ),
      format('alter table %s owner to %I', v_name, pg_catalog.pg_get_userbyid(v_ours))
    );
  elsif v_table.relforcerowsecurity and not exists (
    select from pg_catalog.pg_roles r where r.oid = v_ours and (r.rolbypassrls or r.rolsuper)
  ) then
    perform cogo.refuse_column(
      format('row level security of %s is forced, also for its owner', v_name),
      format('alter table %s no force row level security', v_name)
    );
  end if;
  -- Before its partitions, whose locks the following takes, as everybody who writes does.
  execute format('lock table only %s in access share mode', v_name);
  if cogo.find_primary_key(p_table) is null then
    perform cogo.refuse_column(
      format('%s has no primary key, by which its rows could be found again', v_name),
      format('alter table %s add primary key (...)', v_name)
    );
  elsif cogo.find_stranger(p_table) is not null then
    perform cogo.refuse_column(format('%s: %s', v_name, cogo.find_stranger(p_table)));
  end if;
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130154002')
on conflict (version) do nothing;
