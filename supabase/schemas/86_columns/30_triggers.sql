-- Security definer: writers of the table have no rights on what COGO notes. They may have types of their
-- own in pg_temp, which is looked into first where it is not named: a domain `jsonb` whose check is run.
create or replace function cogo.note_truncation()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.ai_edits (column_id, op) values (tg_argv[0]::uuid, 'TRUNCATE');
  return null;
end;
$$;
comment on function cogo.note_truncation is
  'Note that the table of an AI column was truncated.';

-- By the numbers of the columns, since a name has just changed.
create or replace function cogo.find_key(p_id uuid, p_row jsonb)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(p_row -> n.name order by n.nth)
    from cogo.ai_columns c
    cross join unnest(cogo.list_columns(c.table_id, c.key_numbers)) with ordinality as n (name, nth)
   where c.id = p_id and p_row is not null;
$$;
comment on function cogo.find_key is 'Return the key of a row whose columns have other names now.';

create or replace function cogo.compare_columns(p_table regclass, p_numbers smallint[])
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  -- The text of a value shows changes that its type takes for none: collations that ignore case, json.
  select string_agg(
           case
             when t.typnamespace = 'pg_catalog'::regnamespace and t.typcategory in ('N', 'B', 'D')
               or t.typtype = 'e' or t.oid = 'uuid'::regtype
             then format('new.%1$I is distinct from old.%1$I', a.attname)
             else format(
               'new.%1$I::text collate "C" is distinct from old.%1$I::text collate "C"', a.attname
             )
           end, ' or '
         )
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
   where a.attrelid = p_table and a.attnum = any (p_numbers);
$$;
comment on function cogo.compare_columns is
  'Return a condition of a trigger that is true if one of these columns has changed.';

create or replace function cogo.expand_virtual(p_table regclass, p_numbers smallint[])
  returns smallint[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  -- A trigger does not see the values of virtual columns.
  select array(
    select a.attnum
      from pg_catalog.pg_attribute a
     where a.attrelid = p_table and a.attnum = any (p_numbers) and a.attgenerated <> 'v'
     union
    select d.refobjsubid::smallint
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
      join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
       and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = a.attrelid
       and d.refobjsubid > 0 and d.refobjsubid <> a.attnum
     where a.attrelid = p_table and a.attnum = any (p_numbers) and a.attgenerated = 'v'
  );
$$;
comment on function cogo.expand_virtual is
  'Return columns with those that virtual ones are made of in their place.';

-- A function of its own for each AI column: the names of its columns are part of the program, which is
-- fast, and no condition of the trigger refers to a column, so all of them can be altered and dropped.
-- Security definer: writers of the table have no rights on what COGO notes.
create or replace function cogo.install_trigger(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_name constant text := cogo.name_trigger(p_column.id);
  v_new text;
  v_old text;
begin
  select string_agg(format('new.%I', k), ', '), string_agg(format('old.%I', k), ', ')
    into v_new, v_old from unnest(p_column.key_names) k;
  execute format(
    'create or replace function cogo.%I() returns trigger language plpgsql security definer '
    'set search_path = pg_catalog, pg_temp as %L',
    v_name,
    format(
      $body$
declare
  v_key jsonb;
  v_old_key jsonb;
  v_by_person boolean := false;
begin
  begin
    if tg_op = 'INSERT' then
      v_key := jsonb_build_array(%1$s);
    elsif tg_op = 'DELETE' then
      v_old_key := jsonb_build_array(%2$s);
    elsif %3$s then
      v_key := jsonb_build_array(%1$s);
      v_old_key := jsonb_build_array(%2$s);
    elsif %4$s then
      v_key := jsonb_build_array(%1$s);
    elsif (%5$s) and current_setting('cogo.writes', true) is distinct from %6$L then
      v_key := jsonb_build_array(%1$s);
      v_by_person := cogo.may_be_person();
    else
      return null;
    end if;
  exception
    -- A column was just renamed or dropped, or has another type than in the plans of this session.
    when undefined_column or datatype_mismatch then
      if tg_op <> 'DELETE' then
        v_key := cogo.find_key(%6$L, to_jsonb(new));
      end if;
      if tg_op <> 'INSERT' then
        v_old_key := cogo.find_key(%6$L, to_jsonb(old));
      end if;
  end;
  insert into cogo.ai_edits (column_id, op, key, old_key, by_person)
  values (%6$L, tg_op, v_key, v_old_key, v_by_person);
  return null;
end;
$body$,
      v_new, v_old,
      cogo.compare_columns(p_column.table_id, p_column.key_numbers),
      coalesce(
        (
          select cogo.compare_columns(
                   p_column.table_id, cogo.expand_virtual(p_column.table_id, v.source_numbers)
                 )
            from cogo.ai_column_versions v
           where v.column_id = p_column.id and v.version = p_column.version
        ), 'false'
      ),
      cogo.compare_columns(p_column.table_id, array[p_column.column_number]),
      p_column.id
    )
  );
  execute format('revoke all on function cogo.%I() from public', v_name);
  execute format(
    'comment on function cogo.%I() is %L', v_name,
    format(
      'Note which rows of %s were written, for its AI column %I. Security definer: writers of the table '
      'have no rights on what COGO notes.',
      cogo.show_table(p_column.table_id), p_column.column_name
    )
  );
end;
$$;
comment on function cogo.install_trigger is
  'Create the function of the trigger of an AI column, for the names that its columns have now.';
