-- A token bucket that holds six seconds' worth: any minute sees at most a tenth more than the rate.
create or replace function cogo.allowance(
  p_per_minute integer, p_tokens double precision, p_refilled_at timestamptz, p_now timestamptz
)
  returns double precision
  language sql
  immutable
  -- greatest() and least() pass over nulls.
  return case
    when p_per_minute is null then null
    when p_refilled_at is null then greatest(1, p_per_minute / 10.0)
    else least(
      greatest(1, p_per_minute / 10.0),
      p_tokens
        + greatest(0, extract(epoch from p_now - p_refilled_at))::float8 * p_per_minute / 60
    )
  end;
comment on function cogo.allowance(integer, double precision, timestamptz, timestamptz) is
  'How many claims a rate allows now; null without a rate.';

revoke all on function cogo.allowance(integer, double precision, timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.allowance(integer, double precision, timestamptz, timestamptz)
  to service_role;
