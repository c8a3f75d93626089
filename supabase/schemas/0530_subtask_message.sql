create or replace function cogo.subtask_message(p_subtask cogo.subtasks)
  returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select jsonb_build_object(
           'subtask_id', p_subtask.id,
           'task_id', p_subtask.task_id,
           'type', p_subtask.type,
           'params', jsonb_build_object(
             'git_branch', null,
             'target_file', null,
             'model_id', p_subtask.lane,
             'generation_prompt', t.prompt
           ) || p.params,
           'metadata', jsonb_build_object(
             'estimated_duration', 30000,
             'model_preferences',
             jsonb_build_array(coalesce(p.params ->> 'model_id', p_subtask.lane))
           ) || p.metadata || jsonb_build_object(
             'priority', case when p_subtask.priority <= 3 then 'high'
                              when p_subtask.priority <= 6 then 'medium' else 'low' end,
             'timestamp', cogo.iso(cogo.now())
           )
         )
    from cogo.subtask_payloads p
    join public.cogo_tasks t on t.id = p_subtask.task_id
   where p.subtask_id = p_subtask.id;
$$;
comment on function cogo.subtask_message(cogo.subtasks) is 'The payload of MCP_SUBTASK.';

revoke all on function cogo.subtask_message(cogo.subtasks)
  from public, anon, authenticated, service_role;
