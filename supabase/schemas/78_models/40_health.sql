-- Each measure has two thresholds, so that a model between them does not alternate. A model that is not
-- selected has no traffic, so it is set to ok on trial after 15 seconds, then 30, then 60; on trial two
-- failures are enough to degrade it again.
create or replace function cogo.evaluate_health(
  p_model cogo.model_health, p_now timestamptz, p_circuits_open boolean
)
  returns cogo.model_health language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_model cogo.model_health := p_model;
  v_weight double precision := cogo.decay(p_model.counted_at, p_now, 30);
  v_calls double precision := (p_model.answered + p_model.failed) * v_weight;
  v_rate double precision := p_model.failed / nullif(p_model.answered + p_model.failed, 0);
  v_enough double precision := case when p_model.on_trial then 1.9 else 4.5 end;
  v_usual double precision;
  v_slower double precision;
  v_found text;
begin
  -- The long sum includes the short one; the baseline is the difference.
  if p_model.usual_paced - p_model.paced * v_weight >= 10 then
    v_usual := (p_model.usual_pace - p_model.pace * v_weight)
               / (p_model.usual_paced - p_model.paced * v_weight);
  end if;
  if p_model.paced * v_weight >= v_enough then
    v_slower := p_model.pace / p_model.paced / nullif(v_usual, 0);
  end if;

  -- On trial some calls must pass, since a circuit closes only after a successful call.
  if p_circuits_open and (not p_model.on_trial or p_now > p_model.since + interval '30 seconds') then
    v_found := 'open';
    v_model.reason := 'the circuits of all its deployments are open';
  elsif p_model.in_a_row >= 5 or (v_calls >= v_enough and v_rate >= 0.8) then
    v_found := 'open';
    v_model.reason := format(
      'it does not answer: %s of the last %s calls failed, %s in a row',
      round((p_model.failed * v_weight)::numeric, 1), round(v_calls::numeric, 1), p_model.in_a_row
    );
  elsif v_calls >= v_enough and v_rate >= 0.3 then
    v_found := 'degraded';
    v_model.reason := format(
      '%s%% of the last %s calls failed', round(v_rate * 100), round(v_calls::numeric, 1)
    );
  elsif v_slower >= 3 then
    v_found := 'degraded';
    v_model.reason := format(
      'it takes %s ms for a token and usually %s ms',
      round((p_model.pace / p_model.paced)::numeric, 1), round(v_usual::numeric, 1)
    );
  end if;

  if p_model.health = 'ok' and v_found is not null
     or p_model.health = 'degraded' and v_found = 'open' then
    v_model.health := v_found;
    v_model.since := p_now;
    v_model.on_trial := false;
    v_model.retry_at := p_now + make_interval(secs => least(60, 15 * 2 ^ least(p_model.trips, 2)));
    v_model.trips := p_model.trips + 1;
  elsif p_model.health = 'ok' then
    v_model.reason := p_model.reason;
    if p_model.on_trial and v_calls >= 4.5 and v_rate <= 0.1 then
      v_model.on_trial := false;
      v_model.trips := 0;
    end if;
  elsif not p_circuits_open and p_model.answered * v_weight >= 2.5
    and v_rate <= 0.1 and coalesce(v_slower, 1) <= 1.5
  then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.trips := 0;
    v_model.retry_at := null;
    v_model.reason := format(
      'it answers again: %s of the last %s calls',
      round((p_model.answered * v_weight)::numeric, 1), round(v_calls::numeric, 1)
    );
  elsif p_now >= p_model.retry_at then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.on_trial := true;
    v_model.retry_at := null;
    v_model.answered := 0;
    v_model.failed := 0;
    v_model.in_a_row := 0;
    v_model.paced := 0;
    v_model.pace := 0;
    v_model.reason := 'it is tried again after '
      || round(extract(epoch from p_now - p_model.since)) || ' s';
  else
    v_model.reason := p_model.reason;
  end if;
  return v_model;
end;
$$;
comment on function cogo.evaluate_health is
  'Return the model with its current health. p_circuits_open: whether all its circuits are open.';

create or replace function cogo.record_switch(
  p_kind text, p_subject text, p_scope text, p_was text, p_became text, p_reason text,
  p_numbers jsonb
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_who constant text := case p_kind
    when 'health' then cogo.current_actor() else cogo.current_who()
  end;
begin
  insert into public.cogo_model_switches (kind, subject, scope, was, became, reason, numbers, who)
  values (
    p_kind, p_subject, p_scope, p_was, p_became, p_reason, coalesce(p_numbers, '{}'), v_who
  );
  perform cogo.notify(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_subject,
      'status', case
        when p_became in ('open', 'ban', 'drain') then 'unavailable'
        when p_became = 'degraded' then 'degraded'
        else 'available'
      end,
      'kind', p_kind,
      'scope', p_scope,
      'was', p_was,
      'became', p_became,
      'who', v_who,
      'reason', p_reason,
      'numbers', coalesce(p_numbers, '{}'),
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    v_who, 'cogo-model-selection'
  );
end;
$$;
comment on function cogo.record_switch is
  'Store and announce a change of which models may be selected.';

-- Every orchestrator calls this; one at a time does the work, and the others read its result.
create or replace function cogo.update_model_health(p_limit integer default 2000)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
  v_old cogo.model_health;
  v_new cogo.model_health;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.update_model_health', 0)) then
    return 0;
  end if;
  v_count := cogo.count_outcomes(p_limit);
  for v_old in
    select h.* from cogo.model_health h
     where h.health <> 'ok' or h.on_trial or h.counted_at > cogo.now() - interval '5 minutes'
        or h.model_id in (select d.model_id from cogo.deployments d where d.state <> 'closed')
     order by h.model_id
  loop
    v_new := cogo.evaluate_health(
      v_old, cogo.now(),
      coalesce(
        (
          select bool_and(d.state <> 'closed')
            from cogo.deployments d where d.model_id = v_old.model_id
        ), false
      )
    );
    continue when v_new is not distinct from v_old;
    update cogo.model_health h
       set health = v_new.health, reason = v_new.reason, since = v_new.since,
           on_trial = v_new.on_trial, trips = v_new.trips, retry_at = v_new.retry_at,
           answered = v_new.answered, failed = v_new.failed, in_a_row = v_new.in_a_row,
           paced = v_new.paced, pace = v_new.pace
     where h.model_id = v_new.model_id;
    if v_new.health <> v_old.health then
      perform cogo.record_switch(
        'health', v_new.model_id, 'everywhere', v_old.health, v_new.health, v_new.reason,
        jsonb_build_object(
          'answered', round(v_old.answered::numeric, 1),
          'failed', round(v_old.failed::numeric, 1),
          'in_a_row', v_old.in_a_row,
          'ms_per_token', round((v_old.pace / nullif(v_old.paced, 0))::numeric, 1),
          'usual_ms_per_token',
          round((v_old.usual_pace / nullif(v_old.usual_paced, 0))::numeric, 1),
          'retry_at', cogo.iso_timestamp(v_new.retry_at)
        )
      );
    end if;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.update_model_health is
  'Count the attempts that ended, evaluate the health of models, and record each change.';
