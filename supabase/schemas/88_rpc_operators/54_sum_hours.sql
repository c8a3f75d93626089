create or replace function cogo.sum_hour(p_hour timestamptz)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- Calls that are written from here on leave a change that stays.
  delete from cogo.usage_changes x where x.hour = p_hour;
  delete from cogo.usage_sums s where s.hour = p_hour;
  insert into cogo.usage_sums (
    hour, grain, model, provider, provider_model, owner, type, project, simulated, calls, failed,
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_usd,
    unknown_costs, tasks, latency_counts, latency_ms
  )
  select p_hour, g.grain, c.model, c.provider, c.provider_model, c.owner, c.type, c.project,
         c.simulated, c.calls, c.failed, c.input_tokens, c.cached_tokens, c.cache_write_tokens,
         c.output_tokens, c.reasoning_tokens, c.cost_usd, c.unknown_costs, c.tasks, h.counts, h.ms
    from cogo.list_usage_grains() g
   cross join lateral cogo.sum_usage(
     p_hour, p_hour + interval '1 hour', 'all', 'UTC', g.keys, '{tasks,latencies}'
   ) c
   cross join lateral (
     select array_agg(b.n) as counts, array_agg(b.ms) as ms
       from (
         select count(*) as n, sum(m.ms) as ms
           from unnest(c.latency_ms) m (ms)
          group by m.ms < 0, cogo.latency_bin(m.ms)
       ) as b
   ) as h;
end;
$$;
comment on function cogo.sum_hour is 'Sum the calls that began in an hour, in place of what was summed.';

create or replace function cogo.list_usage_grains()
  returns table (grain text, keys text[], place integer)
  language sql immutable set search_path = pg_catalog, pg_temp
as $$
  values ('type', '{type}'::text[], 1),
         ('model', '{model,provider,provider_model}', 2),
         ('project', '{project}', 3),
         ('owner', '{owner,project}', 4),
         ('model_type', '{model,provider,provider_model,type,project}', 5),
         ('model_owner', '{model,provider,provider_model,owner,project}', 6)
$$;
comment on function cogo.list_usage_grains is
  'Return by what cogo.usage_sums are kept, the fewest rows first. Tags are not: each would be a row.';

-- Which hours are whole, while calls are written all the time:
--   1. next_at is set to the hour that ended an hour ago. From the end of this transaction on, calls
--      that began before it leave changes.
--   2. In a later transaction next_xid is noted: whoever has written a call but not seen next_at has an
--      older one, as they look for it after they have written.
--   3. When these have ended, the hours are summed. What comes later has left changes.
create or replace function cogo.sum_hours(p_limit integer)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock cogo.usage_clock;
  v_closed constant timestamptz := date_trunc('hour', cogo.now() - interval '1 hour', 'UTC');
  v_hour timestamptz;
  v_hours timestamptz[];
begin
  insert into cogo.usage_clock (begins_at, ends_at, next_at)
  select f.hour, f.hour, f.hour
    from (
      select date_trunc('hour', coalesce(min(c.started_at), cogo.now()), 'UTC') as hour
        from public.cogo_calls c
    ) as f
   where not exists (select from cogo.usage_clock)
  on conflict do nothing;
  select c.* into v_clock from cogo.usage_clock c for no key update skip locked;
  if not found then
    return false;
  end if;
  v_hours := array(
    select distinct x.hour from cogo.usage_changes x
     where x.hour < least(v_clock.ends_at, v_closed) order by x.hour limit p_limit
  );
  foreach v_hour in array v_hours loop
    perform cogo.sum_hour(v_hour);
  end loop;
  if v_clock.ends_at = v_clock.next_at then
    if v_closed > v_clock.next_at then
      update cogo.usage_clock c set next_at = v_closed, next_xid = null where c.id;
    end if;
    return cardinality(v_hours) = p_limit;
  end if;
  -- One of the future was copied from another server.
  if v_clock.next_xid is null or v_clock.next_xid > pg_snapshot_xmax(pg_current_snapshot()) then
    update cogo.usage_clock c
       set next_xid = pg_snapshot_xmax(pg_current_snapshot())
     where c.id;
    return true;
  end if;
  if v_clock.next_xid > pg_snapshot_xmin(pg_current_snapshot()) then
    return cardinality(v_hours) = p_limit;
  end if;
  for v_nth in cardinality(v_hours) + 1 .. p_limit loop
    select date_trunc('hour', min(c.started_at), 'UTC') into v_hour
      from public.cogo_calls c
     where c.started_at >= v_clock.ends_at and c.started_at < v_clock.next_at;
    if v_hour is not null then
      perform cogo.sum_hour(v_hour);
    end if;
    v_clock.ends_at := coalesce(v_hour + interval '1 hour', v_clock.next_at);
    exit when v_clock.ends_at >= v_clock.next_at;
  end loop;
  update cogo.usage_clock c set ends_at = v_clock.ends_at where c.id;
  return v_clock.ends_at < v_clock.next_at or cardinality(v_hours) = p_limit;
end;
$$;
comment on function cogo.sum_hours is
  'Sum the calls of hours that ended an hour ago, and again those of hours that have changed since: at
most p_limit. Return whether there may be more to do.';
