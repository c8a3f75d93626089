create or replace function cogo.complete_task(p_task_id uuid, p_result jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_subtasks(p_task_id, 'the task is complete');
  -- A paused task whose last subtask was already running has nothing left to be paused.
  update public.cogo_tasks t
     set status = 'running', paused_at = null
   where t.id = p_task_id and t.status = 'held';
  update public.cogo_tasks t
     set status = 'completed', result = p_result, finished_at = cogo.now()
   where t.id = p_task_id;
end;
$$;
comment on function cogo.complete_task(uuid, jsonb) is
  'Ends a task with the output of its sink. The caller holds the task lock.';

revoke all on function cogo.complete_task(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_task(uuid, jsonb) to service_role;
