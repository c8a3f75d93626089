create or replace function cogo.bury_subtask(p_subtask_id uuid, p_error jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
begin
  update cogo.subtasks s
     set status = 'failed',
         dead_at = cogo.now(),
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id
  returning s.* into v_subtask;

  if v_subtask.on_failure = 'continue' then
    perform cogo.release_dependants(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$$;
comment on function cogo.bury_subtask(uuid, jsonb) is
  'Makes a subtask a dead letter, which fails its task, or lets what waits for it go on without.
Its attempt has been closed.';

revoke all on function cogo.bury_subtask(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.bury_subtask(uuid, jsonb) to service_role;
