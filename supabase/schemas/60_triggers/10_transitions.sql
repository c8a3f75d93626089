-- Without WHEN, which is planned for each statement; the expression of a function is planned once.
create or replace function cogo.check_transition()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if new.status <> old.status
     and old.status || '>' || new.status <> all (cogo.task_transitions())
  then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s and cannot become %s', old.id, old.status, new.status);
  end if;
  return new;
end;
$$;
comment on function cogo.check_transition is
  'Raise TQ003 for a change of a task''s status that is not allowed.';
create or replace trigger check_transition
  before update of status on public.cogo_tasks
  for each row execute function cogo.check_transition();

-- In place of CHECK constraints, which each statement parses and plans again: they took a third of the
-- time of an update of one subtask.
create or replace function cogo.check_subtask()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_broken text;
begin
  if tg_op = 'UPDATE' and new.status <> old.status
     and old.status || '>' || new.status <> all (cogo.subtask_transitions())
  then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s is %s and cannot become %s', old.id, old.status, new.status);
  end if;
  v_broken := case
    when new.status not in (
      'blocked', 'queued', 'delayed', 'waiting', 'held', 'running', 'completed', 'failed',
      'cancelled'
    ) then 'status'
    when new.kind not in (
      'flow', 'ask', 'check', 'call', 'approve', 'sleep', 'event', 'task'
    ) then 'kind'
    when new.priority not between 0 and 9 then 'priority'
    when new.level not between 0 and 9 then 'level'
    when new.deps_left < 0 then 'deps_left'
    when new.end_no <= 0 then 'end_no'
    when new.on_failure <> 'fail_task' and (new.on_failure <> 'continue' or new.sink)
      then 'on_failure'
    when (new.status = 'running') <> (new.lease_expires_at is not null)
      or (new.status = 'running') <> (new.agent_id is not null)
      or new.status <> 'running' and new.claim_request is not null then 'lease'
    when new.status = 'running' and (new.attempt <= 0 or new.started_at is null) then 'running'
    when new.deps_left > 0 and new.status not in ('blocked', 'held', 'cancelled') then 'ready'
    when new.status = 'delayed' and new.run_at is null then 'delayed'
    when new.status = 'waiting' and not new.needs_approval
      and new.kind not in ('approve', 'event', 'task') then 'waiting'
    when new.cancel_requested_at is not null and new.status not in ('running', 'cancelled')
      then 'cancel'
    when new.dead_at is not null and new.status <> 'failed' then 'dead'
    when (new.status in ('completed', 'failed', 'cancelled')) <> (new.finished_at is not null)
      then 'finished'
  end;
  if v_broken is not null then
    raise check_violation using
      schema = 'cogo', table = 'subtasks', constraint = 'subtasks_' || v_broken,
      message = format('subtask %s violates the check "subtasks_%s"', new.key, v_broken);
  end if;
  return new;
end;
$$;
comment on function cogo.check_subtask is
  'Raise TQ003 for a change of a subtask''s status that is not allowed, check_violation if its columns
contradict each other.';
-- It sorts after the triggers that set columns, as reassign_turn does.
create or replace trigger validate_subtask
  before insert or update on cogo.subtasks
  for each row execute function cogo.check_subtask();
