create or replace function public.cogo_take_trial(
  p_agent_id text, p_deployment text, p_trial_id uuid
)
  returns table (granted boolean, state text, wait_seconds numeric)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments;
begin
  select d.* into v_deployment
    from cogo.deployments d where d.deployment = p_deployment for no key update;
  if v_deployment.not_before > v_now then
    return query
      select false, v_deployment.state, cogo.deployment_wait(v_deployment, v_now);
    return;
  end if;
  if v_deployment.state = 'open' and v_deployment.open_until <= v_now
     or v_deployment.state = 'half_open' and v_deployment.trial_until <= v_now then
    update cogo.deployments d
       set state = 'half_open',
           trial_id = p_trial_id,
           trial_agent = p_agent_id,
           trial_until = v_now + interval '15 seconds'
     where d.deployment = p_deployment
    returning d.* into v_deployment;
  end if;
  return query
    select coalesce(v_deployment.state, 'closed') = 'closed'
             or v_deployment.state = 'half_open'
                and v_deployment.trial_id is not distinct from p_trial_id,
           coalesce(v_deployment.state, 'closed'),
           coalesce(cogo.deployment_wait(v_deployment, v_now), 0);
end;
$$;
comment on function public.cogo_take_trial(text, text, uuid) is
  'Asks to make the one call that shows whether a deployment answers again. The holder keeps it by its
reports; 15 seconds after the last one another may take it. The same p_trial_id gets the same answer.';

revoke all on function public.cogo_take_trial(text, text, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_take_trial(text, text, uuid) to service_role;
