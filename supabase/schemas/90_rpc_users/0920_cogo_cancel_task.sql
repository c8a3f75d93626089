-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text default null)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using
        errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    perform cogo.close_subtasks(array[p_task_id], v_reason);
    update public.cogo_tasks t
       set status = 'cancelled',
           error = jsonb_build_object('class', 'cancelled', 'message', v_reason),
           cancel_requested_at = cogo.now(),
           paused_at = null,
           finished_at = cogo.now()
     where t.id = p_task_id;
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_cancel_task(uuid, text) is
  'Cancels an open task at once; its running subtasks are asked to stop.';

revoke all on function public.cogo_cancel_task(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_cancel_task(uuid, text) to authenticated, service_role;
