create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_task_id uuid;
  v_subtask_id uuid;
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.act_as(p_selection ->> 'agent_id');
  end if;
  -- Whoever asks may name what is no task here, or not yet. A refusal is no choice for its task.
  select t.id into v_task_id
    from public.cogo_tasks t
   where t.id = cogo.to_uuid(p_selection ->> 'task_id')
     and p_selection ->> 'selected_model' is not null
     for key share;
  select s.id into v_subtask_id
    from cogo.subtasks s
   where s.id = cogo.to_uuid(p_selection ->> 'subtask_id') and s.task_id = v_task_id
     for key share;
  return cogo.record_selection(p_selection, v_task_id, v_subtask_id);
end;
$$;
comment on function public.cogo_record_selection(jsonb) is
  'Keeps and announces the answer to a request on model-selection: a model, or without selected_model the
reason why there is none. A task_id or subtask_id that does not exist is announced and not kept.';

revoke all on function public.cogo_record_selection(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_selection(jsonb) to service_role;
