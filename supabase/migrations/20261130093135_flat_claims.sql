-- Flat claims.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.lease_clock (
  id boolean default true not null,
  next_expiry timestamp with time zone not null
);

alter table cogo.lease_clock enable row level security;

alter table cogo.lane_clocks add column head bigint default 0 not null;

alter table cogo.lane_clocks add column looked_at timestamp with time zone default cogo.now() not null;

alter table cogo.lane_clocks add column next_head bigint;

alter table cogo.lane_clocks add column next_xid xid8;

-- What is queued now may have to pass others. New subtasks know.
alter table cogo.subtasks add column passes boolean default true not null;
alter table cogo.subtasks alter column passes set default false;

alter table cogo.lease_clock add constraint lease_clock_id_check CHECK (id);

alter table cogo.lease_clock add constraint lease_clock_pkey PRIMARY KEY (id);

create index grants_priority ON cogo.grants USING btree (name) WHERE (kind = 'priority'::text);

create index subtasks_passing ON cogo.subtasks USING btree (lane) WHERE ((status = 'queued'::text) AND passes);

create or replace function cogo.advance_clock(p_lane text, p_round bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
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

create or replace function cogo.assign_turn()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
declare
  v_round bigint;
begin
  if tg_op = 'INSERT' then
    new.owner := coalesce(
      (select t.owner from public.cogo_tasks t where t.id = new.task_id), new.owner
    );
    new.regulated := exists (select from cogo.owners o where o.owner = new.owner);
  end if;
  v_round := coalesce((select c.round from cogo.lane_clocks c where c.lane = new.lane), 0);
  if tg_op = 'INSERT' or new.lane <> old.lane
     or new.kind = 'flow' and old.status in ('blocked', 'held') then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Includes the earlier rows of the same statement.
    new.turn := 1 + coalesce(
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level and s.turn > v_round + 100 * new.level
         order by s.turn desc
         limit 1
      ), v_round + 100 * new.level
    );
    new.passes := coalesce(
      (
        select true from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level and (s.place, s.seq) > (new.place, new.seq)
         order by s.place, s.seq
         limit 1
      ), false
    );
  end if;
  return new;
end;
$function$;

create or replace function cogo.check_leases(p_limit integer)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_next timestamptz;
begin
  insert into cogo.lease_clock (next_expiry) select '-infinity'
   where not exists (select from cogo.lease_clock)
  on conflict do nothing;
  -- Whoever holds it looks now.
  perform from cogo.lease_clock for no key update skip locked;
  if not found then
    return null;
  end if;
  perform cogo.reap_leases(p_limit);
  v_next := least(
    (select min(s.lease_expires_at) from cogo.subtasks s where s.status = 'running'),
    cogo.now() + interval '10 seconds'
  );
  update cogo.lease_clock set next_expiry = v_next where true;
  return v_next;
end;
$function$;

create or replace function cogo.choose_subtasks(p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
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

create or replace function cogo.count_turns(p_subtask_id uuid)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select coalesce(max(u.seq), 0) from cogo.turns u where u.subtask_id = p_subtask_id);
end;
$function$;

create or replace function cogo.find_flow(p_task_id uuid, p_started_at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return coalesce(
    (select cogo.load_flow(f) from cogo.flows f where f.task_id = p_task_id),
    jsonb_build_object('first_claimed_at', p_started_at)
  );
end;
$function$;

create or replace function cogo.find_late_subtasks()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
declare
  v_clock cogo.lane_clocks;
  v_turn bigint;
begin
  for v_clock in
    select k.* from cogo.lane_clocks k
     where k.looked_at < cogo.now() - interval '30 seconds'
       for no key update skip locked
  loop
    select s.turn into v_turn
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = v_clock.lane
     order by s.turn, s.seq
     limit 1;
    update cogo.lane_clocks k
       set looked_at = cogo.now(), head = least(coalesce(k.next_head, k.head), v_turn),
           next_head = null
     where k.lane = v_clock.lane;
  end loop;
end;
$function$;

create or replace function cogo.lease_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric, p_request_id uuid, p_lane_limits jsonb, p_at_once boolean DEFAULT false)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
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

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_has_parents boolean;
  v_has_grants boolean;
  v_children uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  -- What few subtasks have is read by functions, which start nothing for the others.
  select exists (select from cogo.dependencies d where d.child_id = any (p_subtask_ids)),
         exists (select from cogo.grants)
    into v_has_parents, v_has_grants;
  if v_has_parents then
    select array_agg(p.child_id), array_agg(p.outputs), array_agg(p.errors)
      into v_children, v_outputs, v_errors
      from cogo.load_parents(p_subtask_ids) p;
  end if;
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model,
           'preferences', case when t.session_id is null then t.preferences
                               else cogo.find_preferences(t) end,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'session', case when t.session_id is not null then
             cogo.describe_session(t.owner, t.session_id)
           end,
           'grants', case when v_has_grants then cogo.granted_models(t.owner) end
         ),
         coalesce(v_outputs[array_position(v_children, s.id)], '{}'),
         coalesce(v_errors[array_position(v_children, s.id)], '{}'),
         case when s.attempt = 1 then '[]' else cogo.load_history(s.id) end,
         s.kind,
         case s.kind when 'flow' then cogo.find_flow(s.task_id, s.started_at) end,
         case when s.attempt = 1 then 0 else cogo.count_turns(s.id) end,
         case when v_has_grants and (s.kind in ('flow', 'call') or p.params ? 'tools') then
           cogo.granted_tools(s.owner)
         end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.lowest_level()
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return least(5, (select min(g.name)::integer from cogo.grants g where g.kind = 'priority'));
end;
$function$;

create or replace function cogo.note_expiry(p_expires_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update cogo.lease_clock c
     set next_expiry = p_expires_at
   where c.id = (
           select o.id from cogo.lease_clock o where o.next_expiry > p_expires_at
              for no key update skip locked
         );
end;
$function$;

create or replace function cogo.order_turns(p_turns uuid[], p_lanes text[], p_rooms integer[], p_owners uuid[], p_owner_rooms integer[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids uuid[];
begin
  with allowed as (
    select s.id, s.lane, s.owner, s.turn, s.seq, s.created_at,
           row_number() over (
             partition by s.owner, s.lane = 'cio' order by s.turn, s.seq
           ) as nth_of_owner
      from cogo.subtasks s where s.id = any (p_turns)
  ), placed as (
    select a.*, row_number() over (partition by a.lane order by a.turn, a.seq) as nth_in_lane
      from allowed a
     -- An owner without limits has no place in the list.
     where (a.nth_of_owner <= p_owner_rooms[array_position(p_owners, a.owner)]) is not false
        or a.lane = 'cio'
  ), ordered as (
    -- Turns of different lanes cannot be compared: the first of each lane, then the second of each,
    -- beginning with the lane that was served longest ago.
    select p.id
      from placed p
      left join cogo.lane_clocks k on k.lane = p.lane
     where p.nth_in_lane <= p_rooms[array_position(p_lanes, p.lane)]
     order by p.nth_in_lane, coalesce(k.served, 0), p.created_at, p.seq
     limit p_limit
  )
  select array_agg(o.id) into v_ids from ordered o;
  return coalesce(v_ids, '{}');
end;
$function$;

create or replace function cogo.owner_level(p_owner uuid, p_priority smallint)
 RETURNS smallint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return coalesce(
    (
      select greatest(p_priority, g.name::smallint)
        from cogo.grants g where g.owner = p_owner and g.kind = 'priority'
    ), 5::smallint
  );
end;
$function$;

create or replace function cogo.reset_heads()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform from cogo.lane_clocks k order by k.lane for no key update;
  update cogo.lane_clocks set head = 0, next_head = null where true;
end;
$function$;

create or replace function cogo.swap_turns(p_taken uuid[], p_turns uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  with passing as (
    select s.id, s.lane, s.owner, s.level, s.turn,
           row_number() over (partition by s.lane, s.owner, s.level order by s.place, s.seq) as nth
      from cogo.subtasks s where s.id = any (p_taken) and s.id <> all (p_turns)
  ), passed as (
    select s.id, s.lane, s.owner, s.level, s.turn,
           row_number() over (partition by s.lane, s.owner, s.level order by s.turn, s.seq) as nth
      from cogo.subtasks s where s.id = any (p_turns) and s.id <> all (p_taken)
  ), moved as (
    select x.id, x.turn
      from passing a
      join passed b using (lane, owner, level, nth)
     cross join lateral (values (a.id, b.turn), (b.id, a.turn)) as x (id, turn)
  )
  update cogo.subtasks s set turn = m.turn, passes = true from moved m where s.id = m.id;
end;
$function$;

create or replace function public.cogo_claim_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_ids uuid[] := cogo.lease_subtasks(
    p_agent_id, p_lanes, p_limit, p_lease_seconds, p_request_id, p_lane_limits
  );
begin
  if v_ids <> '{}' then
    return query select * from cogo.load_leases(v_ids);
  end if;
end;
$function$;

create or replace function public.cogo_complete_and_claim(p_agent_id text, p_items jsonb, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb, p_calls jsonb DEFAULT '[]'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_answers jsonb;
  v_claimed jsonb;
  v_ids uuid[];
  v_refusal text;
  v_ended public.cogo_calls[];
  v_problems jsonb;
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array'
     or jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_items must be a list of completions, and p_calls one of calls';
  end if;
  perform cogo.lock_completions(
    p_items,
    array(select cogo.to_uuid(c.value ->> 'subtask_id') from jsonb_array_elements(p_calls) c)
  );
  if p_calls <> '[]' then
    select r.recorded, r.problems into v_ended, v_problems
      from cogo.record_calls_isolated(p_agent_id, p_calls, cogo.find_late_calls(p_calls)) r;
  end if;
  select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
    into v_answers
    from cogo.complete_isolated(p_agent_id, p_items) with ordinality c;
  if p_calls <> '[]' then
    perform cogo.spend_calls(v_ended);
  end if;
  if p_limit > 0 then
    begin
      v_ids := cogo.lease_subtasks(
        p_agent_id, p_lanes, p_limit, p_lease_seconds, p_request_id, p_lane_limits, true
      );
      if v_ids is not null then
        select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
          into v_claimed from cogo.load_leases(v_ids) with ordinality c;
      end if;
    exception
      -- Whatever it is, the completions are kept.
      when others then
        v_refusal := sqlerrm;
    end;
  end if;
  return jsonb_build_object(
    'answers', v_answers, 'claimed', v_claimed, 'refusal', v_refusal,
    'problems', coalesce(v_problems, '[]')
  );
end;
$function$;

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  perform cogo.find_late_subtasks();
  perform cogo.apply_wakes(p_limit);
  delete from cogo.wakes w
   where not exists (select from public.cogo_tasks t where t.id = w.parent_id);
  perform cogo.end_unserved_steps(p_limit);
  perform cogo.reroute_unserved_steps(p_limit);
  perform cogo.expire_approvals(p_limit);
  perform cogo.settle_budget_waits(p_limit);
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    -- The deadline of its parent may just have cancelled it.
    continue when exists (
      select from public.cogo_tasks t where t.id = v_task_id and t.finished_at is not null
    );
    -- A workflow with steps has 30 seconds to return what it has, unless a parent waits for it.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
        join public.cogo_tasks t on t.id = f.task_id
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
         and t.parent_task_id is null
    ) then
      perform cogo.pass_deadline(v_task_id);
    else
      perform cogo.fail_task(v_task_id, cogo.deadline_error());
    end if;
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  return next;
end;
$function$;

create or replace function public.cogo_set_grants(p_owner uuid, p_models text[] DEFAULT '{}'::text[], p_providers text[] DEFAULT '{}'::text[], p_aliases text[] DEFAULT '{}'::text[], p_priority integer DEFAULT NULL::integer, p_tools text[] DEFAULT NULL::text[])
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 removes it, null keeps it';
  elsif exists (
    select from unnest(p_tools) as t (name)
     where t.name is null or t.name !~ '^[A-Za-z0-9_.:/-]{1,200}(/\*)?$'
        or t.name = 'none' and cardinality(p_tools) > 1
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_tools must be names of tools, SOURCE/* for all of a source, or none alone';
  end if;
  -- Two calls at the same time would mix their rows.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       when 'tool' then p_tools is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0
   union select v_owner, 'tool', unnest(p_tools);

  -- Queued subtasks get new levels. Tasks by seq, then their subtasks, as the lock order says.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set level = cogo.owner_level(v_owner, s.priority)
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and s.level <> cogo.owner_level(v_owner, s.priority);
  if p_priority is not null then
    perform cogo.reset_heads();
  end if;
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           ),
           cogo.granted_tools(p_owner)
      from (select cogo.granted_models(p_owner) as granted) g;
end;
$function$;

drop function cogo.advance_clocks(uuid[]);

drop function cogo.may_claim_at_once(text[]);

comment on table cogo.lease_clock is
  'One row: before next_expiry no claim needs to look for expired leases.';

comment on column cogo.lane_clocks.head is
  'Where claims begin to read: no subtask without limits is queued with a lower turn. See
cogo.advance_clock().';

comment on column cogo.lane_clocks.looked_at is
  'When cogo.find_late_subtasks() read the queue from its beginning.';

comment on column cogo.lane_clocks.next_head is
  'The next head, as soon as all transactions before next_xid have ended.';

comment on column cogo.subtasks.passes is
  'Whether its place may be before that of a subtask of its owner with an earlier turn.';

comment on function cogo.advance_clock(text,bigint) is
  'Advance the clock of a lane to the round that was claimed, and record that it was served.';

comment on function cogo.check_leases(integer) is
  'Take back expired leases, at most p_limit, and return when one can expire next; null, and nothing is
done, while another claim looks.';

comment on function cogo.count_turns(uuid) is
  'Return the number of the last stored turn of a subtask.';

comment on function cogo.find_flow(uuid,timestamp with time zone) is
  'Return what the flow of a task goes on with; before its first suspension, when it was claimed.';

comment on function cogo.find_late_subtasks() is
  'Read the queues of lanes from their beginning, each every half a minute, so that claims do.';

comment on function cogo.lease_subtasks(text,text[],integer,numeric,uuid,jsonb,boolean) is
  'Lease queued subtasks as cogo_claim_subtasks() and return them. With p_at_once: null, and nothing is
done, if the claim could wait or has more to do than that.';

comment on function cogo.lowest_level() is
  'Return the lowest level that a subtask can get.';

comment on function cogo.note_expiry(timestamp with time zone) is
  'Record that a lease expires earlier than the ones before, unless somebody looks for these now.';

comment on function cogo.reset_heads() is
  'Let claims read the queues of lanes from their beginning, after a change of levels.';

revoke all on table cogo.lease_clock from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.lease_clock to service_role;

revoke all on function cogo.advance_clock(text,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.advance_clock(text,bigint) to service_role;

revoke all on function cogo.check_leases(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.check_leases(integer) to service_role;

revoke all on function cogo.count_turns(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.count_turns(uuid) to service_role;

revoke all on function cogo.find_flow(uuid,timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.find_flow(uuid,timestamp with time zone) to service_role;

revoke all on function cogo.find_late_subtasks() from public, anon, authenticated, service_role;

grant execute on function cogo.find_late_subtasks() to service_role;

revoke all on function cogo.lease_subtasks(text,text[],integer,numeric,uuid,jsonb,boolean) from public, anon, authenticated, service_role;

grant execute on function cogo.lease_subtasks(text,text[],integer,numeric,uuid,jsonb,boolean) to service_role;

revoke all on function cogo.lowest_level() from public, anon, authenticated, service_role;

grant execute on function cogo.lowest_level() to service_role;

revoke all on function cogo.note_expiry(timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.note_expiry(timestamp with time zone) to service_role;

revoke all on function cogo.reset_heads() from public, anon, authenticated, service_role;

grant execute on function cogo.reset_heads() to service_role;

insert into cogo.schema_versions (version) values ('20261130093135')
on conflict (version) do nothing;
