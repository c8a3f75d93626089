create or replace function cogo.judge_deployment(
  p_deployment cogo.deployments, p_trial text, p_trial_id uuid
)
  returns cogo.deployments
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments := p_deployment;
  v_is_trial boolean := p_trial is not null and v_deployment.trial_id = p_trial_id;
  v_opens boolean := false;
begin
  if v_deployment.state = 'closed' then
    v_opens := cogo.must_open(
      v_deployment.consecutive, v_now - v_deployment.failing_since,
      v_deployment.answered, v_deployment.failed,
      (
        select count(*)::integer from cogo.deployment_agents a
         where a.deployment = v_deployment.deployment
           and a.unreachable >= 3 and a.unreachable_at > v_now - interval '1 minute'
      )
    );
  elsif v_is_trial and p_trial = 'running' then
    v_deployment.trial_until := v_now + interval '15 seconds';
  elsif v_is_trial and p_trial = 'answered' then
    v_deployment.state := 'closed';
    v_deployment.openings := 0;
    v_deployment.answered := 1;
    v_deployment.failed := 0;
    v_deployment.consecutive := 0;
    v_deployment.failing_since := null;
    update cogo.deployment_agents a set unreachable = 0
     where a.deployment = v_deployment.deployment and a.unreachable > 0;
  elsif v_is_trial and p_trial = 'failed' then
    v_opens := true;
  elsif v_is_trial then
    v_deployment.state := 'open';
    v_deployment.open_until := v_now;
  end if;
  if v_opens then
    v_deployment.state := 'open';
    v_deployment.open_until :=
      v_now + make_interval(secs => least(60, 10 * 2 ^ least(v_deployment.openings, 3)));
    v_deployment.openings := v_deployment.openings + 1;
  end if;
  if v_deployment.state <> 'half_open' then
    v_deployment.trial_id := null;
    v_deployment.trial_agent := null;
    v_deployment.trial_until := null;
  end if;
  if v_deployment.state <> p_deployment.state then
    v_deployment.changed_at := v_now;
  end if;
  return v_deployment;
end;
$$;
comment on function cogo.judge_deployment(cogo.deployments, text, uuid) is
  'The deployment with its circuit as it has to be now. A trial that ended without a verdict, such as
a cancelled one, gives its place to the next.';

revoke all on function cogo.judge_deployment(cogo.deployments, text, uuid)
  from public, anon, authenticated, service_role;
grant execute on function cogo.judge_deployment(cogo.deployments, text, uuid) to service_role;
