create or replace function cogo.subtask_messages(p_subtask_ids uuid[], p_more bigint[])
  returns jsonb[]
  language plpgsql
  stable
  set search_path = ''
as $$
begin
  return array(
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
             ) || case when m.more > 0 then jsonb_build_object('queued', m.more) else '{}' end
           )
      from unnest(p_subtask_ids, p_more) with ordinality as m (id, more, nth)
      join cogo.subtasks s on s.id = m.id
      join cogo.subtask_payloads p on p.subtask_id = s.id
      join public.cogo_tasks t on t.id = s.task_id
     order by m.nth
  );
end;
$$;
comment on function cogo.subtask_messages(uuid[], bigint[]) is
  'The payloads of MCP_SUBTASK, in order. p_more is how many more were queued in the lane untold.';

revoke all on function cogo.subtask_messages(uuid[], bigint[])
  from public, anon, authenticated, service_role;
