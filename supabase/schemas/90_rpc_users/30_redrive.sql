create or replace function cogo.find_fatal_steps(p_task public.cogo_tasks)
  returns setof uuid language sql stable set search_path = pg_catalog, pg_temp
as $$
  select s.id
    from cogo.flows f
    join cogo.subtasks s on s.task_id = f.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where f.task_id = p_task.id and s.status = 'failed' and s.on_failure = 'continue'
     and (
       s.key = p_task.error ->> 'step'
       or p_task.error ? 'step' and s.key = any (f.awaits)
       -- A deadline that has passed is removed from the task.
       or p.error ->> 'class' = 'deadline'
     );
$$;
comment on function cogo.find_fatal_steps is
  'Return the dead steps whose failure ended the workflow of a failed task: the one that its error names,
and the others that it waited for then; and those that its deadline ended.';

create or replace function cogo.revive_subtasks(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.subtask_payloads p
     set error = null, metadata = p.metadata - 'reused'
   where p.subtask_id = any (p_subtask_ids) and (p.error is not null or p.metadata ? 'reused');
  -- A call of a tool that a person has refused is asked about again.
  delete from cogo.turns u
   using cogo.subtasks s
   where s.id = any (p_subtask_ids) and s.kind = 'call' and s.status = 'failed'
     and u.subtask_id = s.id;
  update cogo.subtasks s
     set status = case
           when s.kind = 'sleep' then 'delayed'
           when s.kind in ('approve', 'event', 'task') then 'waiting'
           else 'queued'
         end,
         -- A question for which there was no model is put to the orchestrators again.
         lane = case when s.kind = 'ask' and s.lane = 'wait' then 'cio' else s.lane end,
         failures = 0, reaps = 0, needs_approval = s.kind = 'approve',
         run_at = case when s.kind = 'sleep' then s.run_at end,
         dead_at = null, finished_at = null, end_no = null
   where s.id = any (p_subtask_ids) and s.status = 'failed';
end;
$$;
comment on function cogo.revive_subtasks is
  'Queue dead letters again, with fresh limits. Steps lose their end_no.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_redrive_task(p_task_id uuid)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'redrive');
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  elsif v_task.parent_task_id is not null and not cogo.is_awaited_child(p_task_id) then
    raise exception using errcode = 'TQ003',
      message = format(
        'task %s went on without its child task %s', v_task.parent_task_id, p_task_id
      ),
      hint = 'redriving the parent, if it failed, redrives the child';
  end if;

  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         error = null,
         finished_at = null,
         deadline = case
           when cogo.put_off_deadline(t.deadline, t.stopped_seconds) > v_now then t.deadline
         end
   where t.id = p_task_id;

  -- Subtasks that were asked to stop and still run lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    if v_subtask.not_needed then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
    else
      perform cogo.take_back_lease(v_subtask, 'cancelled', null, false);
    end if;
  end loop;

  -- Redriving a refused subtask approves it. Dead letters with on_failure continue stay, except those
  -- whose failure ended the workflow.
  perform cogo.revive_subtasks(
    array(
      select s.id from cogo.subtasks s
       where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task'
      union all
      select f.id from cogo.find_fatal_steps(v_task) as f (id)
    )
  );
  -- The flow is replayed, which finds out again what it waits for.
  update cogo.subtasks s
     set awaited = false, deps_left = case s.kind when 'flow' then 0 else s.deps_left end
   where s.task_id = p_task_id and (s.awaited or s.kind = 'flow');
  update cogo.flows f set deadline_passed_at = null where f.task_id = p_task_id;
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null
             and s.kind not in ('approve', 'event', 'task') then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled' and not s.not_needed;
  update cogo.subtasks s
     set status = cogo.resting_status('running', 0, s.needs_approval, s.run_at, v_now, s.kind)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;
  perform cogo.reopen_waiting_steps(p_task_id);

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_redrive_task is
  'Continue a failed task where it stopped, with fresh limits; completed subtasks stay completed.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
  returns public.cogo_subtasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id, 'redrive_subtask') a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null
        and exists (select from cogo.flows f where f.task_id = v_subtask.task_id) then
    if v_task.status <> 'failed' then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'the workflow of task %s has recorded the failure of step %s: redrive it if the task fails',
          v_subtask.task_id, v_subtask.key
        );
    end if;
    perform public.cogo_redrive_task(v_subtask.task_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    perform cogo.reopen_waiting_steps(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'subtask %s is a dead letter and its task has continued without it', p_subtask_id
        );
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
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
comment on function public.cogo_redrive_subtask is
  'Queue a dead letter again with fresh limits, and its task with it if that failed. Raises TQ003 if
dependents have already gone on without it.';
