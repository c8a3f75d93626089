create or replace function cogo.count_calls(p_deployment cogo.deployments, p_item jsonb)
  returns cogo.deployments
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments := p_deployment;
  v_answered integer := coalesce((p_item ->> 'answered')::integer, 0);
  v_failed integer := coalesce((p_item ->> 'failed')::integer, 0);
  v_in_a_row integer := coalesce((p_item ->> 'in_a_row')::integer, v_failed);
  v_weight double precision;
begin
  v_weight := exp(-greatest(0, extract(epoch from v_now - v_deployment.counted_at)) / 60);
  v_deployment.answered := v_deployment.answered * v_weight + v_answered;
  v_deployment.failed := v_deployment.failed * v_weight + v_failed;
  v_deployment.counted_at := v_now;
  if v_answered > 0 then
    v_deployment.consecutive := 0;
    v_deployment.failing_since := null;
  end if;
  if v_in_a_row > 0 then
    v_deployment.consecutive := v_deployment.consecutive + v_in_a_row;
    v_deployment.failing_since := coalesce(v_deployment.failing_since, v_now);
  end if;
  if (p_item ->> 'retry_after_seconds')::numeric > 0 then
    v_deployment.not_before := greatest(
      v_deployment.not_before,
      v_now + cogo.retry_after((p_item ->> 'retry_after_seconds')::numeric)
    );
  end if;
  if jsonb_typeof(p_item -> 'error') = 'object' then
    v_deployment.last_error := p_item -> 'error';
    v_deployment.last_error_at := v_now;
  end if;
  return v_deployment;
end;
$$;
comment on function cogo.count_calls(cogo.deployments, jsonb) is
  'The deployment after some calls were counted; nothing is written.';

revoke all on function cogo.count_calls(cogo.deployments, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.count_calls(cogo.deployments, jsonb) to service_role;
