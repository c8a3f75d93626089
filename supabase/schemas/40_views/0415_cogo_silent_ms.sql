-- A computed column of the Data API: select=*,cogo_silent_ms.
create or replace function public.cogo_silent_ms(p_agent public.cogo_agents)
  returns bigint
  language sql
  volatile
  set search_path = ''
as $$
  select cogo.milliseconds(p_agent.heartbeat_at, cogo.now());
$$;
comment on function public.cogo_silent_ms(public.cogo_agents) is
  'For how long nothing was heard of an agent, by the clock that noted when it was.';

revoke all on function public.cogo_silent_ms(public.cogo_agents)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_silent_ms(public.cogo_agents) to service_role;
