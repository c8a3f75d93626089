create or replace function public.cogo_record_agent(p_agent jsonb)
  returns public.cogo_agents
  language sql
  volatile
  security invoker
  set search_path = ''
  -- A time without an offset is meant as UTC, whatever the session is set to.
  set timezone = 'UTC'
as $$
  insert into public.cogo_agents as a (
    id, kind, lanes, capacity, running, version, host, pid, details, started_at, heartbeat_at,
    stopped_at
  )
  select p_agent ->> 'id',
         p_agent ->> 'kind',
         array(
           select jsonb_array_elements_text(coalesce(nullif(p_agent -> 'lanes', 'null'), '[]'))
         ),
         coalesce((p_agent ->> 'capacity')::integer, 0),
         coalesce((p_agent ->> 'running')::integer, 0),
         p_agent ->> 'version',
         p_agent ->> 'host',
         (p_agent ->> 'pid')::integer,
         coalesce(nullif(p_agent -> 'details', 'null'), '{}'),
         coalesce((p_agent ->> 'started_at')::timestamptz, cogo.now()),
         cogo.now(),
         case when p_agent ->> 'stopped_at' is not null then cogo.now() end
  on conflict (id) do update
    set kind = excluded.kind,
        lanes = excluded.lanes,
        capacity = excluded.capacity,
        running = excluded.running,
        version = excluded.version,
        host = excluded.host,
        pid = excluded.pid,
        details = excluded.details,
        started_at = coalesce((p_agent ->> 'started_at')::timestamptz, a.started_at),
        heartbeat_at = excluded.heartbeat_at,
        stopped_at = excluded.stopped_at
  returning a.*;
$$;
comment on function public.cogo_record_agent(jsonb) is
  'Notes that an agent is alive, with what it can serve. The database says when.';

revoke all on function public.cogo_record_agent(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_agent(jsonb) to service_role;
