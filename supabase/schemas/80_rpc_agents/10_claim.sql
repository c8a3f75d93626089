-- Skips tasks and subtasks that are locked. Limits are read in a statement after the one that locks
-- them: an earlier snapshot would miss what the previous holder claimed.
create or replace function public.cogo_claim_subtasks(
  p_agent_id text,
  p_lanes text[],
  p_limit integer,
  p_lease_seconds numeric default 15,
  p_request_id uuid default null,
  p_lane_limits jsonb default null
)
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb,
    kind text, flow jsonb, turns integer, tools_granted jsonb
  )
  language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_lanes text[];
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_expired boolean;
  v_wakes boolean;
  v_inherited bigint;
  v_ids uuid[];
  v_started uuid[] := '{}';
begin
  perform cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;

  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
     where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id;
    if v_ids is not null then
      return query select * from cogo.load_leases(v_ids);
      return;
    end if;
  end if;

  -- In most cases there is none of these, which one query of a few indexes shows.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         ),
         'cio' = any (p_lanes) and exists (select from cogo.wakes)
    into v_limited, v_owners, v_due, v_expired, v_wakes;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_wakes then
    perform cogo.apply_wakes(20);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  v_inherited := cogo.find_inherited();
  if v_inherited is not null then
    perform cogo.postpone_inherited(v_inherited, 1000);
  end if;
  if v_limited then
    select array_agg(o.lane),
           array_agg(greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))))
      into v_lanes, v_rooms
      from cogo.lane_capacity(p_lanes) o;
  else
    select array_agg(l.lane),
           array_agg(greatest(0, least(1000, cogo.to_integer(p_lane_limits ->> l.lane))))
      into v_lanes, v_rooms
      from (select distinct unnest(p_lanes) as lane) as l;
  end if;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_inherited is not null then
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.id = any (v_ids) and not cogo.waits_for_adoption(t, v_inherited);
  end if;
  if v_ids is null then
    return;
  end if;

  -- Recorded below. Read the clock after the rows are locked, so that it is not before the end of an
  -- attempt which another agent closes now.
  perform set_config('cogo.is_recorded', 'on', true);
  with claimed as (
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = cogo.now() + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, cogo.now())
     where s.id = any (v_ids)
    returning s.id, s.task_id, s.attempt, s.lane
  )
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
         case when cogo.is_model_lane(c.lane) then c.lane end, cogo.now()
    from claimed c;
  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (p_lanes) then
    with started as (
      update public.cogo_tasks t
         set status = 'running', started_at = coalesce(t.started_at, cogo.now())
       where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
         and t.status = 'pending'
      returning t.id
    )
    select coalesce(array_agg(t.id), '{}') into v_started from started t;
  end if;
  perform set_config('cogo.is_recorded', '', true);
  perform cogo.record_changes(
    v_ids, array_fill('queued'::text, array[cardinality(v_ids)]),
    array_fill(p_agent_id, array[cardinality(v_ids)]),
    v_started, array_fill('pending'::text, array[cardinality(v_started)])
  );
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.load_leases(v_ids);
end;
$$;
comment on function public.cogo_claim_subtasks is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits, and at most p_lane_limits ->> lane of a lane. The same p_request_id again returns the
leases that still run.';
