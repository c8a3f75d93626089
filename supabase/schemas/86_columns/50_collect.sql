create or replace function cogo.cancel_unstarted(
  p_task_ids uuid[], p_reason text, p_also_started boolean default false
)
  returns uuid[] language plpgsql set search_path = ''
as $$
declare
  v_ids uuid[];
begin
  -- Never waits for a task, since the caller holds locks of cells.
  v_ids := array(
    select t.id
      from public.cogo_tasks t
     where t.id = any (p_task_ids) and t.finished_at is null
     order by t.seq + 0
       for no key update skip locked
  );
  v_ids := array(
    select i.id from unnest(v_ids) as i (id)
     where p_also_started or not exists (
       select from public.cogo_attempts a
        where a.task_id = i.id and cogo.is_calling_lane(a.lane)
     )
  );
  if v_ids <> '{}' then
    perform cogo.cancel_tasks(v_ids, p_reason);
  end if;
  return v_ids;
end;
$$;
comment on function cogo.cancel_unstarted is
  'Cancel tasks that no model was asked for yet, or all of these; return their ids. Skips locked tasks.';

create or replace function cogo.drop_tasks(p_column_id uuid, p_task_ids uuid[])
  returns void language plpgsql set search_path = ''
as $$
begin
  if coalesce(p_task_ids, '{}') = '{}' then
    return;
  end if;
  update cogo.ai_cells c
     set state = 'pending', due_at = cogo.now(), task_id = null
   where c.column_id = p_column_id and c.state = 'asked'
     and c.task_id = any (
       cogo.cancel_unstarted(p_task_ids, 'the value is not wanted any more: the row or the column has changed')
     );
end;
$$;
comment on function cogo.drop_tasks is
  'Cancel the tasks of cells whose answers are out of date, if nothing was paid for; they are asked for
anew.';

create or replace function cogo.drop_unstarted(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = ''
as $$
begin
  perform cogo.drop_tasks(
    p_column.id,
    array(
      select distinct c.task_id
        from cogo.ai_cells c
       where c.column_id = p_column.id and c.state = 'asked' and c.task_id is not null
         and c.version is distinct from p_column.version
    )
  );
end;
$$;
comment on function cogo.drop_unstarted is
  'Cancel what was asked for by another version of an AI column and has not begun.';

-- What counts is the row as it is now, however it was written and how often.
create or replace function cogo.examine_rows(
  p_column cogo.ai_columns, p_keys jsonb[], p_is_sweep boolean default false
)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_dropped uuid[];
  v_keys jsonb[];
  v_are_there boolean[];
  v_owners uuid[];
  v_sources bytea[];
  v_values bytea[];
  v_have_values boolean[];
  v_moving jsonb[];
begin
  select array_agg(r.key), array_agg(r.is_there), array_agg(r.owner), array_agg(r.source_hash),
         array_agg(r.value_hash), array_agg(r.has_value)
    into v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values
    from cogo.read_rows(cogo.describe_row(p_column, p_column.version), p_keys) r;
  -- A later edit tells which row that is, and has it looked at again.
  v_moving := cogo.list_moving(p_column);
  with examined as materialized (
    select distinct on (r.key)
           r.key, r.is_there, r.owner, r.source_hash, r.value_hash,
           r.has_value and not p_column.overwrite as has_value,
           c.key is not null as has_cell, c.state, c.task_id,
           coalesce(c.value_hash <> r.value_hash and not p_column.overwrite, false) as is_written,
           -- Versions with other sources cannot be compared.
           case
             when coalesce(c.version, p_column.version) = p_column.version
               or v.source_numbers = w.source_numbers then
               c.source_hash is distinct from r.source_hash
             else not p_is_sweep
           end as is_edited
      from unnest(v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values)
             as r (key, is_there, owner, source_hash, value_hash, has_value)
      left join cogo.ai_cells c on c.column_id = p_column.id and c.key = r.key
      left join cogo.ai_column_versions v
        on v.column_id = p_column.id and v.version = c.version
      left join cogo.ai_column_versions w
        on w.column_id = p_column.id and w.version = p_column.version
     where r.key <> all (v_moving)
     order by r.key, r.is_there desc
  ), kept as (
    update cogo.ai_cells c
       set state = 'kept', value_hash = r.value_hash, owner = r.owner, task_id = null, reason = null,
           done_at = v_now
      from examined r
     where c.column_id = p_column.id and c.key = r.key and r.is_there and r.is_written
       and c.state <> 'kept'
    returning r.state, r.task_id
  ), edited as (
    update cogo.ai_cells c
       set state = case when c.state in ('done', 'failed') then 'pending' else c.state end,
           priority = case when c.state = 'asked' then c.priority else 0 end,
           due_at = case when c.state in ('done', 'failed') then v_now else c.due_at end,
           tries = case when c.state = 'asked' then c.tries else 0 end,
           reason = case when c.state = 'asked' then c.reason end,
           source_hash = case when c.state = 'asked' then c.source_hash else r.source_hash end,
           owner = r.owner
      from examined r
     where c.column_id = p_column.id and c.key = r.key and r.is_there and r.is_edited
       and not r.is_written and c.state <> 'kept'
    returning r.state, r.task_id
  ), given as (
    update cogo.ai_cells c
       set owner = r.owner
      from examined r
     where c.column_id = p_column.id and c.key = r.key and r.is_there
       and c.owner is distinct from r.owner
       and (c.state = 'kept' or not r.is_edited and not r.is_written)
  ), added as (
    insert into cogo.ai_cells (column_id, key, state, due_at, source_hash, value_hash, owner)
    select p_column.id, r.key, case when r.has_value then 'kept' else 'pending' end, v_now,
           r.source_hash, r.value_hash, r.owner
      from examined r
     where r.is_there and not r.has_cell and not p_is_sweep
    on conflict do nothing
  )
  select array(
           select distinct d.task_id
             from (select * from kept union all select * from edited) as d
            where d.state = 'asked' and d.task_id is not null
         )
    into v_dropped;
  perform cogo.drop_tasks(p_column.id, v_dropped);
end;
$$;
comment on function cogo.examine_rows is
  'Compare rows of the table of an AI column with their cells: new rows get one, edited ones are asked for
anew, and a value that COGO has not written is kept.';

-- A row that is not found may have a new key by now, which an edit tells that is not collected yet. It was
-- committed with the row, so a later statement than the one that has missed the row sees it.
create or replace function cogo.has_moved(p_column_id uuid)
  returns boolean language sql volatile set search_path = ''
as $$
  select exists (
    select from cogo.ai_edits e where e.column_id = p_column_id and (e.old_key is not null or e.key is null)
  );
$$;
comment on function cogo.has_moved is
  'Return whether rows of an AI column may be known by other keys now.';

create or replace function cogo.delete_cells(p_column_id uuid, p_keys jsonb[])
  returns uuid[] language sql set search_path = ''
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

create or replace function cogo.empty_column(p_column_id uuid, p_seq bigint, p_limit integer)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_keys jsonb[] := array(
    select c.key from cogo.ai_cells c where c.column_id = p_column_id limit p_limit
  );
begin
  perform cogo.drop_tasks(p_column_id, cogo.delete_cells(p_column_id, v_keys));
  -- Later edits wait until nothing of the time before is left.
  if cardinality(v_keys) < p_limit then
    delete from cogo.ai_edits e where e.column_id = p_column_id and e.seq <= p_seq;
  end if;
  return p_limit;
end;
$$;
comment on function cogo.empty_column is
  'Delete cells of a table that was truncated, and then what was noted before.';

create or replace function cogo.move_cell(p_column_id uuid, p_from jsonb, p_to jsonb)
  returns void language plpgsql set search_path = ''
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
  returns uuid[] language plpgsql set search_path = ''
as $$
declare
  v_id constant uuid := p_column.id;
  v_dropped uuid[] := '{}';
  v_taken_over jsonb[] := '{}';
  v_unlike jsonb[];
begin
  for n in 1..cardinality(p_ops) loop
    if p_ops[n] = 'DELETE' and p_ops[n + 1] = 'INSERT' and p_xids[n] = p_xids[n + 1] then
      perform cogo.move_cell(v_id, p_old[n], p_new[n + 1]);
      v_taken_over := v_taken_over || p_new[n + 1];
    elsif p_ops[n] = 'DELETE' then
      v_dropped := v_dropped || cogo.delete_cells(v_id, p_old[n:n]);
    elsif p_ops[n] = 'INSERT' and not (p_ops[n - 1] = 'DELETE' and p_xids[n - 1] = p_xids[n]) is true then
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
  'Move the cells of rows that have new keys, and delete those of deleted rows, in the order of the edits;
return the tasks that nobody waits for any more.';

create or replace function cogo.cast_keys(p_column cogo.ai_columns, p_keys jsonb[])
  returns jsonb[] language plpgsql set search_path = ''
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

-- Looked at after rows were read by their keys: those of another row by now are among these.
create or replace function cogo.list_moving(p_column cogo.ai_columns)
  returns jsonb[] language sql volatile set search_path = ''
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

create or replace function cogo.collect_edits(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = ''
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_ops text[];
  v_xids xid8[];
  v_keys jsonb[];
  v_old jsonb[];
  v_dropped uuid[];
  v_truncated bigint;
  v_seq bigint;
  v_xid xid8;
begin
  v_truncated := (
    select e.seq from cogo.ai_edits e
     where e.column_id = p_column.id and e.op = 'TRUNCATE' and (e.old_key is not null or e.key is null)
     order by e.seq desc limit 1
  );
  if v_truncated is not null then
    return cogo.empty_column(p_column.id, v_truncated, 10 * p_limit);
  end if;
  -- The edits of a transaction belong together: one gives a key to a row that another has taken away.
  select e.seq, e.xid into v_seq, v_xid
    from cogo.ai_edits e where e.column_id = p_column.id
   order by e.seq offset p_limit - 1 limit 1;
  v_seq := coalesce(
    (
      select max(n.seq)
        from (
          select e.seq, e.xid
            from cogo.ai_edits e where e.column_id = p_column.id and e.seq > v_seq
           order by e.seq limit 5000
        ) as n
       where n.xid = v_xid
    ), v_seq
  );
  with taken as (
    delete from cogo.ai_edits e
     where e.column_id = p_column.id and (v_seq is null or e.seq <= v_seq)
    returning e.*
  )
  select array_agg(t.op order by t.seq), array_agg(t.key order by t.seq),
         array_agg(t.old_key order by t.seq), array_agg(t.xid order by t.seq)
    into v_ops, v_keys, v_old, v_xids
    from taken t;
  if v_ops is null then
    return 0;
  end if;
  v_keys := cogo.cast_keys(p_column, v_keys);
  if array_remove(v_old, null) <> '{}' then
    v_old := cogo.cast_keys(p_column, v_old);
    v_dropped := cogo.follow_keys(p_column, v_ops, v_xids, v_old, v_keys);
  else
    v_dropped := cogo.delete_cells(
      p_column.id,
      array(select k.key from unnest(v_keys, v_ops) as k (key, op) where k.op = 'INSERT')
    );
  end if;
  perform cogo.examine_rows(
    p_column, array(select distinct k from unnest(v_keys || v_old) k where k is not null)
  );
  perform cogo.drop_tasks(p_column.id, v_dropped);
  return cardinality(v_ops);
end;
$$;
comment on function cogo.collect_edits is
  'Look at rows that were written; return how many edits that were.';

create or replace function cogo.sweep_cells(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_keys jsonb[];
  v_gone jsonb[];
begin
  if p_column.sweep_after is null then
    return 0;
  end if;
  v_keys := array(
    select c.key from cogo.ai_cells c
     where c.column_id = p_column.id and c.key > p_column.sweep_after
     order by c.key limit p_limit
  );
  perform cogo.examine_rows(p_column, v_keys, true);
  v_gone := array(
    select r.asked_key
      from cogo.read_rows(cogo.describe_row(p_column, p_column.version), v_keys) r
     where not r.is_there
  );
  if v_gone <> '{}' then
    if cogo.has_moved(p_column.id) then
      return 0;
    end if;
    perform cogo.drop_tasks(p_column.id, cogo.delete_cells(p_column.id, v_gone));
  end if;
  update cogo.ai_columns c
     set sweep_after = case when cardinality(v_keys) = p_limit then v_keys[p_limit] end
   where c.id = p_column.id;
  return cardinality(v_keys);
end;
$$;
comment on function cogo.sweep_cells is
  'Look at the rows of the next cells again; return how many. Finds what no trigger tells.';
