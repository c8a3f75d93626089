create or replace function cogo.close_subtasks(p_task_ids uuid[], p_reason text)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
begin
  -- Mostly the last one was the sink, and nothing is open.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  -- A holder hears it here or at its next extension; its lease is not cut short.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.task_id = any (p_task_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.ring(
      'cogo-subtasks', 'SUBTASK_CANCELLED',
      jsonb_build_object(
        'subtask_id', v_subtask.id, 'task_id', v_subtask.task_id,
        'attempt', v_subtask.attempt, 'reason', p_reason,
        'timestamp', cogo.iso(cogo.now())
      ),
      cogo.actor()
    );
  end loop;
end;
$$;
comment on function cogo.close_subtasks(uuid[], text) is
  'Cancels what is open of tasks that are over; running subtasks are asked to stop.';

revoke all on function cogo.close_subtasks(uuid[], text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.close_subtasks(uuid[], text) to service_role;
