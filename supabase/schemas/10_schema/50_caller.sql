-- In a security definer function `current_user` is its owner. The parameter `role` keeps the role that
-- the API set for the request; it is 'none' on a direct connection.
create or replace function cogo.is_operator()
  returns boolean language sql stable
  return coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
         in ('service_role', 'postgres', 'supabase_admin');
comment on function cogo.is_operator is
  'Return whether the caller may act for every owner: the secret key or a direct connection.';

create or replace function cogo.current_actor()
  returns text language sql stable
  return coalesce(nullif(current_setting('cogo.agent_id', true), ''), 'cogo-database');
comment on function cogo.current_actor is
  'Return the agent that set_actor() named in this transaction, else cogo-database.';

create or replace function cogo.set_actor(p_agent_id text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  perform set_config('cogo.agent_id', p_agent_id, true);
end;
$$;
comment on function cogo.set_actor is
  'Set the agent that triggers name as the source of messages, for this transaction. Raises TQ004.';
