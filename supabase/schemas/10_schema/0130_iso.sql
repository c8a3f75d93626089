create or replace function cogo.iso(p_at timestamptz)
  returns text
  language sql
  stable
  return to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function cogo.iso(timestamptz) is
  'A time as messages spell it: UTC with milliseconds, whatever the time zone of the session.';

revoke all on function cogo.iso(timestamptz) from public, anon, authenticated, service_role;
grant execute on function cogo.iso(timestamptz) to service_role;
