-- In a security definer function `current_user` is its owner. The parameter `role` keeps the role that
-- the API set for the request; it is 'none' on a direct connection.
create or replace function cogo.is_operator()
  returns boolean language sql stable
  return coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
         in ('service_role', 'postgres', 'supabase_admin');
comment on function cogo.is_operator is
  'Return whether the caller may act for every owner: the secret key or a direct connection.';

-- Direct connections may be those of persons or of programs, which nothing tells apart.
create or replace function cogo.may_be_person()
  returns boolean language sql stable
  return pg_trigger_depth() <= 1
         and coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
             not in ('service_role', 'anon')
         and coalesce(current_setting('application_name', true), '') not like 'pg\_cron%';
comment on function cogo.may_be_person is
  'Return whether a row may be written by a person with an account: not by another trigger, the secret
key, a visitor or a job of pg_cron. Of triggers.';

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
