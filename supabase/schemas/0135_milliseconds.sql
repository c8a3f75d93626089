create or replace function cogo.milliseconds(p_from timestamptz, p_to timestamptz)
  returns bigint
  language sql
  immutable
  return greatest(0, round(extract(epoch from p_to - p_from) * 1000))::bigint;
comment on function cogo.milliseconds(timestamptz, timestamptz) is
  'Whole milliseconds between two times, never negative.';

revoke all on function cogo.milliseconds(timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.milliseconds(timestamptz, timestamptz) to service_role;
