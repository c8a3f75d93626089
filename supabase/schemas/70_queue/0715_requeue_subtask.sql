create or replace function cogo.requeue_subtask(
  p_subtask_id uuid,
  p_run_at timestamptz default null,
  p_lane text default null
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  update cogo.subtasks s
     set status = cogo.standing(t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now()),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$$;
comment on function cogo.requeue_subtask(uuid, timestamptz, text) is
  'Puts a running subtask, whose attempt was just closed, back where it can be claimed.';

revoke all on function cogo.requeue_subtask(uuid, timestamptz, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.requeue_subtask(uuid, timestamptz, text) to service_role;
