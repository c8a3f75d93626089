create or replace function cogo.fail_task(p_task_id uuid, p_error jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.cancel_open_subtasks(array[p_task_id], 'the task failed');
  update public.cogo_tasks t
     set status = 'failed', error = p_error, paused_at = null, finished_at = cogo.now()
   where t.id = p_task_id;
end;
$$;
comment on function cogo.fail_task is 'End an open task as failed. The caller holds the task lock.';

create or replace function cogo.complete_tasks(p_task_ids uuid[], p_results jsonb[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.cancel_open_subtasks(p_task_ids, 'the task is complete');
  -- The last subtask of a paused task was already running.
  if exists (
    select from public.cogo_tasks t where t.id = any (p_task_ids) and t.status = 'held'
  ) then
    update public.cogo_tasks t
       set status = 'running', paused_at = null
     where t.id = any (p_task_ids) and t.status = 'held';
  end if;
  update public.cogo_tasks t
     set status = 'completed', result = r.result, finished_at = cogo.now()
    from unnest(p_task_ids, p_results) as r (task_id, result)
   where t.id = r.task_id;
end;
$$;
comment on function cogo.complete_tasks is
  'Complete tasks with the outputs of their sinks. The caller holds the task locks.';
