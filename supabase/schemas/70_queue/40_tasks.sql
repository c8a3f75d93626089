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
