create or replace function cogo.fence(p_agent_id text, p_subtask_id uuid, p_attempt integer)
  returns text
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_attempt public.cogo_attempts;
begin
  select a.* into v_attempt
    from public.cogo_attempts a
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
  if not found then
    return 'unknown';
  elsif v_attempt.agent_id <> p_agent_id then
    return 'stale';
  elsif v_attempt.ended_at is not null then
    return v_attempt.outcome;
  elsif exists (
    select from cogo.subtasks s where s.id = p_subtask_id and s.cancel_requested_at is not null
  ) then
    return 'closing';
  end if;
  return 'held';
end;
$$;
comment on function cogo.fence(text, uuid, integer) is
  'Whether an agent still holds an attempt: held, closing (its task is over), stale (another
agent''s), unknown, or the outcome that ended it. An expired lease that nobody took is held.';

revoke all on function cogo.fence(text, uuid, integer)
  from public, anon, authenticated, service_role;
grant execute on function cogo.fence(text, uuid, integer) to service_role;
