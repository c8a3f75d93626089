create or replace function cogo.cancel_running(p_subtask_id uuid, p_attempt integer, p_usage jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  update cogo.subtasks s
     set status = 'cancelled',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id and s.status = 'running' and s.attempt = p_attempt;
end;
$$;
comment on function cogo.cancel_running(uuid, integer, jsonb) is
  'Ends the attempt of a subtask whose task is over. What it made is dropped, what it cost is not.';

revoke all on function cogo.cancel_running(uuid, integer, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.cancel_running(uuid, integer, jsonb) to service_role;
