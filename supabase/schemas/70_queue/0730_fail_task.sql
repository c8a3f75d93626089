create or replace function cogo.fail_task(p_task_id uuid, p_error jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_subtasks(array[p_task_id], 'the task failed');
  update public.cogo_tasks t
     set status = 'failed', error = p_error, paused_at = null, finished_at = cogo.now()
   where t.id = p_task_id;
end;
$$;
comment on function cogo.fail_task(uuid, jsonb) is
  'Ends an open task as failed. The caller holds the task lock.';

revoke all on function cogo.fail_task(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.fail_task(uuid, jsonb) to service_role;
