-- Claim in small statements.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
declare
  v_lane text;
  v_round bigint;
  v_head bigint;
  v_served bigint;
begin
  for v_lane, v_round in
    select s.lane, max(s.turn - 100 * s.level)
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane order by s.lane
  loop
    select s.turn - 100 * s.level into v_head
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = v_lane
       -- Not marked `regulated` yet; it may wait for long.
       and not exists (select from cogo.owners o where o.owner = s.owner)
     order by s.turn, s.seq
     limit 1;
    v_round := least(v_round, v_head);
    v_served := nextval('cogo.lane_services');
    update cogo.lane_clocks k
       set round = greatest(k.round, v_round), served = v_served
     where k.lane = (
             select f.lane from cogo.lane_clocks f where f.lane = v_lane
                for no key update skip locked
           );
    -- Not if it is locked: the insert would wait for it.
    if not found and not exists (select from cogo.lane_clocks k where k.lane = v_lane) then
      insert into cogo.lane_clocks (lane, round, served)
      values (v_lane, greatest(v_round, 0), v_served)
      on conflict (lane) do nothing;
    end if;
  end loop;
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
  v_owners uuid[];
  v_rooms integer[];
  v_turns uuid[];
  v_ids uuid[];
begin
  select array_agg(c.id) into v_turns
    from unnest(p_lanes, p_rooms) as l (lane, room)
    cross join lateral (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and not s.regulated and s.lane = l.lane
         and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
       order by s.turn, s.seq
       limit least(p_limit, l.room)
         for no key update of t, s skip locked
    ) as c;
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.owner_capacity() o;
    v_turns := v_turns || cogo.lock_lines(p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if p_regulated <> '{}' or cardinality(v_turns) > p_limit then
    v_turns := cogo.order_turns(v_turns, p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if v_turns is null then
    return null;
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

create or replace function cogo.load_history(p_subtask_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (
    select coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'attempt', a.attempt, 'model_id', a.model_id, 'provider', a.provider,
                 'outcome', a.outcome, 'error', a.error
               ) order by a.attempt
             ), '[]'
           )
      from public.cogo_attempts a
     where a.subtask_id = p_subtask_id and a.ended_at is not null and a.outcome <> 'suspended'
  );
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
  v_children uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  -- What few subtasks have is read by functions, which start nothing for the others.
  if exists (select from cogo.dependencies d where d.child_id = any (p_subtask_ids)) then
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
           'grants', case when exists (select from cogo.grants g where g.owner = s.owner) then
             cogo.granted_models(t.owner)
           end
         ),
         coalesce(v_outputs[array_position(v_children, s.id)], '{}'),
         coalesce(v_errors[array_position(v_children, s.id)], '{}'),
         case when s.attempt = 1 then '[]' else cogo.load_history(s.id) end,
         s.kind,
         case s.kind when 'flow' then coalesce(
           (select cogo.load_flow(f) from cogo.flows f where f.task_id = s.task_id),
           jsonb_build_object('first_claimed_at', s.started_at)
         ) end,
         case when s.attempt = 1 then 0 else (
           select coalesce(max(u.seq), 0) from cogo.turns u where u.subtask_id = s.id
         ) end,
         case when s.kind in ('flow', 'call') or p.params ? 'tools' then
           cogo.granted_tools(s.owner)
         end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.load_parents(p_subtask_ids uuid[])
 RETURNS TABLE(child_id uuid, outputs jsonb, errors jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query
  select d.child_id,
         jsonb_object_agg(parent.key, o.output) filter (where o.output is not null),
         -- Subqueries, because few parents are dead; a join would be planned for all.
         jsonb_object_agg(
           parent.key,
           coalesce(
             (
               select a.error from public.cogo_attempts a
                where a.subtask_id = parent.id and a.attempt = parent.attempt
             ),
             (
               select pp.metadata -> 'approval' -> 'error'
                 from cogo.subtask_payloads pp where pp.subtask_id = parent.id
             ),
             '{"class": "failed", "message": "no attempt recorded an error"}'
           )
         ) filter (where parent.dead_at is not null)
    from cogo.dependencies d
    join cogo.subtasks parent on parent.id = d.parent_id
    left join cogo.subtask_outputs o on o.subtask_id = d.parent_id
   where d.child_id = any (p_subtask_ids)
   group by d.child_id;
end;
$function$;

create or replace function cogo.lock_lines(p_lanes text[], p_rooms integer[], p_owners uuid[], p_owner_rooms integer[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
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
  return v_ids;
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
  update cogo.subtasks s set turn = m.turn from moved m where s.id = m.id;
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
$function$;

comment on function cogo.load_history(uuid) is
  'Return how the earlier attempts of a subtask ended; suspensions are none.';

comment on function cogo.load_parents(uuid[]) is
  'Return the outputs of the steps that subtasks depend on, and the errors of those that failed.';

comment on function cogo.lock_lines(text[],integer[],uuid[],integer[],integer) is
  'Lock and return the heads of the queues of owners with limits, within the capacity of each.';

comment on function cogo.order_turns(uuid[],text[],integer[],uuid[],integer[],integer) is
  'Return the turns that come first among locked subtasks, within the capacity of lanes and owners;
null if there are none.';

comment on function cogo.swap_turns(uuid[],uuid[]) is
  'Swap the turns of subtasks that are taken with those of others of their queue, whose turn it was.';

revoke all on function cogo.load_history(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.load_history(uuid) to service_role;

revoke all on function cogo.load_parents(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.load_parents(uuid[]) to service_role;

revoke all on function cogo.lock_lines(text[],integer[],uuid[],integer[],integer) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_lines(text[],integer[],uuid[],integer[],integer) to service_role;

revoke all on function cogo.order_turns(uuid[],text[],integer[],uuid[],integer[],integer) from public, anon, authenticated, service_role;

grant execute on function cogo.order_turns(uuid[],text[],integer[],uuid[],integer[],integer) to service_role;

revoke all on function cogo.swap_turns(uuid[],uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.swap_turns(uuid[],uuid[]) to service_role;

insert into cogo.schema_versions (version) values ('20261130064007')
on conflict (version) do nothing;
