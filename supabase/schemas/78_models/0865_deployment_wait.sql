-- How much longer no call may pass. While a trial runs its length is anybody's guess: look again soon.
create or replace function cogo.deployment_wait(p_deployment cogo.deployments, p_now timestamptz)
  returns numeric
  language sql
  immutable
  set search_path = ''
as $$
  select round(greatest(
    0,
    extract(epoch from p_deployment.not_before - p_now),
    case p_deployment.state
      when 'open' then extract(epoch from p_deployment.open_until - p_now)
      when 'half_open' then least(5, extract(epoch from p_deployment.trial_until - p_now))
    end
  )::numeric, 3);
$$;
comment on function cogo.deployment_wait(cogo.deployments, timestamptz) is
  'Seconds until a deployment may be asked again; 0: now.';

revoke all on function cogo.deployment_wait(cogo.deployments, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.deployment_wait(cogo.deployments, timestamptz) to service_role;
