create or replace function cogo.deadline_error()
  returns jsonb language sql immutable
  return '{"class": "deadline", "message": "the deadline of the task has passed"}'::jsonb;
comment on function cogo.deadline_error is 'Return the error of what a deadline has ended.';

-- Steps do not fail their task: what a failure means is decided by the workflow that awaits it.
create or replace function cogo.insert_steps(
  p_task_id uuid, p_steps jsonb, p_selections jsonb, p_error jsonb default null,
  p_sink boolean default false
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- A time without an offset is UTC.
  set timezone = 'UTC'
as $$
declare
  v_task public.cogo_tasks;
  v_failed uuid[];
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  with nodes as materialized (
    select e.ordinal, e.step, gen_random_uuid() as id,
           (nullif(e.step ->> 'run_at', ''))::timestamptz as run_at,
           coalesce(nullif(e.step -> 'error', 'null'), p_error) as error
      from jsonb_array_elements(p_steps) with ordinality as e (step, ordinal)
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, kind, status, priority, max_failures, sink, on_failure, run_at,
      needs_approval, dead_at, finished_at
    )
    select n.id, p_task_id, n.step ->> 'key', n.step ->> 'type', n.step ->> 'lane', n.step ->> 'kind',
           case
             when n.error is not null then 'failed'
             else cogo.resting_status(
               v_task.status, 0, false, n.run_at, cogo.now(), n.step ->> 'kind'
             )
           end,
           least(9, greatest(0, coalesce((n.step ->> 'priority')::integer, v_task.priority))),
           coalesce((n.step ->> 'max_failures')::integer, 5),
           p_sink, case when p_sink then 'fail_task' else 'continue' end, n.run_at,
           n.step ->> 'kind' = 'approve',
           case when n.error is not null then cogo.now() end,
           case when n.error is not null then cogo.now() end
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata, error)
    select n.id, coalesce(nullif(n.step -> 'params', 'null'), '{}'),
           coalesce(nullif(n.step -> 'metadata', 'null'), '{}'), n.error
      from nodes n
  )
  select array_agg(n.id order by n.ordinal) into v_failed from nodes n where n.error is not null;

  if jsonb_array_length(p_selections) > 0 then
    perform cogo.record_selection(e.selection, p_task_id, s.id)
       from jsonb_array_elements(p_selections) with ordinality as e (selection, ordinal)
       join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
      order by e.ordinal;
  end if;
  if v_failed is null then
    return;
  end if;
  perform cogo.record_ends(v_failed);
  if p_sink then
    perform cogo.fail_task(
      p_task_id,
      p.error || jsonb_build_object('subtask_id', s.id, 'subtask_key', s.key)
    )
       from cogo.subtasks s
       join cogo.subtask_payloads p on p.subtask_id = s.id
      where s.id = v_failed[1];
  end if;
end;
$$;
comment on function cogo.insert_steps is
  'Insert and announce the valid steps that a workflow asks for, and record their selections; with
p_error, or an error of their own, they have failed. p_sink: the one step to which the flow hands over.';

create or replace function cogo.cancel_steps(p_task_id uuid, p_keys text[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_running uuid[];
begin
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now(), not_needed = true, awaited = false
   where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');
  with asked as (
    update cogo.subtasks s
       set not_needed = true, awaited = false
     where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
       and s.status = 'running'
    returning s.id
  )
  select array_agg(a.id) into v_running from asked a;
  if v_running is not null then
    perform cogo.stop_running(v_running, p_reason);
  end if;
end;
$$;
comment on function cogo.cancel_steps is
  'Cancel open steps of a task, those with these keys or (null) all, as not needed; ask running ones to
stop, whose cost still counts. What has ended stays as it is.';

create or replace function cogo.pass_deadline(p_task_id uuid)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_running cogo.subtasks[];
begin
  -- Running steps that were asked to stop are over for the workflow.
  select array_agg(s.id order by s.seq),
         array_agg(s.attempt order by s.seq),
         array_agg(s order by s.seq) filter (where s.status = 'running')
    into v_ids, v_attempts, v_running
    from cogo.subtasks s
   where s.task_id = p_task_id and s.kind <> 'flow' and s.finished_at is null
     and s.cancel_requested_at is null;
  update cogo.flows f set deadline_passed_at = cogo.now() where f.task_id = p_task_id;
  if v_running is not null then
    perform cogo.close_attempts(v_ids, v_attempts, 'cancelled', p_error => cogo.deadline_error());
    perform cogo.announce_cancellation(r, 'the deadline of the task has passed')
       from unnest(v_running) as r;
  end if;
  update cogo.subtask_payloads p set error = cogo.deadline_error() where p.subtask_id = any (v_ids);
  update cogo.subtasks s
     set status = 'failed', dead_at = cogo.now(), finished_at = cogo.now(), lease_expires_at = null,
         agent_id = null, claim_request = null
   where s.id = any (v_ids);
  perform cogo.record_ends(v_ids);
  perform cogo.wake_flows(array[p_task_id]);
end;
$$;
comment on function cogo.pass_deadline is
  'End the open steps of a task whose deadline has passed, running ones too, and wake its flow, so that
it can return what it has. The caller holds the task lock.';
