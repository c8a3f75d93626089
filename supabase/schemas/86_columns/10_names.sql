create or replace function cogo.list_columns(p_table regclass, p_numbers smallint[])
  returns text[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(a.attname::text order by n.nth), '{}')
    from unnest(p_numbers) with ordinality as n (number, nth)
    left join pg_catalog.pg_attribute a
      on a.attrelid = p_table and a.attnum = n.number and not a.attisdropped;
$$;
comment on function cogo.list_columns is
  'Return the names of columns of a table; null for each that was dropped.';

create or replace function cogo.number_columns(p_table regclass, p_names text[])
  returns smallint[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(a.attnum order by n.nth), '{}')
    from unnest(p_names) with ordinality as n (name, nth)
    left join pg_catalog.pg_attribute a
      on a.attrelid = p_table and a.attname = n.name and a.attnum > 0 and not a.attisdropped;
$$;
comment on function cogo.number_columns is
  'Return the numbers of columns of a table; null for each that does not exist.';

create or replace function cogo.find_primary_key(p_table regclass)
  returns smallint[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c.conkey from pg_catalog.pg_constraint c where c.conrelid = p_table and c.contype = 'p';
$$;
comment on function cogo.find_primary_key is 'Return the numbers of the columns of a primary key.';

create or replace function cogo.show_table(p_table regclass)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.oid = p_table;
$$;
comment on function cogo.show_table is
  'Return the name of a table with its schema, quoted where SQL needs it; null if it was dropped.';

-- Renaming changes names, restoring a dump changes numbers.
create or replace function cogo.sync_column(p_id uuid)
  returns cogo.ai_columns language plpgsql set search_path = pg_catalog, pg_temp
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
