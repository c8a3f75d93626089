-- Security definer: only the owner may write events and in realtime.messages.
-- Whoever changes a status calls this once for all that changed, which the triggers below do for most.
-- Claims and completions, the bulk of all changes, call it themselves: they know what they changed, so
-- that nothing is read from transition tables, and their tasks and subtasks share one insert of events
-- and one of messages. They set `cogo.is_recorded` for those statements, never for
-- others: what is not recorded is missing for ever.
--
-- The next number of an event is one more than the last, read from an index. Numbers are unique because
-- the writer locked the task in an earlier statement, so this snapshot shows the last holder's events.
-- The callers have fixed plans by index: see supabase/README.md.
create or replace function cogo.record_changes(
  p_subtask_ids uuid[], p_from text[], p_agents text[],
  p_task_ids uuid[] default '{}', p_task_from text[] default '{}'
)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_agent constant text := nullif(cogo.current_actor(), 'cogo-database');
  v_queued uuid[];
  v_ended uuid[];
  v_ended_tasks uuid[];
  v_is_cancelled boolean;
  v_results jsonb[] := '{}';
  v_done text;
begin
  with changes as (
    select s.task_id, c.place, 'subtask.' || s.status as kind, s.id as subtask_id,
           nullif(s.attempt, 0) as attempt, coalesce(c.agent, v_agent) as agent_id,
           jsonb_strip_nulls(jsonb_build_object(
             'key', s.key, 'type', s.type, 'lane', s.lane, 'from', c.from_status,
             'run_at', case when s.status = 'delayed' then cogo.iso_timestamp(s.run_at) end,
             'kind', case when s.kind <> 'ask' then s.kind end,
             'role', case when s.kind = 'ask' then left(p.metadata ->> 'role', 100) end,
             'name', case
               when s.kind = 'event' and s.status = 'waiting' then left(p.params ->> 'name', 100)
             end,
             'cap', case when s.status = 'waiting' then (
               select concat_ws(':', w.scope, w.key, w.per)
                 from cogo.budget_waits w where w.subtask_id = s.id
             ) end,
             'awaits', case when s.kind = 'flow' and s.status = 'blocked' then s.deps_left end
           )) as detail,
           -- A new flow was announced by TASK_CREATED.
           s.status = 'queued' and (c.from_status is not null or s.kind <> 'flow') as is_queued,
           s.status in ('completed', 'failed') and s.kind <> 'flow' as is_ended
      from unnest(p_subtask_ids, p_from, p_agents)
             with ordinality as c (id, from_status, agent, place)
      join cogo.subtasks s on s.id = c.id
      left join cogo.subtask_payloads p on p.subtask_id = s.id and s.kind in ('ask', 'event')
     union all
    select t.id, null, 'task.' || t.status, null, null, v_agent,
           jsonb_strip_nulls(jsonb_build_object('from', c.from_status, 'error', t.error)),
           false, t.finished_at is not null
      from unnest(p_task_ids, p_task_from) as c (id, from_status)
      join public.cogo_tasks t on t.id = c.id
  ), numbered as (
    select c.*, row_number() over (partition by c.task_id order by c.place) as nth from changes c
  ), ordered as materialized (
    -- Look up the last number once per task and before the insert: later lookups would pass the new
    -- rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as last_seq
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select o.task_id, coalesce(o.last_seq, 0) + o.nth, cogo.now(), o.kind, o.subtask_id, o.attempt,
           o.agent_id, o.detail
      from ordered o
  )
  select array_agg(o.subtask_id) filter (where o.is_queued),
         array_agg(o.subtask_id) filter (where o.is_ended and o.subtask_id is not null),
         array_agg(o.task_id) filter (where o.is_ended and o.subtask_id is null),
         bool_or(o.kind = 'task.cancelled')
    into v_queued, v_ended, v_ended_tasks, v_is_cancelled
    from ordered o;

  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    v_results := cogo.describe_subtask_results(v_ended);
  end if;
  if v_ended_tasks is not null then
    v_results := v_results || cogo.describe_task_results(v_ended_tasks);
  end if;
  if v_results <> '{}' then
    v_done := cogo.publish_results(v_results);
  end if;
  if v_is_cancelled then
    perform cogo.notify(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended_tasks) and t.status = 'cancelled';
  end if;
end;
$$;
comment on function cogo.record_changes is
  'Record and announce, in the same transaction, that subtasks and tasks have the status that they have
now, each with the status before and the agent that held it. The events of a task are numbered in the
given order. The caller holds the task locks.';
