-- The one clock. Tests move it with `set cogo.fake_now`; clients of the API cannot, since they
-- have no way to set a configuration parameter.
create or replace function cogo.now()
  returns timestamptz
  language sql
  volatile
  return coalesce(
    nullif(current_setting('cogo.fake_now', true), '')::timestamptz, clock_timestamp()
  );
comment on function cogo.now() is 'The time; the setting cogo.fake_now when it is set (tests).';

revoke all on function cogo.now() from public, anon, authenticated, service_role;
grant execute on function cogo.now() to authenticated, service_role;
