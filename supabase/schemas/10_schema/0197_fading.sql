create or replace function cogo.fading(
  p_since timestamptz, p_now timestamptz, p_half_seconds double precision
)
  returns double precision
  language sql
  immutable
  set search_path = ''
as $$
  select power(0.5, least(greatest(extract(epoch from p_now - p_since) / p_half_seconds, 0), 1000));
$$;
comment on function cogo.fading(timestamptz, timestamptz, double precision) is
  'What is left of the weight of something that old, from 1 to 0: half after so many seconds.';

revoke all on function cogo.fading(timestamptz, timestamptz, double precision)
  from public, anon, authenticated, service_role;
grant execute on function cogo.fading(timestamptz, timestamptz, double precision) to service_role;
