create or replace function cogo.task_result_message(p_task public.cogo_tasks)
  returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select jsonb_build_object(
           'task_id', p_task.id,
           'status', p_task.status,
           'cost_usd', p_task.cost_usd,
           'tokens', jsonb_build_object(
             'input', p_task.input_tokens,
             'cached', p_task.cached_tokens,
             'output', p_task.output_tokens,
             'reasoning', p_task.reasoning_tokens
           ),
           'execution_time', cogo.milliseconds(
             coalesce(p_task.started_at, p_task.created_at), p_task.finished_at
           ),
           'timestamp', cogo.iso(p_task.finished_at)
         )
         || case when p_task.result is not null
              then jsonb_build_object('result', p_task.result) else '{}' end
         || case when p_task.error is not null
              then jsonb_build_object('error', p_task.error) else '{}' end;
$$;
comment on function cogo.task_result_message(public.cogo_tasks) is 'The payload of TASK_RESULT.';

revoke all on function cogo.task_result_message(public.cogo_tasks)
  from public, anon, authenticated, service_role;
