create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.act_as(p_selection ->> 'agent_id');
  end if;
  return cogo.record_selection(
    p_selection, cogo.to_uuid(p_selection ->> 'task_id'), cogo.to_uuid(p_selection ->> 'subtask_id')
  );
end;
$$;
comment on function public.cogo_record_selection(jsonb) is
  'Keeps and announces the answer to a request on model-selection; its task_id may be null.';

revoke all on function public.cogo_record_selection(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_selection(jsonb) to service_role;
