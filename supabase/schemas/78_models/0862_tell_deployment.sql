create or replace function cogo.tell_deployment(p_deployment cogo.deployments)
  returns void
  language sql
  volatile
  set search_path = ''
as $$
  select cogo.ring(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_deployment.model_id,
      'provider', p_deployment.provider,
      'deployment', p_deployment.deployment,
      'status', case p_deployment.state when 'closed' then 'available' else 'unavailable' end,
      'reason', case p_deployment.state
        when 'closed' then 'it answers again'
        else 'its circuit is open: ' || coalesce(p_deployment.last_error ->> 'message', 'it fails')
      end,
      'until', case when p_deployment.state <> 'closed' then cogo.iso(p_deployment.open_until) end,
      'timestamp', cogo.iso(cogo.now())
    ),
    cogo.actor(), 'cogo-model-selection'
  );
$$;
comment on function cogo.tell_deployment(cogo.deployments) is
  'Announces that a circuit has opened or closed.';

revoke all on function cogo.tell_deployment(cogo.deployments)
  from public, anon, authenticated, service_role;
grant execute on function cogo.tell_deployment(cogo.deployments) to service_role;
