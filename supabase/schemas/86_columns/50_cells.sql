create or replace function cogo.cast_keys(p_column cogo.ai_columns, p_keys jsonb[])
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'iso_8601' set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
declare
  v_keys jsonb[];
begin
  execute format(
    'select array(select case when k.key is not null then %s end '
    'from unnest($1) with ordinality as k (key, nth) order by k.nth)', cogo.cast_key(p_column)
  ) into v_keys using p_keys;
  return v_keys;
end;
$$;
comment on function cogo.cast_keys is
  'Return keys as they are stored, whatever the settings of the session that wrote them.';

create or replace function cogo.recast_cells(p_column cogo.ai_columns, p_most bigint default null)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  -- Few, since all or most are written in another way then.
  v_keys jsonb[] := array(
    select c.key from cogo.ai_cells c where c.column_id = p_column.id order by c.key desc limit 10
  );
begin
  if cogo.cast_keys(p_column, v_keys) = v_keys then
    return;
  elsif p_most < (select sum(n.cells) from cogo.ai_counts n where n.column_id = p_column.id) then
    raise exception using
      errcode = 'TQ003',
      message = 'the primary key of its table has another type now: call cogo.ai_column() for it again';
  end if;
  v_keys := array(select c.key from cogo.ai_cells c where c.column_id = p_column.id);
  update cogo.ai_cells c
     set key = k.key
    from unnest(v_keys, cogo.cast_keys(p_column, v_keys)) as k (old_key, key)
   where c.column_id = p_column.id and c.key = k.old_key and k.key <> k.old_key;
end;
$$;
comment on function cogo.recast_cells is
  'Write the keys of cells as the types of the primary key do now; raise TQ003 if there are too many.';

-- A row that is not found may have a new key by now, which an edit tells that is not collected yet. It
-- was committed with the row, so a later statement than the one that has missed the row sees it.
create or replace function cogo.has_moved(p_column_id uuid)
  returns boolean language sql volatile set search_path = pg_catalog, pg_temp
as $$
  -- In the order of the index that has only these.
  select coalesce(
    (
      select true
        from cogo.ai_edits e
       where e.column_id = p_column_id and (e.old_key is not null or e.key is null)
       order by e.op, e.seq limit 1
    ), false
  );
$$;
comment on function cogo.has_moved is
  'Return whether rows of an AI column may be known by other keys now.';

-- Looked at after rows were read by their keys: those of another row by now are among these.
create or replace function cogo.list_moving(p_column cogo.ai_columns)
  returns jsonb[] language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select cogo.cast_keys(
    p_column,
    array(
      select k.key
        from cogo.ai_edits e
       cross join lateral unnest(array[e.key, e.old_key]) as k (key)
       where e.column_id = p_column.id and e.old_key is not null and k.key is not null
    )
  );
$$;
comment on function cogo.list_moving is
  'Return the keys of which edits that are not collected yet say that they were given or taken away.';

create or replace function cogo.delete_cells(p_column_id uuid, p_keys jsonb[])
  returns uuid[] language sql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
  with deleted as (
    delete from cogo.ai_cells c
     where c.column_id = p_column_id and c.key = any (p_keys)
    returning c.state, c.task_id
  )
  select array(
    select distinct d.task_id from deleted d where d.state = 'asked' and d.task_id is not null
  );
$$;
comment on function cogo.delete_cells is
  'Delete cells; return the tasks that were to answer them.';

create or replace function cogo.move_cell(p_column_id uuid, p_from jsonb, p_to jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_parked constant jsonb := jsonb_build_array('parked') || p_from;
begin
  if p_from = p_to then
    return;
  end if;
  -- Rows that exchange their keys in one statement: the other one is moved by a later edit.
  update cogo.ai_cells c
     set key = jsonb_build_array('parked') || p_to
   where c.column_id = p_column_id and c.key = p_to
     and exists (
       select from cogo.ai_cells o where o.column_id = p_column_id and o.key in (p_from, v_parked)
     );
  update cogo.ai_cells c
     set key = p_to
   where c.column_id = p_column_id
     and c.key = case
       when exists (
         select from cogo.ai_cells o where o.column_id = p_column_id and o.key = v_parked
       ) then v_parked
       else p_from
     end;
end;
$$;
comment on function cogo.move_cell is 'Give a cell the new key of its row.';

-- A row that is moved to another partition is deleted and inserted. In order, since a key may have been
-- given to another row meanwhile, whose value is no person's.
create or replace function cogo.follow_keys(
  p_column cogo.ai_columns, p_ops text[], p_xids xid8[], p_old jsonb[], p_new jsonb[]
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  v_id constant uuid := p_column.id;
  v_dropped uuid[] := '{}';
  v_taken_over jsonb[] := '{}';
  v_has_partitions constant boolean := exists (
    select from pg_catalog.pg_class c where c.oid = p_column.table_id and c.relkind = 'p'
  );
  v_unlike jsonb[];
begin
  for n in 1..cardinality(p_ops) loop
    if v_has_partitions and p_ops[n] = 'DELETE' and p_ops[n + 1] = 'INSERT'
       and p_xids[n] = p_xids[n + 1] then
      perform cogo.move_cell(v_id, p_old[n], p_new[n + 1]);
      v_taken_over := v_taken_over || p_new[n + 1];
    elsif p_ops[n] = 'DELETE' then
      v_dropped := v_dropped || cogo.delete_cells(v_id, p_old[n:n]);
    elsif p_ops[n] = 'INSERT'
      and (v_has_partitions and p_ops[n - 1] = 'DELETE' and p_xids[n - 1] = p_xids[n]) is not true then
      -- What is known of its key is of a row that has gone, perhaps with its partition.
      v_dropped := v_dropped || cogo.delete_cells(v_id, p_new[n:n]);
    elsif p_old[n] is not null then
      perform cogo.move_cell(v_id, p_old[n], p_new[n]);
      if p_old[n] = any (v_taken_over) then
        v_taken_over := v_taken_over || p_new[n];
      end if;
    end if;
  end loop;
  -- Or it is another row that was inserted after one was deleted.
  v_unlike := array(
    select r.asked_key
      from cogo.read_rows(cogo.describe_row(p_column, p_column.version), v_taken_over) r
      join cogo.ai_cells c on c.column_id = v_id and c.key = r.asked_key
     where r.is_there
       and not (
         c.value_hash = r.value_hash and (r.has_value or c.source_hash = r.source_hash)
       )
  );
  if v_unlike <> '{}' then
    v_dropped := v_dropped || cogo.delete_cells(
      v_id, array(select u from unnest(v_unlike) u where u <> all (cogo.list_moving(p_column)))
    );
  end if;
  delete from cogo.ai_cells c
   where c.column_id = v_id and c.key in (select jsonb_build_array('parked') || k from unnest(p_new) k);
  return v_dropped;
end;
$$;
comment on function cogo.follow_keys is
  'Move the cells of rows that have new keys, and delete those of deleted ones, in the order of the
edits; return the tasks that nobody waits for any more.';
