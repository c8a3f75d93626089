create or replace function cogo.route_subtask(p_subtask cogo.subtasks, p_item jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_route jsonb := p_item -> 'route';
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'routed', array[p_item -> 'usage']
  );
  update cogo.subtask_payloads p
     set params = p.params || coalesce(nullif(v_route -> 'params', 'null'), '{}'),
         metadata = p.metadata || coalesce(nullif(v_route -> 'metadata', 'null'), '{}')
   where p.subtask_id = p_subtask.id;
  if jsonb_typeof(v_route -> 'selection') = 'object' then
    perform cogo.record_selection(v_route -> 'selection', p_subtask.task_id, p_subtask.id);
  end if;
  perform cogo.requeue_subtask(p_subtask.id, p_lane => v_route ->> 'lane');
end;
$$;
comment on function cogo.route_subtask(cogo.subtasks, jsonb) is
  'Hands a subtask that came back to the orchestrators to another model.';

revoke all on function cogo.route_subtask(cogo.subtasks, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.route_subtask(cogo.subtasks, jsonb) to service_role;
