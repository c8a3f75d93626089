create or replace function cogo.period_start(p_per text, p_now timestamptz)
  returns timestamptz
  language sql
  stable
  set search_path = ''
as $$
  select case p_per
    when 'ever' then 'epoch'::timestamptz
    else date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'
  end;
$$;
comment on function cogo.period_start(text, timestamptz) is
  'When the day or month (UTC) of a budget began; for ever: the epoch.';

revoke all on function cogo.period_start(text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.period_start(text, timestamptz) to service_role;
