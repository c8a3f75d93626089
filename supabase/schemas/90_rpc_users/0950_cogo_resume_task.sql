-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_resume_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = cogo.standing('running', s.deps_left, s.needs_approval, s.run_at, cogo.now())
   where s.task_id = p_task_id and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_resume_task(uuid) is 'Lets a held task go on.';

revoke all on function public.cogo_resume_task(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cogo_resume_task(uuid) to authenticated, service_role;
