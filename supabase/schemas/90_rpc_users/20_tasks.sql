create or replace function cogo.add_task_action(p_task public.cogo_tasks, p_after jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_operator constant jsonb := cogo.read_operator();
  v_owner constant uuid := cogo.to_uuid(v_operator ->> 'owner');
begin
  if v_operator ->> 'who' <> '' and (v_owner is null or p_task.owner is distinct from v_owner) then
    perform cogo.add_action(
      'task', p_task.id::text, jsonb_build_object('owner', p_task.owner, 'status', p_task.status),
      p_after
    );
  end if;
end;
$$;
comment on function cogo.add_task_action is
  'Record what an operator does to a task, unless it is their own: whoever has no owner has no own tasks.
What programs do in the name of nobody is not recorded.';

create or replace function cogo.authorize_task(p_task_id uuid, p_action text)
  returns public.cogo_tasks language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (
     cogo.is_operator() or t.owner = auth.uid() or t.project = any (cogo.visible_projects())
   )
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  elsif not (
    cogo.is_operator() or coalesce(v_task.owner = auth.uid(), false)
    or cogo.is_editor(v_task.project, auth.uid())
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format('you may only read the tasks of the project %s', v_task.project),
      hint = 'an operator may make you one of its editors';
  end if;
  if p_action is not null then
    perform cogo.add_task_action(v_task, jsonb_build_object('action', p_action));
  end if;
  return v_task;
end;
$$;
comment on function cogo.authorize_task is
  'Lock and return a task that the caller may change: their own, one of a project that they edit, for
operators any, and p_action is recorded of them if it is given. Raises TQ002, TQ007.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text default null)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'cancel');
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    -- So that all of them can be cancelled with it.
    perform cogo.lock_descendants(p_task_id);
    perform cogo.cancel_tasks(array[p_task_id], v_reason);
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_cancel_task is
  'Cancel an open task and its child tasks at once; running subtasks are asked to stop.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_pause_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'pause');
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  perform cogo.pause_tasks(p_task_id || cogo.lock_descendants(p_task_id));
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_pause_task is
  'Pause a task and its child tasks: running subtasks are finished, nothing is claimed until it is
resumed.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_resume_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'resume');
  v_ids uuid[];
begin
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  v_ids := p_task_id || cogo.lock_descendants(p_task_id);
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = any (v_ids) and t.status = 'held';
  update cogo.subtasks s
     set status = cogo.resting_status(
           'running', s.deps_left, s.needs_approval, s.run_at, cogo.now(), s.kind
         )
   where s.task_id = any (v_ids) and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_resume_task is 'Resume a paused task and its child tasks.';
