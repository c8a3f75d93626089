-- A day is added where days have no offset: added to a moment it would be one of the session's time
-- zone, an hour shorter twice a year, and a month from there begins on another date.
create or replace function cogo.period_end(p_per text, p_now timestamptz)
  returns timestamptz
  language sql
  stable
  set search_path = ''
as $$
  select case
    when p_per in ('day', 'month') then (
      date_trunc(p_per, p_now at time zone 'utc') + ('1 ' || p_per)::interval
    ) at time zone 'utc'
  end;
$$;
comment on function cogo.period_end(text, timestamptz) is
  'When the day or month (UTC) of a budget ends; null: never.';

revoke all on function cogo.period_end(text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.period_end(text, timestamptz) to service_role;
