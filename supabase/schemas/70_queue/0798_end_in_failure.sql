create or replace function cogo.end_in_failure(
  p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_after(p_after_seconds);  -- null means backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.bury_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter: a crowd that failed together does not come back together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$$;
comment on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb) is
  'Closes the attempt that is held and decides what becomes of the subtask.';

revoke all on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb)
  to service_role;
