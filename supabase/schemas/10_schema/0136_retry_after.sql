create or replace function cogo.retry_after(p_seconds numeric)
  returns interval
  language sql
  immutable
  -- NaN counts as the greatest number.
  return case
    when p_seconds > 0 then make_interval(secs => least(p_seconds, 86400)::float8)
    when p_seconds <= 0 then interval '0'
  end;
comment on function cogo.retry_after(numeric) is
  'How long a deployment rests and a subtask waits that are to be left alone for so many seconds:
at most a day, then the vendor is asked again. Null when nobody said.';

revoke all on function cogo.retry_after(numeric)
  from public, anon, authenticated, service_role;
grant execute on function cogo.retry_after(numeric) to service_role;
