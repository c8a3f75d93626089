-- Skips tasks and subtasks that are locked. Limits are read in a statement after the one that locks
-- them: an earlier snapshot would miss what the previous holder claimed.
--
-- Small statements, most of which run only if their case exists: to start one costs more than a row, and
-- each table of a plan as much as a statement.
create or replace function cogo.lease_subtasks(
  p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric, p_request_id uuid,
  p_lane_limits jsonb, p_at_once boolean default false
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
  -- Read the heads of queues in the order of their indexes, without sorting.
  set enable_bitmapscan = off set enable_sort = off
as $$
declare
  v_lanes text[] := p_lanes;
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_wakes boolean := false;
  v_next_expiry timestamptz;
  v_inherited bigint;
  v_ids uuid[];
  v_started uuid[] := '{}';
  v_now timestamptz := cogo.now();
  v_lane text;
  v_served text[];
  v_rounds bigint[];
  v_nth integer;
  v_done text;
begin
  v_done := cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;
  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    v_ids := array(
      select s.id from cogo.subtasks s
       where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id
    );
    if v_ids <> '{}' then
      return v_ids;
    end if;
  end if;

  -- In most cases there is none of these.
  select array(select o.owner from cogo.owners o),
         exists (select from cogo.lanes) or exists (select from cogo.spending_stop),
         exists (select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= v_now),
         (select c.next_expiry from cogo.lease_clock c)
    into v_owners, v_limited, v_due, v_next_expiry;
  v_limited := v_limited or v_owners <> '{}';
  if 'cio' = any (p_lanes) then
    v_wakes := exists (select from cogo.wakes);
  end if;
  v_inherited := cogo.find_inherited();
  if p_at_once and (
    v_due or v_wakes or v_inherited is not null or v_owners <> '{}'
    or (v_next_expiry < v_now) is not false
    or v_limited and exists (
      select from cogo.lanes l
       where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    )
  ) then
    return null;
  end if;
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_wakes then
    perform cogo.apply_wakes(20);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if (v_next_expiry < v_now) is not false then
    v_next_expiry := cogo.check_leases(20);
  end if;
  if v_inherited is not null then
    perform cogo.postpone_inherited(v_inherited, 1000);
  end if;
  if v_limited then
    select array_agg(o.lane order by o.lane),
           array_agg(
             greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))) order by o.lane
           )
      into v_lanes, v_rooms
      from cogo.lane_capacity(p_lanes) o;
  elsif cardinality(p_lanes) > 1 or p_lane_limits is not null then
    select array_agg(l.lane order by l.lane),
           array_agg(
             greatest(0, least(1000, cogo.to_integer(p_lane_limits ->> l.lane))) order by l.lane
           )
      into v_lanes, v_rooms
      from (select distinct unnest(p_lanes) as lane) as l;
  end if;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_inherited is not null then
    v_ids := array(
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.id = any (v_ids) and not cogo.waits_for_adoption(t, v_inherited)
    );
  end if;
  if v_ids = '{}' then
    return v_ids;
  end if;

  -- Recorded below. Read the clock after the rows are locked, so that it is not before the end of an
  -- attempt which another agent closes now.
  v_now := cogo.now();
  v_done := set_config('cogo.is_recorded', 'on', true);
  with leased as (
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, v_now)
     where s.id = any (v_ids)
    returning s.id, s.attempt, s.task_id, s.lane, s.turn - 100 * s.level as round
  ), begun as (
    insert into public.cogo_attempts (
      subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
    )
    select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
           case when cogo.is_model_lane(c.lane) then c.lane end, v_now
      from leased c
  )
  select array_agg(g.lane), array_agg(g.round) into v_served, v_rounds
    from (select c.lane, max(c.round) as round from leased c group by c.lane) as g;
  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (v_served) then
    with started as (
      update public.cogo_tasks t
         set status = 'running', started_at = coalesce(t.started_at, v_now)
       where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
         and t.status = 'pending'
      returning t.id
    )
    select coalesce(array_agg(t.id), '{}') into v_started from started t;
  end if;
  v_done := set_config('cogo.is_recorded', '', true);
  v_done := cogo.record_changes(
    v_ids, array_fill('queued'::text, array[cardinality(v_ids)]),
    array_fill(p_agent_id, array[cardinality(v_ids)]),
    v_started, array_fill('pending'::text, array[cardinality(v_started)])
  );
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;
  if v_now + make_interval(secs => p_lease_seconds::float8) < v_next_expiry then
    perform cogo.note_expiry(v_now + make_interval(secs => p_lease_seconds::float8));
  end if;
  foreach v_lane in array v_lanes loop
    v_nth := array_position(v_served, v_lane);
    if v_nth is not null then
      v_done := cogo.advance_clock(v_lane, v_rounds[v_nth]);
    end if;
  end loop;
  return v_ids;
end;
$$;
comment on function cogo.lease_subtasks is
  'Lease queued subtasks as cogo_claim_subtasks() and return them. With p_at_once: null, and nothing is
done, if the claim could wait or has more to do than that.';
