-- Security definer: the history and the channels belong to the owner of the schema.
-- Runs after the statement, so what that statement wrote beside the subtask is visible.
create or replace function cogo.tell_subtask()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_from text := case when tg_op = 'UPDATE' then old.status end;
  v_agent_id text := coalesce(
    new.agent_id, case when tg_op = 'UPDATE' then old.agent_id end,
    nullif(cogo.actor(), 'cogo-database')
  );
begin
  if new.status is not distinct from v_from then
    return null;
  end if;
  perform cogo.record_event(
    new.task_id, 'subtask.' || new.status, new.id, nullif(new.attempt, 0), v_agent_id,
    jsonb_build_object(
      'key', new.key, 'type', new.type, 'lane', new.lane, 'from', v_from,
      'run_at', case when new.status = 'delayed' then cogo.iso(new.run_at) end
    )
  );
  -- TASK_CREATED has already rung for a PLAN that is new; who queues many rings once for all.
  if new.status = 'queued' and (
    tg_op = 'INSERT' and new.type = 'PLAN' or current_setting('cogo.hushed', true) = 'on'
  ) then
    return null;
  elsif new.status = 'queued' then
    perform cogo.ring(
      array[case new.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end],
      'MCP_SUBTASK', cogo.subtask_message(new), cogo.actor()
    );
  elsif new.status in ('completed', 'failed') and new.type <> 'PLAN' then
    perform cogo.ring(
      array['cogo-results', 'cogo-results:' || new.task_id],
      'SUBTASK_RESULT', cogo.subtask_result_message(new), coalesce(v_agent_id, cogo.actor())
    );
  end if;
  return null;
end;
$$;
comment on function cogo.tell_subtask() is
  'Records and announces every change of a subtask''s status, in the transaction that makes it.';

revoke all on function cogo.tell_subtask() from public, anon, authenticated, service_role;

create or replace trigger tell
  after insert or update of status on cogo.subtasks
  for each row execute function cogo.tell_subtask();
