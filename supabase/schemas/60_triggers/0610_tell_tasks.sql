-- Security definer: the history and the channels belong to the owner of the schema.
-- The next number of a history is one more than the last, which an index gives: no row is rewritten
-- for it. Two numbers cannot be the same, since whoever records holds the row lock of the task,
-- taken in an earlier statement than this one (whose snapshot therefore shows what the holder
-- before wrote).
create or replace function cogo.tell_tasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- As in cogo.tell_subtasks().
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_ended uuid[];
  v_payloads jsonb[];
  v_cancelled boolean;
begin
  -- A full join is never a nested loop, which thousands of rows would take for ever. It is one
  -- only while the condition may be true of a row without a partner: so not `<>`.
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
           cogo.now(), 'task.' || c.status, nullif(cogo.actor(), 'cogo-database'),
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
             'execution_time', cogo.milliseconds(
               coalesce(c.started_at, c.created_at), c.finished_at
             ),
             'timestamp', cogo.iso(c.finished_at)
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

  perform cogo.publish(
    'TASK_RESULT', v_ended, v_payloads, array_fill(cogo.actor(), array[cardinality(v_ended)])
  );
  if v_cancelled then
    perform cogo.ring(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso(cogo.now())
      ),
      cogo.actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended) and t.status = 'cancelled';
  end if;
  return null;
end;
$$;
comment on function cogo.tell_tasks() is
  'Records and announces every change of a task''s status, in the transaction that makes it.';

revoke all on function cogo.tell_tasks() from public, anon, authenticated, service_role;

create or replace trigger tell
  after update on public.cogo_tasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.tell_tasks();
