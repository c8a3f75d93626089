-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
  returns public.cogo_subtasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id) a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format('subtask %s came to nothing and its task went on without', p_subtask_id);
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    update cogo.subtasks s
       set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
           dead_at = null, finished_at = null
     where s.id = p_subtask_id;
    if v_task.status = 'held' then
      update cogo.subtasks s set status = 'held' where s.id = p_subtask_id;
    end if;
  elsif v_subtask.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format(
        'subtask %s is %s: only a dead letter can be redriven', p_subtask_id, v_subtask.status
      );
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_redrive_subtask(uuid) is
  'Puts a dead letter back to work with fresh limits, and its task with it when that failed; not
when others have already gone on without it.';

revoke all on function public.cogo_redrive_subtask(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_redrive_subtask(uuid) to authenticated, service_role;
