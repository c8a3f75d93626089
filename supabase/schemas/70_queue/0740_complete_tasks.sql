create or replace function cogo.complete_tasks(p_task_ids uuid[], p_results jsonb[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_subtasks(p_task_ids, 'the task is complete');
  -- A paused task whose last subtask was already running has nothing left to be paused.
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
comment on function cogo.complete_tasks(uuid[], jsonb[]) is
  'Ends tasks with the outputs of their sinks. The caller holds the task locks.';

revoke all on function cogo.complete_tasks(uuid[], jsonb[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_tasks(uuid[], jsonb[]) to service_role;
