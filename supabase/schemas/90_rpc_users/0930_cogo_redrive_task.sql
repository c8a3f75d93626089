-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_redrive_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  end if;

  update public.cogo_tasks t
     set status = case
           when exists (
             select from cogo.subtasks s
              where s.task_id = t.id and s.type = 'PLAN' and s.status = 'completed'
           ) then 'running' else 'pending'
         end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Those that were asked to stop and have not answered lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    perform cogo.hand_back(v_subtask, 'cancelled', null, false);
  end loop;

  -- To redrive what a person refused is to approve it. What others went on without stays dead.
  update cogo.subtasks s
     set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
         dead_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task';
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled';
  update cogo.subtasks s
     set status = cogo.standing('running', 0, s.needs_approval, s.run_at, v_now)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_redrive_task(uuid) is
  'Puts a failed task back to work where it stopped, with fresh limits; what is done stays done.';

revoke all on function public.cogo_redrive_task(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_redrive_task(uuid) to authenticated, service_role;
