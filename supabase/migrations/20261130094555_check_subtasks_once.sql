-- Check subtasks once.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop trigger check_transition on cogo.subtasks;

alter table cogo.subtasks drop constraint subtasks_cancel;

alter table cogo.subtasks drop constraint subtasks_dead;

alter table cogo.subtasks drop constraint subtasks_delayed;

alter table cogo.subtasks drop constraint subtasks_deps_left_check;

alter table cogo.subtasks drop constraint subtasks_end_no_check;

alter table cogo.subtasks drop constraint subtasks_finished;

alter table cogo.subtasks drop constraint subtasks_kind_check;

alter table cogo.subtasks drop constraint subtasks_lease;

alter table cogo.subtasks drop constraint subtasks_level_check;

alter table cogo.subtasks drop constraint subtasks_on_failure;

alter table cogo.subtasks drop constraint subtasks_priority_check;

alter table cogo.subtasks drop constraint subtasks_ready;

alter table cogo.subtasks drop constraint subtasks_running;

alter table cogo.subtasks drop constraint subtasks_status;

alter table cogo.subtasks drop constraint subtasks_waiting;

create or replace function cogo.advance_clock(p_lane text, p_round bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_clock cogo.lane_clocks;
  v_ended constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_turn bigint;
  v_round bigint;
  v_owner uuid;
  v_served bigint := nextval('cogo.lane_services');
begin
  select k.* into v_clock
    from cogo.lane_clocks k where k.lane = p_lane for no key update skip locked;
  if not found and exists (select from cogo.lane_clocks k where k.lane = p_lane) then
    return;
  end if;
  select s.turn, s.turn - 100 * s.level, s.owner into v_turn, v_round, v_owner
    from cogo.subtasks s
   where s.status = 'queued' and not s.regulated and s.lane = p_lane
     and s.turn >= coalesce(v_clock.head, 0)
   order by s.turn, s.seq
   limit 1;
  if exists (select from cogo.owners o where o.owner = v_owner) then
    -- Not marked `regulated` yet; it may wait for long.
    select s.turn - 100 * s.level into v_round
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = p_lane
       and s.turn >= coalesce(v_clock.head, 0)
       and not exists (select from cogo.owners o where o.owner = s.owner)
     order by s.turn, s.seq
     limit 1;
  end if;
  v_round := least(p_round, v_round);
  if v_clock.lane is null then
    insert into cogo.lane_clocks (lane, round, served)
    values (p_lane, greatest(v_round, 0), v_served)
    on conflict (lane) do nothing;
    return;
  end if;
  if v_clock.next_head is null then
    if coalesce(v_turn, p_round + 500) > v_clock.head + 20 then
      v_clock.next_head := least(v_turn, 1 + v_clock.round + 100 * cogo.lowest_level());
      v_clock.next_xid := pg_snapshot_xmax(pg_current_snapshot());
    end if;
  elsif v_clock.next_xid < v_ended then
    v_clock.head := least(v_turn, v_clock.next_head);
    v_clock.next_head := null;
  end if;
  update cogo.lane_clocks k
     set round = greatest(k.round, v_round), served = v_served,
         head = v_clock.head, next_head = v_clock.next_head, next_xid = v_clock.next_xid
   where k.lane = p_lane;
end;
$function$;

create or replace function cogo.check_subtask()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_broken text;
begin
  if tg_op = 'UPDATE' and new.status <> old.status
     and old.status || '>' || new.status <> all (cogo.subtask_transitions())
  then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s is %s and cannot become %s', old.id, old.status, new.status);
  end if;
  v_broken := case
    when new.status not in (
      'blocked', 'queued', 'delayed', 'waiting', 'held', 'running', 'completed', 'failed',
      'cancelled'
    ) then 'status'
    when new.kind not in (
      'flow', 'ask', 'check', 'call', 'approve', 'sleep', 'event', 'task'
    ) then 'kind'
    when new.priority not between 0 and 9 then 'priority'
    when new.level not between 0 and 9 then 'level'
    when new.deps_left < 0 then 'deps_left'
    when new.end_no <= 0 then 'end_no'
    when new.on_failure <> 'fail_task' and (new.on_failure <> 'continue' or new.sink)
      then 'on_failure'
    when (new.status = 'running') <> (new.lease_expires_at is not null)
      or (new.status = 'running') <> (new.agent_id is not null)
      or new.status <> 'running' and new.claim_request is not null then 'lease'
    when new.status = 'running' and (new.attempt <= 0 or new.started_at is null) then 'running'
    when new.deps_left > 0 and new.status not in ('blocked', 'held', 'cancelled') then 'ready'
    when new.status = 'delayed' and new.run_at is null then 'delayed'
    when new.status = 'waiting' and not new.needs_approval
      and new.kind not in ('approve', 'event', 'task') then 'waiting'
    when new.cancel_requested_at is not null and new.status not in ('running', 'cancelled')
      then 'cancel'
    when new.dead_at is not null and new.status <> 'failed' then 'dead'
    when (new.status in ('completed', 'failed', 'cancelled')) <> (new.finished_at is not null)
      then 'finished'
  end;
  if v_broken is not null then
    raise check_violation using
      schema = 'cogo', table = 'subtasks', constraint = 'subtasks_' || v_broken,
      message = format('subtask %s violates the check "subtasks_%s"', new.key, v_broken);
  end if;
  return new;
end;
$function$;

create or replace function cogo.check_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.status <> old.status
     and old.status || '>' || new.status <> all (cogo.task_transitions())
  then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s and cannot become %s', old.id, old.status, new.status);
  end if;
  return new;
end;
$function$;

create or replace function cogo.choose_subtasks(p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_lane text;
  v_head bigint;
  v_owners uuid[];
  v_rooms integer[];
  v_turns uuid[] := '{}';
  v_ids uuid[];
begin
  foreach v_lane in array coalesce(p_lanes, '{}') loop
    select k.head into v_head from cogo.lane_clocks k where k.lane = v_lane;
    v_turns := v_turns || array(
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and not s.regulated and s.lane = v_lane
         and s.turn >= coalesce(v_head, 0)
         and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
       order by s.turn, s.seq
       limit least(p_limit, p_rooms[array_position(p_lanes, v_lane)], 1000)
         for no key update of t, s skip locked
    );
  end loop;
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.owner_capacity() o;
    v_turns := v_turns || cogo.lock_lines(p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if p_regulated <> '{}' or cardinality(v_turns) > p_limit then
    v_turns := cogo.order_turns(v_turns, p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if v_turns = '{}'
     or not exists (
       select from cogo.subtasks s
        where s.status = 'queued' and s.passes and s.lane = any (p_lanes)
     )
  then
    return v_turns;
  end if;

  select array_agg(c.id) into v_ids
    from (
      select t.lane, t.owner, t.level, count(*) as turns
        from cogo.subtasks t where t.id = any (v_turns) group by t.lane, t.owner, t.level
    ) as h
    cross join lateral (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and s.lane = h.lane and s.owner = h.owner
         and s.level = h.level and t.status in ('pending', 'running')
       order by s.place, s.seq
       limit h.turns
         for no key update of t, s skip locked
    ) as c;
  if not v_ids <@ v_turns then
    perform cogo.swap_turns(v_ids, v_turns);
  end if;
  return v_ids;
end;
$function$;

create or replace function cogo.lease_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric, p_request_id uuid, p_lane_limits jsonb, p_at_once boolean DEFAULT false)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
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
  v_round bigint;
  v_served text[] := '{}';
  v_rounds bigint[] := '{}';
  v_nth integer;
begin
  perform cogo.set_actor(p_agent_id);
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
  v_owners := array(select o.owner from cogo.owners o);
  v_limited := v_owners <> '{}' or exists (select from cogo.lanes);
  v_due := exists (select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= v_now);
  if 'cio' = any (p_lanes) then
    v_wakes := exists (select from cogo.wakes);
  end if;
  select c.next_expiry into v_next_expiry from cogo.lease_clock c;
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
  perform set_config('cogo.is_recorded', 'on', true);
  for v_lane, v_round in
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, v_now)
     where s.id = any (v_ids)
    returning s.lane, s.turn - 100 * s.level
  loop
    v_nth := array_position(v_served, v_lane);
    if v_nth is null then
      v_served := v_served || v_lane;
      v_rounds := v_rounds || v_round;
    elsif v_rounds[v_nth] < v_round then
      v_rounds[v_nth] := v_round;
    end if;
  end loop;
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
         case when cogo.is_model_lane(c.lane) then c.lane end, v_now
    from cogo.subtasks c
   where c.id = any (v_ids);
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
  perform set_config('cogo.is_recorded', '', true);
  perform cogo.record_changes(
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
      perform cogo.advance_clock(v_lane, v_rounds[v_nth]);
    end if;
  end loop;
  return v_ids;
end;
$function$;

create or replace function cogo.lock_lines(p_lanes text[], p_rooms integer[], p_owners uuid[], p_owner_rooms integer[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return array(
    select c.id
      from unnest(p_lanes, p_rooms) as l (lane, room)
     cross join unnest(p_owners, p_owner_rooms) as o (owner, room)
     cross join generate_series(0, 9) as g (level)
     cross join lateral (
       select s.id
         from cogo.subtasks s
         join public.cogo_tasks t on t.id = s.task_id
        where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner and s.level = g.level
          and t.status in ('pending', 'running')
        order by s.turn, s.seq
        -- Planning does not count for an owner: only a pause stops it.
        limit least(p_limit, l.room, case when l.lane <> 'cio' then o.room end)
          for no key update of t, s skip locked
     ) as c
  );
end;
$function$;

create or replace trigger check_subtask BEFORE INSERT OR UPDATE ON cogo.subtasks FOR EACH ROW EXECUTE FUNCTION cogo.check_subtask();

create or replace trigger check_transition BEFORE UPDATE OF status ON public.cogo_tasks FOR EACH ROW EXECUTE FUNCTION cogo.check_transition();

comment on function cogo.check_subtask() is
  'Raise TQ003 for a change of a subtask''s status that is not allowed, check_violation if its columns
contradict each other.';

comment on function cogo.check_transition() is
  'Raise TQ003 for a change of a task''s status that is not allowed.';

revoke all on function cogo.check_subtask() from public, anon, authenticated, service_role;

grant execute on function cogo.check_subtask() to service_role;

insert into cogo.schema_versions (version) values ('20261130094555')
on conflict (version) do nothing;
