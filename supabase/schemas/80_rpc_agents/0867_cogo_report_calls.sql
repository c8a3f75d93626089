create or replace function public.cogo_report_calls(
  p_agent_id text, p_report bigint, p_items jsonb default '[]'
)
  returns table (deployment text, state text, wait_seconds numeric, resting boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_item jsonb;
begin
  perform cogo.act_as(p_agent_id);
  if p_report is null or jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_report must be a number, p_items an array of objects';
  end if;
  -- In one order by everybody, so that two reports never wait for each other in a circle.
  for v_item in
    select i.item from jsonb_array_elements(p_items) as i (item)
     where i.item ->> 'deployment' is not null
     order by i.item ->> 'deployment'
  loop
    perform cogo.note_report(p_agent_id, p_report, v_item);
  end loop;
  return query
    select d.deployment, d.state, cogo.deployment_wait(d, cogo.now()), d.not_before > cogo.now()
      from cogo.deployments d
     where d.state <> 'closed' or d.not_before > cogo.now();
end;
$$;
comment on function public.cogo_report_calls(text, bigint, jsonb) is
  'Takes what an agent saw of its calls since its last report; gives all deployments that may not
simply be asked. Items: deployment, model_id, provider, answered, failed, in_a_row (failures since the
last answer), unreachable (connections that failed in a row), retry_after_seconds, error, concurrency,
running, trial (running, answered, failed, void) with trial_id, given_back (bucket, amount).';

revoke all on function public.cogo_report_calls(text, bigint, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_report_calls(text, bigint, jsonb) to service_role;
