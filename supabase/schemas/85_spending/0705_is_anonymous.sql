-- Security definer: agents may not read auth.users. Projects with users of another service, or an Auth
-- that knows no anonymous sign-ins, have none.
create or replace function cogo.is_anonymous(p_owner uuid)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
begin
  if to_regclass('auth.users') is null or not exists (
    select from pg_catalog.pg_attribute a
     where a.attrelid = to_regclass('auth.users') and a.attname = 'is_anonymous'
  ) then
    return false;
  end if;
  return exists (select from auth.users u where u.id = p_owner and u.is_anonymous);
end;
$$;
comment on function cogo.is_anonymous(uuid) is 'Whether an owner signed in anonymously.';

revoke all on function cogo.is_anonymous(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.is_anonymous(uuid) to service_role;
