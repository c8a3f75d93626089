create or replace function cogo.subtask_message(p_subtask_id uuid, p_queued bigint)
  returns jsonb
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_payload jsonb;
begin
  select jsonb_build_object(
           'subtask_id', s.id,
           'task_id', s.task_id,
           'type', s.type,
           'params', jsonb_build_object(
             'git_branch', null,
             'target_file', null,
             'model_id', s.lane,
             'generation_prompt', t.prompt
           ) || p.params,
           'metadata', jsonb_build_object(
             'estimated_duration', 30000,
             'model_preferences', jsonb_build_array(coalesce(p.params ->> 'model_id', s.lane))
           ) || p.metadata || jsonb_build_object(
             'priority', case when s.priority <= 3 then 'high'
                              when s.priority <= 6 then 'medium' else 'low' end,
             'timestamp', cogo.iso(cogo.now())
           ) || case when p_queued > 1 then jsonb_build_object('queued', p_queued) else '{}' end
         )
    into v_payload
    from cogo.subtasks s
    join cogo.subtask_payloads p on p.subtask_id = s.id
    join public.cogo_tasks t on t.id = s.task_id
   where s.id = p_subtask_id;
  return v_payload;
end;
$$;
comment on function cogo.subtask_message(uuid, bigint) is
  'The payload of MCP_SUBTASK, for the first of so many that were queued together.';

revoke all on function cogo.subtask_message(uuid, bigint)
  from public, anon, authenticated, service_role;
