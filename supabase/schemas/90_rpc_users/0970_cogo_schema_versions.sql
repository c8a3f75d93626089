-- Security definer: the table itself is nobody's business, which version this is may be asked.
create or replace function public.cogo_schema_versions()
  returns table (version text)
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select v.version from cogo.schema_versions v order by v.version;
$$;
comment on function public.cogo_schema_versions() is 'The migrations that this database has.';

revoke all on function public.cogo_schema_versions() from public, anon, authenticated, service_role;
grant execute on function public.cogo_schema_versions() to authenticated, service_role;
