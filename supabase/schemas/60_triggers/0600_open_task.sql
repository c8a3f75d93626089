-- Security definer: people insert tasks and may not write subtasks.
create or replace function cogo.open_task()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.standing('pending', 0, false, new.run_at, v_now),
      least(9, greatest(0, new.priority)), new.run_at
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.ring(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso(new.created_at)
    ),
    cogo.actor()
  );
  return null;
end;
$$;
comment on function cogo.open_task() is
  'Gives a new task its first subtask, PLAN, and rings the orchestrators.';

revoke all on function cogo.open_task() from public, anon, authenticated, service_role;

create or replace trigger open
  after insert on public.cogo_tasks
  for each row execute function cogo.open_task();
