-- `current_user` would be the owner inside a definer function; the parameter `role` keeps what
-- the API set for this request, and is 'none' on a direct connection.
create or replace function cogo.is_operator()
  returns boolean
  language sql
  stable
  return coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
         in ('service_role', 'postgres', 'supabase_admin');
comment on function cogo.is_operator() is
  'Whether the caller may act for every owner: the secret key, or a direct connection as owner.';

revoke all on function cogo.is_operator() from public, anon, authenticated, service_role;
grant execute on function cogo.is_operator() to service_role;
