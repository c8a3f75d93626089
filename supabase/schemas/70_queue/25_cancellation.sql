create or replace function cogo.cancel_running(p_subtask_id uuid, p_attempt integer, p_usage jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  update cogo.subtasks s
     set status = 'cancelled',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id and s.status = 'running' and s.attempt = p_attempt;
end;
$$;
comment on function cogo.cancel_running is
  'End the attempt of a subtask whose task is over. Its output is dropped, its cost is counted.';

create or replace function cogo.book_late_usage(
  p_subtask_id uuid, p_attempt integer, p_usage jsonb
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if cogo.sanitize_usage(p_usage) is null then
    return;
  end if;
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  perform cogo.add_up_costs(array[s.task_id]) from cogo.subtasks s where s.id = p_subtask_id;
end;
$$;
comment on function cogo.book_late_usage is
  'Add what the holder of a cancelled attempt reports after its end; once. The caller holds the task
lock.';

create or replace function cogo.stop_running(p_subtask_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_subtask cogo.subtasks;
begin
  -- The holder learns it from this message or at its next extension; its lease is not shortened.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.id = any (p_subtask_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.announce_cancellation(v_subtask, p_reason);
  end loop;
end;
$$;
comment on function cogo.stop_running is 'Ask the holders of running subtasks to stop.';

create or replace function cogo.announce_cancellation(p_subtask cogo.subtasks, p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.notify(
    'cogo-subtasks', 'SUBTASK_CANCELLED',
    jsonb_build_object(
      'subtask_id', p_subtask.id, 'task_id', p_subtask.task_id,
      'attempt', p_subtask.attempt, 'reason', p_reason,
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    cogo.current_actor()
  );
end;
$$;
comment on function cogo.announce_cancellation is
  'Send SUBTASK_CANCELLED to the holder of a running subtask.';

create or replace function cogo.cancel_open_subtasks(p_task_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- In most cases the sink was the last one.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  perform cogo.stop_running(
    array(
      select s.id from cogo.subtasks s where s.task_id = any (p_task_ids) and s.status = 'running'
    ),
    p_reason
  );
end;
$$;
comment on function cogo.cancel_open_subtasks is
  'Cancel the open subtasks of tasks that are over; ask running ones to stop.';
