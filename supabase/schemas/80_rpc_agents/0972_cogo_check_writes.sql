-- To truncate is to begin a new file: on a full disk that fails, where the update of a row may find
-- room in an old one. Whoever comes within five seconds, or at the same time, takes the last answer.
create or replace function public.cogo_check_writes()
  returns table (at timestamptz)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if not exists (
    select 1 from cogo.write_checks c
     where c.at between cogo.now() - interval '5 seconds' and cogo.now()
  ) and pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('cogo.write_checks')) then
    truncate cogo.write_checks;
    insert into cogo.write_checks default values;
  end if;
  return query select coalesce(max(c.at), cogo.now()) from cogo.write_checks c;
end;
$$;
comment on function public.cogo_check_writes() is
  'For health checks: writes something that needs room on the disk. Fails as any write does when the
database cannot write.';

revoke all on function public.cogo_check_writes() from public, anon, authenticated, service_role;
grant execute on function public.cogo_check_writes() to service_role;
