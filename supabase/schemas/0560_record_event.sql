create or replace function cogo.record_event(
  p_task_id uuid,
  p_kind text,
  p_subtask_id uuid,
  p_attempt integer,
  p_agent_id text,
  p_detail jsonb
)
  returns void
  language sql
  volatile
  set search_path = ''
as $$
  with numbered as (
    -- The row lock of the task makes the number unique and the order that of the commits.
    update public.cogo_tasks set event_seq = event_seq + 1 where id = p_task_id
    returning event_seq
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select p_task_id, n.event_seq, cogo.now(), p_kind, p_subtask_id, p_attempt, p_agent_id,
         jsonb_strip_nulls(p_detail)
    from numbered n;
$$;
comment on function cogo.record_event(uuid, text, uuid, integer, text, jsonb) is
  'Adds one row to the history of a task.';

revoke all on function cogo.record_event(uuid, text, uuid, integer, text, jsonb)
  from public, anon, authenticated, service_role;
