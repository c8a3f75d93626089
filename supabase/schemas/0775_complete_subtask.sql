-- The write lands only while the attempt is held: a worker that stalled past its lease, or whose
-- task is over, is told so. The caller holds the task lock.
create or replace function cogo.complete_subtask(
  p_agent_id text, p_item jsonb, out answer text, out detail text
)
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_output jsonb := coalesce(nullif(p_item -> 'output', 'null'), '{}');
begin
  select s.* into v_subtask
    from cogo.subtasks s where s.id = cogo.to_uuid(p_item ->> 'subtask_id');
  answer := cogo.fence(p_agent_id, v_subtask.id, cogo.to_integer(p_item ->> 'attempt'));
  if answer = 'closing' then
    perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, p_item -> 'usage');
  end if;
  if answer <> 'held' then
    answer := case answer
      when 'completed' then 'duplicate' when 'routed' then 'duplicate'
      when 'closing' then 'closed' when 'cancelled' then 'closed'
      when 'unknown' then 'unknown' else 'stale'
    end;
    return;
  end if;

  detail := cogo.completion_problem(v_subtask, p_item);
  if detail is not null then
    answer := 'invalid';
    return;
  end if;

  answer := 'ok';
  if v_subtask.lane = 'cio' and v_subtask.type <> 'PLAN' then
    perform cogo.route_subtask(v_subtask, p_item);
    return;
  end if;

  perform cogo.close_attempt(v_subtask.id, v_subtask.attempt, 'completed', p_item -> 'usage');
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  values (v_subtask.id, v_subtask.attempt, v_output);
  insert into public.cogo_messages (session_id, role, content, task_id)
  select t.session_id, m.value ->> 'role', m.value ->> 'content', t.id
    from public.cogo_tasks t
    cross join jsonb_array_elements(coalesce(nullif(p_item -> 'messages', 'null'), '[]')) m
   where t.id = v_subtask.task_id and t.session_id is not null;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = v_subtask.id;

  if v_subtask.type = 'PLAN' then
    perform cogo.insert_plan(v_subtask.task_id, p_item -> 'plan');
  elsif v_subtask.sink then
    perform cogo.complete_task(v_subtask.task_id, v_output);
  else
    if jsonb_typeof(p_item -> 'subtasks') = 'array' then
      perform cogo.insert_plan(v_subtask.task_id, p_item, v_subtask.id);
    end if;
    perform cogo.release_dependants(v_subtask.id);
  end if;
end;
$$;
comment on function cogo.complete_subtask(text, jsonb) is
  'Records what one attempt made: ok, duplicate, stale, closed, unknown or invalid (see detail).';

revoke all on function cogo.complete_subtask(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_subtask(text, jsonb) to service_role;
