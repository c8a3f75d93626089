create or replace function cogo.authorize_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (cogo.is_operator() or t.owner = auth.uid())
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  end if;
  return v_task;
end;
$$;
comment on function cogo.authorize_task(uuid) is
  'The task, locked, if the caller owns it or is an operator. Raises TQ002 otherwise.';

revoke all on function cogo.authorize_task(uuid) from public, anon, authenticated, service_role;
