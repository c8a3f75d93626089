create or replace function cogo.list_columns(p_table regclass, p_numbers smallint[])
  returns text[] language sql stable set search_path = ''
as $$
  select coalesce(array_agg(a.attname::text order by n.nth), '{}')
    from unnest(p_numbers) with ordinality as n (number, nth)
    left join pg_catalog.pg_attribute a
      on a.attrelid = p_table and a.attnum = n.number and not a.attisdropped;
$$;
comment on function cogo.list_columns is
  'Return the names of columns of a table; null for each that was dropped.';

create or replace function cogo.number_columns(p_table regclass, p_names text[])
  returns smallint[] language sql stable set search_path = ''
as $$
  select coalesce(array_agg(a.attnum order by n.nth), '{}')
    from unnest(p_names) with ordinality as n (name, nth)
    left join pg_catalog.pg_attribute a
      on a.attrelid = p_table and a.attname = n.name and a.attnum > 0 and not a.attisdropped;
$$;
comment on function cogo.number_columns is
  'Return the numbers of columns of a table; null for each that does not exist.';

create or replace function cogo.find_primary_key(p_table regclass)
  returns smallint[] language sql stable set search_path = ''
as $$
  select c.conkey from pg_catalog.pg_constraint c where c.conrelid = p_table and c.contype = 'p';
$$;
comment on function cogo.find_primary_key is 'Return the numbers of the columns of a primary key.';

create or replace function cogo.show_table(p_table regclass)
  returns text language sql stable set search_path = ''
as $$
  select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.oid = p_table;
$$;
comment on function cogo.show_table is
  'Return the name of a table with its schema, quoted where SQL needs it; null if it was dropped.';

-- Renaming changes names, restoring a dump changes numbers.
create or replace function cogo.sync_column(p_id uuid)
  returns cogo.ai_columns language plpgsql set search_path = ''
as $$
declare
  v_column cogo.ai_columns;
  v_names text[];
begin
  select c.* into v_column from cogo.ai_columns c where c.id = p_id;
  if v_column.table_oid <> v_column.table_id::oid then
    update cogo.ai_column_versions v
       set source_numbers = cogo.number_columns(v_column.table_id, v.source_names)
     where v.column_id = p_id;
    update cogo.ai_columns c
       set table_oid = c.table_id::oid,
           key_numbers = cogo.number_columns(c.table_id, c.key_names),
           column_number = coalesce(
             (cogo.number_columns(c.table_id, array[c.column_name]))[1], c.column_number
           ),
           owner_number = (cogo.number_columns(c.table_id, array[c.owner_name]))[1],
           layout = null
     where c.id = p_id
    returning c.* into v_column;
    return v_column;
  end if;
  v_names := cogo.list_columns(
    v_column.table_id, array[v_column.column_number, v_column.owner_number] || v_column.key_numbers
  );
  if v_names is distinct from array[v_column.column_name, v_column.owner_name] || v_column.key_names
     and array_position(v_names[1:1] || v_names[3:], null) is null
     and (v_column.owner_number is null or v_names[2] is not null) then
    update cogo.ai_columns c
       set column_name = v_names[1], owner_name = v_names[2], key_names = v_names[3:]
     where c.id = p_id
    returning c.* into v_column;
    perform cogo.install_trigger(v_column);
  end if;
  if exists (
    select from cogo.ai_column_versions v
     where v.column_id = p_id
       and cogo.list_columns(v_column.table_id, v.source_numbers) <> v.source_names
       and array_position(cogo.list_columns(v_column.table_id, v.source_numbers), null) is null
  ) then
    update cogo.ai_column_versions v
       set source_names = cogo.list_columns(v_column.table_id, v.source_numbers)
     where v.column_id = p_id
       and array_position(cogo.list_columns(v_column.table_id, v.source_numbers), null) is null;
    perform cogo.install_trigger(v_column);
    -- Edits since the renaming may have been missed.
    update cogo.ai_columns c set sweep_after = '[]' where c.id = p_id returning c.* into v_column;
  end if;
  return v_column;
end;
$$;
comment on function cogo.sync_column is
  'Return an AI column after its names were compared with those of its table. The caller holds its
lock.';

create or replace function cogo.find_column_problem(p_column cogo.ai_columns)
  returns text language plpgsql stable set search_path = ''
as $$
declare
  v_table pg_catalog.pg_class;
  v_target pg_catalog.pg_attribute;
  v_version cogo.ai_column_versions;
  v_again constant text := 'call cogo.ai_column() for it again';
  v_name text;
begin
  select c.* into v_table from pg_catalog.pg_class c where c.oid = p_column.table_id;
  if not found then
    return 'its table was dropped';
  elsif v_table.relowner <> (
    select n.nspowner from pg_catalog.pg_namespace n where n.nspname = 'cogo'
  ) then
    return format(
      'its table belongs to another role: alter table %s owner to %I',
      cogo.show_table(p_column.table_id),
      (
        select pg_catalog.pg_get_userbyid(n.nspowner)
          from pg_catalog.pg_namespace n where n.nspname = 'cogo'
      )
    );
  elsif v_table.relforcerowsecurity and not exists (
    select from pg_catalog.pg_roles r
     where r.oid = v_table.relowner and (r.rolbypassrls or r.rolsuper)
  ) then
    return 'row level security is forced on its table, also for its owner: alter table ... no force row '
      'level security';
  end if;
  select a.* into v_target
    from pg_catalog.pg_attribute a
   where a.attrelid = p_column.table_id and a.attnum = p_column.column_number;
  if not found or v_target.attisdropped then
    return 'the column was dropped: call cogo.remove_ai_column() for it, or ' || v_again;
  elsif pg_catalog.format_type(v_target.atttypid, v_target.atttypmod) <> p_column.type
     or v_target.attgenerated <> '' or v_target.attidentity <> '' then
    return 'the column has another type now: ' || v_again;
  elsif cogo.find_primary_key(p_column.table_id) is distinct from p_column.key_numbers then
    return 'its table has another primary key now: ' || v_again;
  elsif p_column.owner_name is not null
     and cogo.list_columns(p_column.table_id, array[p_column.owner_number]) = array[null::text] then
    return format('its owner column %I was dropped: %s', p_column.owner_name, v_again);
  end if;
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_column.id and v.version = p_column.version;
  select n.name into v_name
    from unnest(
           v_version.source_names, cogo.list_columns(p_column.table_id, v_version.source_numbers)
         ) as n (name, now)
   where n.now is null
   limit 1;
  if found then
    return format('its source column %I was dropped: %s', v_name, v_again);
  elsif not exists (
    select from pg_catalog.pg_trigger t
     where t.tgrelid = p_column.table_id and t.tgname = cogo.name_trigger(p_column.id)
       and t.tgenabled in ('O', 'A')
  ) then
    return format(
      'the trigger %s of its table was dropped or disabled: %s', cogo.name_trigger(p_column.id), v_again
    );
  end if;
  return null;
end;
$$;
comment on function cogo.find_column_problem is
  'Return why an AI column cannot be read or written, as a sentence; null if it can.';
