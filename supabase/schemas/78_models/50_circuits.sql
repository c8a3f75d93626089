-- While a trial runs its duration is unknown: ask again after five seconds at most.
create or replace function cogo.circuit_wait_seconds(p_deployment cogo.deployments, p_now timestamptz)
  returns numeric language sql immutable
  return round(greatest(
    0,
    extract(epoch from p_deployment.not_before - p_now),
    case p_deployment.state
      when 'open' then extract(epoch from p_deployment.open_until - p_now)
      when 'half_open' then least(5, extract(epoch from p_deployment.trial_until - p_now))
    end
  )::numeric, 3);
comment on function cogo.circuit_wait_seconds is
  'Return the seconds until a deployment may be called; 0: now.';

create or replace function cogo.evaluate_circuit(p_deployment cogo.deployments, p_item jsonb)
  returns cogo.deployments language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
  v_new cogo.deployments := p_deployment;
  v_answered integer := coalesce((p_item ->> 'answered')::integer, 0);
  v_failed integer := coalesce((p_item ->> 'failed')::integer, 0);
  v_in_a_row integer := coalesce((p_item ->> 'in_a_row')::integer, v_failed);
  v_retry_after numeric := (p_item ->> 'retry_after_seconds')::numeric;
  -- The result of a trial, if the report is about the current one.
  v_trial text := case p_deployment.trial_id
    when (p_item ->> 'trial_id')::uuid then p_item ->> 'trial'
  end;
  -- A time constant of 60 seconds.
  v_weight double precision := cogo.decay(p_deployment.counted_at, v_now, 60 * ln(2::float8));
  v_opens boolean := false;
begin
  v_new.answered := cogo.add_decayed(v_new.answered, v_weight, v_answered);
  v_new.failed := cogo.add_decayed(v_new.failed, v_weight, v_failed);
  v_new.counted_at := v_now;
  if v_answered > 0 then
    v_new.consecutive := 0;
    v_new.failing_since := null;
  end if;
  if v_in_a_row > 0 then
    v_new.consecutive := v_new.consecutive + v_in_a_row;
    v_new.failing_since := coalesce(v_new.failing_since, v_now);
  end if;
  if v_retry_after > 0 then
    v_new.not_before := greatest(v_new.not_before, v_now + cogo.retry_interval(v_retry_after));
  end if;
  if jsonb_typeof(p_item -> 'error') = 'object' then
    v_new.last_error := p_item -> 'error';
    v_new.last_error_at := v_now;
  end if;

  if v_new.state = 'closed' then
    -- Failures at the same moment may be one event, so a series must last; a rate needs enough calls;
    -- connections must have failed for several agents.
    v_opens := v_new.consecutive >= 5
        and coalesce(v_now - v_new.failing_since >= interval '5 seconds', false)
      or v_new.answered + v_new.failed >= 20 and v_new.failed >= v_new.answered
      or (
        select count(*) >= 2 from cogo.deployment_agents a
         where a.deployment = v_new.deployment
           and a.unreachable >= 3 and a.unreachable_at > v_now - interval '1 minute'
      );
  elsif v_trial = 'running' then
    v_new.trial_until := v_now + interval '15 seconds';
  elsif v_trial = 'answered' then
    v_new.state := 'closed';
    v_new.openings := 0;
    v_new.answered := 1;
    v_new.failed := 0;
    v_new.consecutive := 0;
    v_new.failing_since := null;
    update cogo.deployment_agents a set unreachable = 0
     where a.deployment = v_new.deployment and a.unreachable > 0;
  elsif v_trial = 'failed' then
    v_opens := true;
  elsif v_trial is not null then
    -- It ended without a result, for example by a cancellation: the next trial may begin.
    v_new.state := 'open';
    v_new.open_until := v_now;
  end if;
  if v_opens then
    v_new.state := 'open';
    v_new.open_until := v_now + make_interval(secs => least(60, 10 * 2 ^ least(v_new.openings, 3)));
    v_new.openings := v_new.openings + 1;
  end if;
  if v_new.state <> 'half_open' then
    v_new.trial_id := null;
    v_new.trial_agent := null;
    v_new.trial_until := null;
  end if;
  if v_new.state <> p_deployment.state then
    v_new.changed_at := v_now;
  end if;
  return v_new;
end;
$$;
comment on function cogo.evaluate_circuit is
  'Return the deployment with a report counted and its circuit evaluated.';

create or replace function cogo.record_report(p_agent_id text, p_report bigint, p_item jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := p_item ->> 'deployment';
  v_unreachable integer := (p_item ->> 'unreachable')::integer;
  v_old cogo.deployments;
  v_new cogo.deployments;
  v_refund jsonb;
begin
  insert into cogo.deployments (deployment, model_id, provider)
  values (v_name, p_item ->> 'model_id', p_item ->> 'provider')
  on conflict do nothing;
  select d.* into v_old from cogo.deployments d where d.deployment = v_name for no key update;

  insert into cogo.deployment_agents as a (
    deployment, agent_id, report, unreachable, unreachable_at, concurrency, running
  ) values (
    v_name, p_agent_id, p_report, coalesce(v_unreachable, 0),
    case when v_unreachable > 0 then cogo.now() end,
    (p_item ->> 'concurrency')::integer, (p_item ->> 'running')::integer
  )
  on conflict (deployment, agent_id) do update
    set report = excluded.report,
        unreachable = coalesce(v_unreachable, a.unreachable),
        unreachable_at = case
          when v_unreachable > 0 then cogo.now() else a.unreachable_at
        end,
        concurrency = excluded.concurrency,
        running = excluded.running,
        reported_at = cogo.now()
  where a.report < excluded.report;
  if not found then
    return;
  end if;

  v_new := cogo.evaluate_circuit(v_old, p_item);
  update cogo.deployments d
     set state = v_new.state, open_until = v_new.open_until, openings = v_new.openings,
         not_before = v_new.not_before, trial_id = v_new.trial_id,
         trial_agent = v_new.trial_agent, trial_until = v_new.trial_until,
         answered = v_new.answered, failed = v_new.failed, counted_at = v_new.counted_at,
         consecutive = v_new.consecutive, failing_since = v_new.failing_since,
         last_error = v_new.last_error, last_error_at = v_new.last_error_at,
         changed_at = v_new.changed_at,
         model_id = coalesce(p_item ->> 'model_id', d.model_id)
   where d.deployment = v_name;
  if (v_new.state = 'closed') is distinct from (v_old.state = 'closed') then
    perform cogo.notify(
      'model-selection', 'MODEL_STATUS',
      jsonb_build_object(
        'model_id', v_new.model_id,
        'provider', v_new.provider,
        'deployment', v_new.deployment,
        'status', case v_new.state when 'closed' then 'available' else 'unavailable' end,
        'reason', case v_new.state
          when 'closed' then 'it answers again'
          else 'its circuit is open: ' || coalesce(v_new.last_error ->> 'message', 'it fails')
        end,
        'until', case when v_new.state <> 'closed' then cogo.iso_timestamp(v_new.open_until) end,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor(), 'cogo-model-selection'
    );
  end if;
  for v_refund in select jsonb_array_elements(coalesce(nullif(p_item -> 'given_back', 'null'), '[]'))
  loop
    update cogo.buckets b set tokens = b.tokens + (v_refund ->> 'amount')::float8
     where b.bucket = v_refund ->> 'bucket';
  end loop;
end;
$$;
comment on function cogo.record_report is
  'Count an agent''s report of a deployment, once, and refund what it drew too much.';
