-- Security definer: only the owner may write events and in realtime.messages.
-- The next number of an event is one more than the last, read from an index. Numbers are unique because
-- the writer locked the task in an earlier statement, so this snapshot shows the last holder's events.
create or replace function cogo.on_task_status()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_ended uuid[];
  v_payloads jsonb[];
  v_cancelled boolean;
begin
  -- A full join is never a nested loop, which would be slow for thousands of rows; `<>` in place of
  -- `is distinct from` would let the planner reduce it to an inner join.
  select array_agg(n.id), array_agg(o.status) into v_ids, v_from
    from old_rows o full join new_rows n on n.id = o.id
   where n.status is distinct from o.status;
  if v_ids is null then
    return null;
  end if;

  with changed as materialized (
    select t.*, c.from_status
      from unnest(v_ids, v_from) as c (id, from_status)
      join public.cogo_tasks t on t.id = c.id
     order by t.seq + 0  -- as in cogo.lock_tasks()
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, agent_id, detail)
    select c.id,
           1 + coalesce(
             (select e.seq from cogo.events e where e.task_id = c.id order by e.seq desc limit 1), 0
           ),
           cogo.now(), 'task.' || c.status, nullif(cogo.current_actor(), 'cogo-database'),
           jsonb_strip_nulls(jsonb_build_object('from', c.from_status, 'error', c.error))
      from changed c
  )
  select array_agg(c.id),
         array_agg(
           jsonb_build_object(
             'task_id', c.id,
             'status', c.status,
             'cost_usd', c.cost_usd,
             'tokens', jsonb_build_object(
               'input', c.input_tokens,
               'cached', c.cached_tokens,
               'output', c.output_tokens,
               'reasoning', c.reasoning_tokens
             ),
             'execution_time', cogo.elapsed_ms(
               coalesce(c.started_at, c.created_at), c.finished_at
             ),
             'timestamp', cogo.iso_timestamp(c.finished_at)
           ) || case
             when c.result is not null then jsonb_build_object('result', c.result)
             when c.error is not null then jsonb_build_object('error', c.error)
             else '{}'
           end
         ),
         bool_or(c.status = 'cancelled')
    into v_ended, v_payloads, v_cancelled
    from changed c
   where c.finished_at is not null;
  if v_ended is null then
    return null;
  end if;

  perform cogo.publish_results(
    'TASK_RESULT', v_ended, v_payloads, array_fill(cogo.current_actor(), array[cardinality(v_ended)])
  );
  if v_cancelled then
    perform cogo.notify(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended) and t.status = 'cancelled';
  end if;
  return null;
end;
$$;
comment on function cogo.on_task_status is
  'Record and announce every change of a task''s status in the same transaction.';
create or replace trigger on_status
  after update on public.cogo_tasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.on_task_status();
