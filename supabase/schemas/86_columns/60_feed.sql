create or replace function cogo.pick_cells(p_column_id uuid, p_limit integer)
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_keys jsonb[] := '{}';
  v_priority integer;
begin
  for v_priority in 0..1 loop
    v_keys := v_keys || array(
      select c.key
        from cogo.ai_cells c
       where c.column_id = p_column_id and c.state = 'pending' and c.priority = v_priority
         and c.due_at <= cogo.now()
       order by c.due_at
       limit p_limit - cardinality(v_keys)
         for update skip locked
    );
  end loop;
  return v_keys;
end;
$$;
comment on function cogo.pick_cells is 'Lock and return the cells that are to be asked for next.';

-- Triggers of the user may change sources of a row whenever COGO writes its value, also by way of other
-- tables, which no check of the prompts finds. Without a cap that would be paid without end.
create or replace function cogo.put_off_restless(p_column_id uuid, p_keys jsonb[])
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_restless jsonb[];
begin
  with late as (
    update cogo.ai_cells c
       set due_at = c.asks_from + interval '1 hour',
           reason = case
             when c.tries > 0 then c.reason
             else 'asked for 100 times in an hour: its sources change again and again, perhaps by a '
               'trigger that its own value fires'
           end
     where c.column_id = p_column_id and c.key = any (p_keys)
       and c.asks >= 100 and c.asks_from > cogo.now() - interval '1 hour'
    returning c.key
  )
  select array_agg(l.key) into v_restless from late l;
  return case
    when v_restless is null then p_keys
    else array(select k from unnest(p_keys) k where k <> all (v_restless))
  end;
end;
$$;
comment on function cogo.put_off_restless is
  'Let cells wait that were asked for too often in an hour; return the other ones.';

create or replace function cogo.feed_column(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  v_shape jsonb;
  v_batch integer;
  -- While all fail, one task finds out whether that is over, at most every 30 seconds.
  v_room integer := case
    when p_column.outages < 10 then p_column.open_tasks
    else (p_column.outage_at <= cogo.now() - interval '30 seconds')::integer end - (
    select count(*)::integer
      from public.cogo_tasks t where t.column_id = p_column.id and t.finished_at is null
  );
  v_keys jsonb[];
  v_group record;
  v_moving jsonb[];
  v_refusal text;
begin
  if v_room <= 0 then
    return 0;
  end if;
  select cogo.describe_column(p_column.table_id, p_column.column_number, v.schema, v.params)
    into v_shape
    from cogo.ai_column_versions v
   where v.column_id = p_column.id and v.version = p_column.version;
  v_batch := cogo.count_batch(v_shape);
  v_keys := cogo.put_off_restless(
    p_column.id,
    cogo.pick_cells(p_column.id, least(p_limit::bigint, v_room::bigint * v_batch)::integer)
  );
  if v_keys = '{}' then
    return 0;
  end if;
  for v_group in
    with planned as materialized (
      select p.*, c.priority, c.tries, c.is_alone,
             row_number() over (
               partition by p.fate, p.owner, c.priority, c.tries, c.is_alone order by c.due_at, p.key
             ) as nth
        from cogo.plan_cells(p_column, v_keys) p
        join cogo.ai_cells c on c.column_id = p_column.id and c.key = p.key
    ), sized as (
      -- All texts of a task are in its params, of 1 MiB at most.
      select p.*,
             sum(octet_length(p.prompt)) over (
               partition by p.fate, p.owner, p.priority, p.tries, p.is_alone order by p.nth
             ) / 500000 as bytes
        from planned p
    )
    select s.fate, s.owner, s.priority, s.tries, array_agg(s.key order by s.nth) as keys,
           array_agg(s.source_hash order by s.nth) as hashes,
           array_agg(s.value_hash order by s.nth) as values,
           array_agg(s.prompt order by s.nth) as prompts, min(s.reason) as reason
      from sized s
     group by s.fate, s.owner, s.priority, s.tries, s.is_alone,
              case when s.is_alone then s.nth else (s.nth - 1) / v_batch end,
              case when v_batch > 1 then s.bytes end
     order by min(s.priority), min(s.nth)
  loop
    v_moving := coalesce(v_moving, cogo.list_moving(p_column));
    if v_group.keys && v_moving then
      -- Edits that are not collected yet say of which rows these are.
      update cogo.ai_cells c
         set due_at = cogo.now() + interval '1 second'
       where c.column_id = p_column.id and c.key = any (v_group.keys);
      continue;
    end if;
    if v_group.fate = 'asked' then
      v_refusal := case when v_room <= 0 then '' else cogo.submit_cells(
        p_column, v_group.owner, v_group.priority, v_group.tries, v_group.keys, v_group.hashes,
        v_group.prompts
      ) end;
      v_room := v_room - 1;
      continue when v_refusal is null or v_refusal = '';
      v_group.fate := 'failed';
      v_group.reason := v_refusal;
    end if;
    if v_group.fate = 'gone' and cogo.has_moved(p_column.id) then
      update cogo.ai_cells c
         set due_at = cogo.now() + interval '1 second'
       where c.column_id = p_column.id and c.key = any (v_group.keys);
    elsif v_group.fate = 'gone' then
      perform cogo.delete_cells(p_column.id, v_group.keys);
    else
      update cogo.ai_cells c
         set state = case v_group.fate when 'empty' then 'asked' else v_group.fate end,
             task_id = null, place = null, owner = k.owner, reason = v_group.reason,
             version = p_column.version,
             source_hash = k.hash,
             value_hash = case v_group.fate when 'kept' then k.value else c.value_hash end,
             due_at = cogo.now(),
             done_at = case v_group.fate when 'empty' then c.done_at else cogo.now() end
        from (
          select v.key, v.hash, v.value, v_group.owner as owner
            from unnest(v_group.keys, v_group.hashes, v_group.values) as v (key, hash, value)
        ) as k
       where c.column_id = p_column.id and c.key = k.key;
    end if;
  end loop;
  return cardinality(v_keys);
end;
$$;
comment on function cogo.feed_column is
  'Submit tasks for cells of an AI column, while fewer than its open_tasks are open; return how many
cells were looked at.';
