create or replace function cogo.milliseconds(p_from timestamptz, p_to timestamptz)
  returns bigint
  language sql
  immutable
  return case
    when p_to < p_from then 0 else round(extract(epoch from p_to - p_from) * 1000)::bigint
  end;
comment on function cogo.milliseconds(timestamptz, timestamptz) is
  'Whole milliseconds between two times, never negative; null when one is unknown.';

revoke all on function cogo.milliseconds(timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.milliseconds(timestamptz, timestamptz) to service_role;
