-- What a table runs when COGO writes has the rights of COGO's owner: it must be the owner's. Others
-- who may add triggers, as by `grant all`, would gain them.
create or replace function cogo.find_stranger(p_table regclass)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  with ours as (
    select n.nspowner as id from pg_catalog.pg_namespace n where n.nspname = 'cogo'
  ), parts as (
    select c.oid, c.relowner
      from pg_catalog.pg_class c
     where c.oid = p_table
        or c.oid in (select t.relid from pg_catalog.pg_partition_tree(p_table) t)
  ), used as (
    select t.tgname, p.proowner as owner
      from parts r
      join pg_catalog.pg_trigger t on t.tgrelid = r.oid and t.tgenabled <> 'D'
      join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = t.oid
       and d.refclassid = 'pg_catalog.pg_proc'::regclass
      join pg_catalog.pg_proc p on p.oid = d.refobjid and not p.prosecdef
    union
    select t.tgname, coalesce(o.oprowner, y.typowner)
      from parts r
      join pg_catalog.pg_trigger t on t.tgrelid = r.oid and t.tgqual is not null and t.tgenabled <> 'D'
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = t.oid
      left join pg_catalog.pg_operator o
        on d.refclassid = 'pg_catalog.pg_operator'::regclass and o.oid = d.refobjid
      left join pg_catalog.pg_type y
        on d.refclassid = 'pg_catalog.pg_type'::regclass and y.oid = d.refobjid
     where o.oid is not null or y.oid is not null
  )
  select s.problem
    from (
      select format(
               'its partition %s belongs to another role: alter table %1$s owner to %I',
               cogo.show_table(r.oid), pg_catalog.pg_get_userbyid(o.id)
             ) as problem
        from parts r cross join ours o where r.relowner <> o.id
      union all
      select format(
               'its trigger %I runs a function of %I with the rights of %I: drop it, or alter '
               'function ... owner to %3$I', u.tgname, pg_catalog.pg_get_userbyid(u.owner),
               pg_catalog.pg_get_userbyid(o.id)
             )
        from used u
        join pg_catalog.pg_roles w on w.oid = u.owner and not w.rolsuper
       cross join ours o
       where not pg_catalog.pg_has_role(u.owner, o.id, 'member')
    ) as s
   limit 1;
$$;
comment on function cogo.find_stranger is
  'Return whose code would run when a table is written, and is not of the owner of schema cogo; null if
there is none.';

create or replace function cogo.find_column_problem(p_column cogo.ai_columns)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
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
  v_name := cogo.find_stranger(p_column.table_id);
  if v_name is not null then
    return v_name;
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
