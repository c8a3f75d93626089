-- The only clock: no statement uses the time of a client. Tests set `cogo.fake_now`; clients of the API
-- cannot, because they have no way to set a configuration parameter.
create or replace function cogo.now()
  returns timestamptz language sql
  return coalesce(
    nullif(current_setting('cogo.fake_now', true), '')::timestamptz, clock_timestamp()
  );
comment on function cogo.now is 'Return the current time, or cogo.fake_now if it is set (tests).';

create or replace function cogo.iso_timestamp(p_at timestamptz)
  returns text language sql stable
  return to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function cogo.iso_timestamp is
  'Return a time as messages spell it: UTC with milliseconds, in any time zone of the session.';

create or replace function cogo.elapsed_ms(p_from timestamptz, p_to timestamptz)
  returns bigint language sql immutable
  return case
    when p_to < p_from then 0 else round(extract(epoch from p_to - p_from) * 1000)::bigint
  end;
comment on function cogo.elapsed_ms is
  'Return the milliseconds between two times: never negative, null if a time is unknown.';

-- Seconds have the same length in every time zone, unlike days.
create or replace function cogo.subtract_seconds(p_at timestamptz, p_seconds double precision)
  returns timestamptz language sql immutable
  return p_at - make_interval(secs => coalesce(p_seconds, 0));
comment on function cogo.subtract_seconds is
  'Return the time that is some seconds earlier; null takes off none.';

create or replace function cogo.retry_interval(p_seconds numeric)
  returns interval language sql immutable
  -- NaN counts as the greatest number.
  return case
    when p_seconds > 0 then make_interval(secs => least(p_seconds, 86400)::float8)
    when p_seconds <= 0 then interval '0'
  end;
comment on function cogo.retry_interval is
  'Return how long a deployment or a subtask waits for a Retry-After: at most a day; null if unknown.';

-- 0 after 60 half-lives, as sums that are hardly more than 0: products that only become smaller would
-- end in an error of Postgres, which has no number between 0 and the smallest one.
create or replace function cogo.decay(
  p_since timestamptz, p_now timestamptz, p_half_life_seconds double precision
)
  returns double precision language sql immutable
  return case
    when extract(epoch from p_now - p_since) > 60 * p_half_life_seconds then 0
    else power(0.5, greatest(extract(epoch from p_now - p_since) / p_half_life_seconds, 0))
  end;
comment on function cogo.decay is
  'Return the weight, from 1 down to 0, that is left of a value which decays with a half-life.';

create or replace function cogo.add_decayed(
  p_sum double precision, p_weight double precision, p_added double precision
)
  returns double precision language sql immutable
  return case
    when p_sum * p_weight + p_added < 1e-9 then 0 else p_sum * p_weight + p_added
  end;
comment on function cogo.add_decayed is
  'Return a sum that has decayed to a weight, with what is added or (negative) taken back; at least 0.';

