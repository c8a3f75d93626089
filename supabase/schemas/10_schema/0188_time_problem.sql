-- A day less than what Python holds at both ends, so that it is a time in every zone.
create or replace function cogo.time_problem(p_at timestamptz)
  returns text
  language sql
  immutable
  return case
    when p_at not between '0001-01-02 00:00:00+00' and '9999-12-30 00:00:00+00' then
      'must be a time between the years 1 and 9999; leave it out for none'
  end;
comment on function cogo.time_problem(timestamptz) is
  'Why not every program can read a time, as the end of a sentence; null when all can.';

revoke all on function cogo.time_problem(timestamptz)
  from public, anon, authenticated, service_role;
