-- The name is kept for this transaction only, where triggers read it as the source of messages.
create or replace function cogo.act_as(p_agent_id text)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  perform set_config('cogo.agent_id', p_agent_id, true);
end;
$$;
comment on function cogo.act_as(text) is
  'Notes which agent this transaction belongs to. Raises TQ004 when it has no name.';

revoke all on function cogo.act_as(text) from public, anon, authenticated, service_role;
grant execute on function cogo.act_as(text) to service_role;
