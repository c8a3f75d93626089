create or replace function public.cogo_record_agent(p_agent jsonb)
  returns public.cogo_agents language sql set search_path = pg_catalog, pg_temp
  -- A time without an offset is UTC.
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
comment on function public.cogo_record_agent is
  'Record the heartbeat of an agent with what it serves. The database sets the time.';

-- `truncate` creates a new file, which fails on a full disk, whereas an update may find room in an
-- old one. Calls within five seconds, or at the same time, use the last result.
create or replace function public.cogo_check_writes()
  returns table (at timestamptz)
  language plpgsql set search_path = pg_catalog, pg_temp
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
comment on function public.cogo_check_writes is
  'For health checks: write something that needs room on the disk; fail if the database cannot write.';
