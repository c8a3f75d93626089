create or replace function cogo.subtask_result_message(p_subtask cogo.subtasks)
  returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  with latest as (
    -- A person's refusal ends a subtask that nobody attempted: then there is no row.
    select a.*
      from (select) as always
      left join public.cogo_attempts a
             on a.subtask_id = p_subtask.id and a.attempt = p_subtask.attempt
  )
  select jsonb_build_object(
           'subtask_id', p_subtask.id,
           'task_id', p_subtask.task_id,
           'status', p_subtask.status,
           'execution_time',
           coalesce(cogo.milliseconds(l.claimed_at, p_subtask.finished_at), 0),
           'metadata', jsonb_build_object(
             'source', coalesce(l.agent_id, cogo.actor()),
             'timestamp', cogo.iso(p_subtask.finished_at),
             'model_id', l.model_id,
             'model_performance', jsonb_build_object(
               'model_id', l.model_id,
               'response_time', l.duration_ms,
               'tokens_used',
               l.input_tokens + coalesce(l.cached_tokens, 0) + l.output_tokens,
               'cost_usd', l.cost_usd
             )
           )
         ) || case p_subtask.status
                when 'completed' then jsonb_build_object('output', o.output)
                else jsonb_build_object(
                  'error', coalesce(l.error, p.metadata -> 'approval' -> 'error')
                )
              end
    from latest l
    left join cogo.subtask_outputs o on o.subtask_id = p_subtask.id
    left join cogo.subtask_payloads p on p.subtask_id = p_subtask.id;
$$;
comment on function cogo.subtask_result_message(cogo.subtasks) is 'The payload of SUBTASK_RESULT.';

revoke all on function cogo.subtask_result_message(cogo.subtasks)
  from public, anon, authenticated, service_role;
