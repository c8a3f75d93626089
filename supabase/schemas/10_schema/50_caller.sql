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
declare
  v_done text;
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  v_done := set_config('cogo.agent_id', p_agent_id, true);
end;
$$;
comment on function cogo.set_actor is
  'Set the agent that triggers name as the source of messages, for this transaction. Raises TQ004.';

-- Programs with the secret key, and direct connections, are believed when they say for whom they act.
create or replace function cogo.read_operator()
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_said jsonb;
begin
  if not cogo.is_operator() then
    return '{}';
  end if;
  v_said := (nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-cogo-operator')::jsonb;
  return case jsonb_typeof(v_said) when 'object' then v_said else '{}' end || jsonb_strip_nulls(
    jsonb_build_object(
      'who', nullif(current_setting('cogo.who', true), ''),
      'reason', nullif(current_setting('cogo.reason', true), '')
    )
  );
exception
  when data_exception then
    return '{}';
end;
$$;
comment on function cogo.read_operator is
  'Return for whom a program acts, and why: {who, owner, reason}, from the header X-Cogo-Operator or the
settings cogo.who and cogo.reason; {} if it does not say.';

create or replace function cogo.current_who()
  returns text language sql stable
  return left(
    coalesce(
      nullif(cogo.read_operator() ->> 'who', ''),
      case
        when cogo.is_operator() then nullif(current_setting('cogo.agent_id', true), '')
        else 'user:' || auth.uid()
      end,
      'database:' || coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
    ), 200
  );
comment on function cogo.current_who is
  'Return who acts: whom the program names, the user who has signed in, the agent that set_actor() named,
else the role in the database.';

create or replace function cogo.set_operator(p_who text, p_reason text)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  select set_config(s.name, s.value, true)
    from (values ('cogo.who', p_who), ('cogo.reason', p_reason)) as s (name, value)
   where s.value <> '';
$$;
comment on function cogo.set_operator is
  'Say for whom the rest of this transaction acts, and why; null or empty leaves it as it is.';
