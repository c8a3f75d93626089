create or replace function cogo.refuse_column(p_message text, p_hint text default null)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- An empty hint would be printed as one.
  if p_hint is null then
    raise exception using errcode = 'TQ004', message = p_message;
  end if;
  raise exception using errcode = 'TQ004', message = p_message, hint = p_hint;
end;
$$;
comment on function cogo.refuse_column is 'Raise TQ004.';

create or replace function cogo.check_table(p_table regclass)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.check_table is 'Raise TQ004 if a table cannot have an AI column.';

create or replace function cogo.check_target(
  p_table regclass, p_name text, p_schema jsonb, p_params jsonb
)
  returns smallint language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_number smallint := (cogo.number_columns(p_table, array[p_name]))[1];
  v_column pg_catalog.pg_attribute;
  v_where constant text := format('%s.%I', cogo.show_table(p_table), p_name);
  v_key text;
begin
  if v_number is null then
    perform cogo.refuse_column(
      format('%s has no column %I', cogo.show_table(p_table), p_name),
      format('alter table %s add column %I text', cogo.show_table(p_table), p_name)
    );
  end if;
  select a.* into v_column
    from pg_catalog.pg_attribute a where a.attrelid = p_table and a.attnum = v_number;
  if v_column.attgenerated <> '' or v_column.attidentity <> '' then
    perform cogo.refuse_column(format('%s is a generated column, which nobody can write', v_where));
  elsif v_number = any (cogo.find_primary_key(p_table)) then
    perform cogo.refuse_column(format('%s is part of the primary key', v_where));
  elsif cogo.describe_column(p_table, v_number, p_schema, p_params) is null then
    perform cogo.refuse_column(
      format(
        '%s has the type %s, which models cannot write', v_where,
        pg_catalog.format_type(v_column.atttypid, v_column.atttypmod)
      ),
      'use text, boolean, an enum, a number, a date or time, uuid, jsonb, an array of these, or vector'
    );
  elsif v_column.atttypid in ('real[]'::regtype, 'double precision[]'::regtype)
     and jsonb_typeof(p_params -> 'embed') is distinct from 'boolean' then
    perform cogo.refuse_column(
      format('%s is a list of numbers, which could be an embedding', v_where),
      'say so: params => ''{"embed": true}'', or ''{"embed": false}'' for numbers that a model writes'
    );
  end if;
  select a.attname into v_key
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
   where a.attrelid = p_table and a.attnum = any (cogo.find_primary_key(p_table))
     and (t.typcategory in ('A', 'C', 'R', 'P') or t.oid in ('json'::regtype, 'jsonb'::regtype))
   limit 1;
  if found then
    perform cogo.refuse_column(
      format('the column %I of the primary key of %s has a type of several values', v_key,
             cogo.show_table(p_table))
    );
  end if;
  return v_number;
end;
$$;
comment on function cogo.check_target is
  'Raise TQ004 if a column cannot be an AI column; return its number.';
