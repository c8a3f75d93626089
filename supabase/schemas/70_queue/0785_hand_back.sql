create or replace function cogo.hand_back(
  p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean
)
  returns boolean
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.bury_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$$;
comment on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean) is
  'Takes a running subtask from its holder. False when it has killed too many: a dead letter.';

revoke all on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean)
  from public, anon, authenticated, service_role;
grant execute on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean) to service_role;
