-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_pause_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  update public.cogo_tasks t
     set status = 'held', paused_at = cogo.now()
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = 'held'
   where s.task_id = p_task_id and s.status in ('blocked', 'queued', 'delayed', 'waiting');
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_pause_task(uuid) is
  'Holds a task: what runs is finished, nothing else is claimed until it is resumed.';

revoke all on function public.cogo_pause_task(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cogo_pause_task(uuid) to authenticated, service_role;
