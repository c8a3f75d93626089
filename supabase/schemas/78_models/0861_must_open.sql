-- Pure: what is known of a deployment, judged. Failures that came all at once may be one event, so
-- a row of them must last; a rate needs enough calls; connections must have failed for several.
create or replace function cogo.must_open(
  p_consecutive integer,
  p_failing interval,
  p_answered double precision,
  p_failed double precision,
  p_unreachable_for integer
)
  returns boolean
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(p_consecutive >= 5 and p_failing >= interval '5 seconds', false)
      or (p_answered + p_failed >= 20 and p_failed >= p_answered)
      or p_unreachable_for >= 2;
$$;
comment on function cogo.must_open(
  integer, interval, double precision, double precision, integer
) is 'Whether a closed circuit opens.';

revoke all on function cogo.must_open(
  integer, interval, double precision, double precision, integer
)
  from public, anon, authenticated, service_role;
grant execute on function cogo.must_open(
  integer, interval, double precision, double precision, integer
) to service_role;
