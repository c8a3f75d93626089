create or replace function cogo.book_child_costs(p_child_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  with new_costs as materialized (
    select k.child_id, k.parent_id, t.simulated,
           t.cost_usd, t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens,
           t.cost_usd - k.cost_usd as usd,
           t.input_tokens - k.input_tokens as input, t.cached_tokens - k.cached_tokens as cached,
           t.output_tokens - k.output_tokens as output,
           t.reasoning_tokens - k.reasoning_tokens as reasoning
      from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
     where k.child_id = any (p_child_ids) and t.finished_at is not null
  ), booked as (
    update cogo.child_tasks k
       set cost_usd = n.cost_usd, input_tokens = n.input_tokens, cached_tokens = n.cached_tokens,
           output_tokens = n.output_tokens, reasoning_tokens = n.reasoning_tokens
      from new_costs n where k.child_id = n.child_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
         simulated = t.simulated or s.simulated
    from (
      select n.parent_id,
             case when bool_and(n.usd is not null) then sum(n.usd) end as usd,
             sum(n.input)::bigint as input, sum(n.cached)::bigint as cached,
             sum(n.output)::bigint as output, sum(n.reasoning)::bigint as reasoning,
             bool_or(n.simulated) as simulated
        from new_costs n group by n.parent_id
    ) as s
   where t.id = s.parent_id;
  perform cogo.add_up_costs(
    array(select k.parent_id from cogo.child_tasks k where k.child_id = any (p_child_ids))
  );
end;
$$;
comment on function cogo.book_child_costs is
  'Add what ended child tasks have cost since the last time to their parents, whose locks the caller
holds.';

create or replace function cogo.apply_wakes(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_parents uuid[];
  v_children uuid[];
  v_cancelled uuid[];
  v_locked uuid[];
  v_ids uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  select array_agg(distinct p.id) into v_parents
    from (
      select t.id
        from cogo.wakes w
        join public.cogo_tasks t on t.id = w.parent_id
       order by w.seq
       limit p_limit
         for no key update of t skip locked
    ) as p;
  if v_parents is null then
    return 0;
  end if;
  -- What is written from here on is a new wake.
  with taken as (
    delete from cogo.wakes w where w.parent_id = any (v_parents)
    returning w.child_id, w.subtask_id, w.reason
  )
  select array_agg(distinct t.child_id), array_agg(distinct t.subtask_id),
         array_agg(distinct t.child_id) filter (where t.reason = 'cancel')
    into v_children, v_ids, v_cancelled
    from taken t;
  perform cogo.book_child_costs(v_children);

  select array_agg(s.id order by e.at, s.seq), array_agg(e.output order by e.at, s.seq),
         array_agg(e.error order by e.at, s.seq)
    into v_ids, v_outputs, v_errors
    from cogo.subtasks s
    left join lateral (
      select t.*
        from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
       where k.subtask_id = s.id
       order by t.seq desc
       limit 1
    ) as c on true
    cross join lateral (
      select c.finished_at as at,
             case c.status when 'completed' then c.result end as output,
             case
               when c.id is null then
                 '{"class": "cancelled", "message": "the child task was deleted"}'
               when c.status <> 'completed' then
                 c.error - 'subtask_id' - 'subtask_key' || jsonb_build_object('task_id', c.id)
             end as error
    ) as e
   where s.id = any (v_ids) and s.status in ('waiting', 'held')
     and (c.id is null or c.finished_at is not null);
  if v_ids is not null then
    perform cogo.end_waiting_steps(v_ids, v_outputs, v_errors);
  end if;

  if v_cancelled is not null then
    perform cogo.cancel_unneeded(v_cancelled);
  end if;
  return cardinality(v_parents);
end;
$$;
comment on function cogo.apply_wakes is
  'Let parents continue after the ends of child tasks, for at most p_limit wakes, and book their costs.
Skips locked parents: waiting for them could deadlock with a cancellation.';

create or replace function cogo.cancel_unneeded(p_child_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_locked uuid[] := array(
    select t.id
      from public.cogo_tasks t
     where t.id = any (p_child_ids) and t.finished_at is null
     order by t.seq
       for no key update skip locked
  );
begin
  perform cogo.cancel_tasks(v_locked, 'its parent task does not need it any more');
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id, 'cancel'
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
   where k.child_id = any (p_child_ids) and t.finished_at is null;
end;
$$;
comment on function cogo.cancel_unneeded is
  'Cancel child tasks whose steps have ended; those that are locked now, at the next wake.';
