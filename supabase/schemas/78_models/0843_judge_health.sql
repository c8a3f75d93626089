-- Pure. Two thresholds for each measure, so that a model in between does not go to and fro: what is
-- unwell must be seen to be clearly well again. Who is passed over is not seen at all, so after a
-- while, twice as long each time up to a minute, it is tried again, and then two failures are enough.
-- However long an outage was, a minute after its end the model has its chance.
create or replace function cogo.judge_health(
  p_model cogo.model_health, p_now timestamptz, p_shut boolean
)
  returns cogo.model_health
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_model cogo.model_health := p_model;
  v_weight double precision := cogo.fading(p_model.counted_at, p_now, 30);
  v_calls double precision := (p_model.answered + p_model.failed) * v_weight;
  v_rate double precision := p_model.failed / nullif(p_model.answered + p_model.failed, 0);
  v_enough double precision := case when p_model.on_trial then 1.9 else 4.5 end;
  v_usual double precision;
  v_slower double precision;
  v_worse text;
begin
  -- The moving sum is part of the long one: what is usual is the rest.
  if p_model.usual_paced - p_model.paced * v_weight >= 10 then
    v_usual := (p_model.usual_pace - p_model.pace * v_weight)
               / (p_model.usual_paced - p_model.paced * v_weight);
  end if;
  if p_model.paced * v_weight >= v_enough then
    v_slower := p_model.pace / p_model.paced / nullif(v_usual, 0);
  end if;

  -- On trial somebody must be let through to see whether a circuit closes.
  if p_shut and (not p_model.on_trial or p_now > p_model.since + interval '30 seconds') then
    v_worse := 'open';
    v_model.reason := 'the circuits of all its deployments are open';
  elsif p_model.in_a_row >= 5 or (v_calls >= v_enough and v_rate >= 0.8) then
    v_worse := 'open';
    v_model.reason := format(
      'it does not answer: %s of the last %s calls failed, %s in a row',
      round((p_model.failed * v_weight)::numeric, 1), round(v_calls::numeric, 1), p_model.in_a_row
    );
  elsif v_calls >= v_enough and v_rate >= 0.3 then
    v_worse := 'degraded';
    v_model.reason := format(
      '%s%% of the last %s calls failed', round(v_rate * 100), round(v_calls::numeric, 1)
    );
  elsif v_slower >= 3 then
    v_worse := 'degraded';
    v_model.reason := format(
      'it takes %s ms for a token and usually %s ms',
      round((p_model.pace / p_model.paced)::numeric, 1), round(v_usual::numeric, 1)
    );
  end if;

  if p_model.health = 'ok' and v_worse is not null
     or p_model.health = 'degraded' and v_worse = 'open' then
    v_model.health := v_worse;
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
  elsif not p_shut and p_model.answered * v_weight >= 2.5
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
comment on function cogo.judge_health(cogo.model_health, timestamptz, boolean) is
  'The model with its health as it has to be now, from what its traffic showed; p_shut says that all its
circuits are open.';

revoke all on function cogo.judge_health(cogo.model_health, timestamptz, boolean)
  from public, anon, authenticated, service_role;
grant execute on function cogo.judge_health(cogo.model_health, timestamptz, boolean) to service_role;
