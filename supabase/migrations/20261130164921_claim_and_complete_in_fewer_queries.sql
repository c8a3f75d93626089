-- Claim and complete in fewer queries.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.accept_outputs(p_agent_id text, p_ids uuid[], p_attempts integer[], p_items jsonb[], p_outputs jsonb[], p_usages jsonb[], p_tasks uuid[], p_kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_agents text[];
  v_steps uuid[];
  v_ended uuid[] := '{}';
  v_results jsonb[] := '{}';
  v_is_held boolean;
  v_is_last boolean := false;
  v_done text;
  v_released uuid[] := '{}';
  v_inserts boolean;
begin
  -- A statement is costly even without rows, so skip those that no item needs.
  if not p_kinds <@ '{plan,hand_over,sink,step}' then
    select array_agg(k.id order by k.nth), array_agg(k.attempt order by k.nth),
           array_agg(k.item order by k.nth), array_agg(k.output order by k.nth),
           array_agg(k.usage order by k.nth), array_agg(k.task_id order by k.nth),
           array_agg(k.kind order by k.nth)
      into p_ids, p_attempts, p_items, p_outputs, p_usages, p_tasks, p_kinds
      from unnest(p_ids, p_attempts, p_items, p_outputs, p_usages, p_tasks, p_kinds) with ordinality
             as k (id, attempt, item, output, usage, task_id, kind, nth)
     where k.kind in ('plan', 'hand_over', 'sink', 'step');
  end if;
  v_agents := array_fill(p_agent_id, array[cardinality(p_ids)]);
  v_inserts := 'plan' = any (p_kinds) or '{"subtasks": []}'::jsonb <@ any (p_items);

  if 'hand_over' = any (p_kinds) then
    -- A flow that hands over at once has no row for its decisions.
    p_outputs := array(
      select case
               when k.kind = 'hand_over' and k.item -> 'hand_over' -> 'decisions' <> '{}' then
                 coalesce(nullif(k.output, 'null'), '{}')
                 || jsonb_build_object('decisions', k.item -> 'hand_over' -> 'decisions')
               else k.output
             end
        from unnest(p_outputs, p_items, p_kinds) with ordinality as k (output, item, kind, nth)
       order by k.nth
    );
  end if;
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select k.id, k.attempt, coalesce(nullif(k.output, 'null'), '{}')
    from unnest(p_ids, p_attempts, p_outputs) as k (id, attempt, output);
  if 'sink' = any (p_kinds) then
    if '{"messages": []}'::jsonb <@ any (p_items) then
      -- The sessions are locked: see cogo.lock_sessions().
      insert into public.cogo_messages (owner, session_id, role, content, task_id, exchange)
      select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id,
             nullif(m.value -> 'exchange', 'null')
        from unnest(p_tasks, p_items, p_kinds) with ordinality as k (task_id, item, kind, ordinal)
        join public.cogo_tasks t on t.id = k.task_id
        cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
          with ordinality as m (value, ordinal)
       where k.item ? 'messages' and k.kind = 'sink' and t.session_id is not null
       order by k.ordinal, m.ordinal;
    end if;
    v_ended := p_tasks;
    v_results := p_outputs;
    if not p_kinds <@ '{sink}' then
      select array_agg(k.task_id), array_agg(k.output) into v_ended, v_results
        from unnest(p_tasks, p_outputs, p_kinds) as k (task_id, output, kind)
       where k.kind = 'sink';
    end if;
    -- In most cases the sink is the last one. The last subtask of a paused task was already running.
    select exists (select from public.cogo_tasks t where t.id = any (v_ended) and t.status = 'held'),
           p_kinds <@ '{sink}' and not exists (
             select from cogo.subtasks s
              where s.task_id = any (v_ended) and s.finished_at is null and s.id <> all (p_ids)
           )
      into v_is_held, v_is_last;
    if v_is_held then
      update public.cogo_tasks t
         set status = 'running', paused_at = null
       where t.id = any (v_ended) and t.status = 'held';
    end if;
  end if;
  -- Recorded below.
  v_done := set_config('cogo.is_recorded', 'on', true);
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         sink = s.sink and k.kind not in ('plan', 'hand_over'),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
    from unnest(p_ids, p_kinds) as k (id, kind)
   where s.id = k.id;
  v_done := set_config('cogo.is_recorded', '', true);
  v_done := cogo.close_attempts(p_ids, p_attempts, 'completed', p_usages, null, v_ended, v_results);
  if 'step' = any (p_kinds) then
    v_steps := array(
      select k.id from unnest(p_ids, p_kinds) with ordinality as k (id, kind, nth)
       where k.kind = 'step' order by k.nth
    );
    -- What is inserted first, because dependents wait for it, is recorded after the steps that add it.
    if not v_inserts then
      v_released := cogo.release_dependents(v_steps);
    end if;
  end if;
  v_done := cogo.record_changes(
    p_ids || v_released,
    array_fill('running'::text, array[cardinality(p_ids)])
      || array_fill('blocked'::text, array[cardinality(v_released)]),
    v_agents,
    case when v_is_last then v_ended else '{}' end,
    case when v_is_last then array_fill('running'::text, array[cardinality(v_ended)]) else '{}' end
  );
  if v_is_last then
    return;
  end if;

  if v_inserts then
    perform cogo.insert_plan(
              k.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_tasks, p_items, p_kinds) as k (id, task_id, item, kind)
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
    if v_steps is not null then
      v_released := cogo.release_dependents(v_steps);
      perform cogo.record_changes(
        v_released, array_fill('blocked'::text, array[cardinality(v_released)]), null
      );
    end if;
  end if;
  if 'hand_over' = any (p_kinds) then
    perform cogo.hand_over(s, k.item -> 'hand_over')
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'hand_over';
  end if;
  if v_steps is not null then
    perform cogo.record_ends(v_steps);
  end if;
  if v_ended <> '{}' then
    perform cogo.cancel_open_subtasks(v_ended, 'the task is complete');
    perform cogo.record_changes(
      '{}', '{}', '{}', v_ended, array_fill('running'::text, array[cardinality(v_ended)])
    );
  end if;
end;
$function$;

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
  v_has_limits boolean;
  v_served bigint := nextval('cogo.lane_services');
begin
  select k.* into v_clock
    from cogo.lane_clocks k where k.lane = p_lane for no key update skip locked;
  if not found and exists (select from cogo.lane_clocks k where k.lane = p_lane) then
    return;
  end if;
  select s.turn, s.turn - 100 * s.level, exists (select from cogo.owners o where o.owner = s.owner)
    into v_turn, v_round, v_has_limits
    from cogo.subtasks s
   where s.status = 'queued' and not s.regulated and s.lane = p_lane
     and s.turn >= coalesce(v_clock.head, 0)
   order by s.turn, s.seq
   limit 1;
  if v_has_limits then
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

create or replace function cogo.close_attempts(p_subtask_ids uuid[], p_attempts integer[], p_outcome text, p_usages jsonb[] DEFAULT '{}'::jsonb[], p_error jsonb DEFAULT NULL::jsonb, p_completed uuid[] DEFAULT '{}'::uuid[], p_results jsonb[] DEFAULT '{}'::jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_usages jsonb[] := array(
    select cogo.sanitize_usage(n.usage)
      from unnest(p_subtask_ids, p_usages) with ordinality as n (id, usage, nth) order by n.nth
  );
  v_booked jsonb[] := v_usages;
  v_simulated boolean[];
  v_before public.cogo_attempts[];
  v_done text;
begin
  if p_outcome = 'cancelled' then
    -- What was booked when they were cancelled.
    select array_agg(b order by n.nth) into v_before
      from unnest(p_subtask_ids, p_attempts) with ordinality as n (id, attempt, nth)
      left join public.cogo_attempts b on b.subtask_id = n.id and b.attempt = n.attempt;
  end if;
  if array_position(v_usages, null) is not null then
    -- From here on they begin no call. Calls are read in a later statement, which sees all of them.
    perform
       from unnest(p_subtask_ids, p_attempts, v_usages) as n (id, attempt, usage)
       join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
      -- By outcome, since the index of those that have not ended keeps entries while any transaction
      -- may still see them.
      where n.usage is null and a.outcome is null and cogo.is_calling_lane(a.lane)
        for no key update of a;
    select array_agg(
             case
               when n.usage is not null then n.usage
               when cogo.is_calling_lane(a.lane) and a.ended_at is null then
                 cogo.sum_calls(a.task_id, a.subtask_id, a.attempt)
             end order by n.nth
           ),
           array_agg(
             case when n.usage is null then
               cogo.is_calling_lane(a.lane) and exists (
                 select from public.cogo_agents g
                  where g.id = a.agent_id and g.details @> '{"simulated": true}'
               )
             end order by n.nth
           )
      into v_booked, v_simulated
      from unnest(p_subtask_ids, p_attempts, v_usages) with ordinality as n (id, attempt, usage, nth)
      left join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt;
  end if;

  v_done := set_config('cogo.is_recorded', 'on', true);
  with closed as (
    update public.cogo_attempts a
       set ended_at = coalesce(a.ended_at, cogo.now()),
           outcome = p_outcome,
           error = coalesce(nullif(p_error, 'null'), a.error),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.booked ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.booked ->> 'input_tokens')::bigint,
           cached_tokens = (g.booked ->> 'cached_tokens')::bigint,
           output_tokens = (g.booked ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.booked ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.booked is not null then (g.booked ->> 'cost_usd')::numeric
             when not cogo.is_calling_lane(a.lane) then 0
             when p_outcome in ('completed', 'failed', 'rerouted', 'suspended') then 0
             when p_outcome = 'released' and p_error ->> 'class' <> 'released' then 0
             when g.simulated then 0
           end,
           simulated = coalesce(g.simulated, g.usage -> 'simulated' = 'true', false)
      from unnest(p_subtask_ids, p_attempts, v_usages, v_booked, v_simulated)
             with ordinality as g (id, attempt, usage, booked, simulated, nth)
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.simulated, g.booked,
              a.cost_usd - coalesce((v_before[g.nth]).cost_usd, 0) as cost_usd,
              coalesce(a.input_tokens, 0) - coalesce((v_before[g.nth]).input_tokens, 0) as input,
              coalesce(a.cached_tokens, 0) - coalesce((v_before[g.nth]).cached_tokens, 0) as cached,
              coalesce(a.output_tokens, 0) - coalesce((v_before[g.nth]).output_tokens, 0) as output,
              coalesce(a.reasoning_tokens, 0) - coalesce((v_before[g.nth]).reasoning_tokens, 0)
                as reasoning
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where (cogo.is_model_lane(c.lane) or c.lane like 'sandbox:%') and not c.simulated
       and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           sum(c.input) as input,
           sum(c.cached) as cached,
           sum(c.output) as output,
           sum(c.reasoning) as reasoning,
           bool_or(c.simulated) as simulated
      from closed c
     where c.booked is not null or c.cost_usd is null or c.simulated
        or c.task_id = any (p_completed)
     group by c.task_id
  )
  -- A row that is updated twice costs twice, so what ends a task also books its last attempt.
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
         simulated = t.simulated or s.simulated,
         status = case when t.id = any (p_completed) then 'completed' else t.status end,
         result = case
           when t.id = any (p_completed) then p_results[array_position(p_completed, t.id)]
           else t.result
         end,
         finished_at = case when t.id = any (p_completed) then cogo.now() else t.finished_at end
    from spent s
   where t.id = s.task_id;
  v_done := set_config('cogo.is_recorded', '', true);
  -- In most cases the holder has reported how its calls ended.
  if exists (select from cogo.reservations r where r.subtask_id = any (p_subtask_ids)) then
    perform cogo.record_lost_calls(p_subtask_ids, p_attempts);
  end if;
end;
$function$;

create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
  v_done text;
begin
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.item -> 'output' order by j.ordinal),
         array_agg(j.item -> 'usage' order by j.ordinal),
         array_agg(j.task_id order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.state = 'held' and j.is_outdated then 'stale'
             when j.state = 'held' then 'ok'
             when j.state in ('completed', 'routed', 'suspended') then 'duplicate'
             when j.state in ('closing', 'cancelled') then 'closed'
             when j.state = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.state in ('closing', 'cancelled') then j.state
             when j.state <> 'held' or j.problem is not null then null
             when j.is_outdated then 'outdated'
             when j.kind = 'flow' then case
               when jsonb_typeof(j.item -> 'suspend') = 'object' then 'suspend'
               when jsonb_typeof(j.item -> 'hand_over') = 'object' then 'hand_over'
               when jsonb_typeof(j.item -> 'plan') = 'object' then 'plan'
               else 'sink'
             end
             when jsonb_typeof(j.item -> 'wait') = 'object' then 'wait'
             when j.lane = 'cio' then 'route'
             when j.sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_outputs, v_usages, v_tasks, v_details, v_answers, v_kinds
    from (
      select f.*,
             case when f.state = 'held' and f.is_outdated is not true then
               cogo.validate_completion(f.subtask, f.item)
             end as problem
        from (
          select i.*, s.task_id, s.kind, s.lane, s.sink, s as subtask,
                 cogo.check_fence(p_agent_id, a, s) as state,
                 s.kind = 'flow' and jsonb_typeof(i.item -> 'plan') = 'object'
                   and exists (select from cogo.flows f where f.task_id = s.task_id) as is_outdated
            from (
              select e.ordinal, e.item, cogo.to_uuid(e.item ->> 'subtask_id') as id,
                     cogo.to_integer(e.item ->> 'attempt') as attempt
                from jsonb_array_elements(p_items) with ordinality as e (item, ordinal)
              offset 0  -- Parses each once.
            ) as i
            left join cogo.subtasks s on s.id = i.id
            left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
          offset 0
        ) as f
      offset 0  -- Validates each once.
    ) as j;

  if v_kinds && '{closing,cancelled,route,outdated,suspend,wait}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              when 'cancelled' then cogo.book_late_usage(k.id, k.attempt, k.item -> 'usage')
              when 'route' then cogo.route_subtask(s, k.item)
              when 'suspend' then cogo.suspend_flow(s, k.item)
              when 'wait' then cogo.wait_for_answers(s, k.item)
              else cogo.fail_attempt(
                s, '{"class": "released", "message": "a plan for a task that has steps"}', 'snooze',
                null, k.item -> 'usage'
              )
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'cancelled', 'route', 'outdated', 'suspend', 'wait');
  end if;
  if p_items @? '$[*].judgements[*]' then
    perform cogo.record_judgements(s.task_id, k.item -> 'judgements')
       from unnest(v_ids, v_items, v_kinds) with ordinality as k (id, item, kind, ordinal)
       join cogo.subtasks s on s.id = k.id
      where s.kind = 'flow' and k.kind in ('suspend', 'hand_over', 'sink')
        and jsonb_typeof(k.item -> 'judgements') = 'array'
      order by k.ordinal;
  end if;
  if p_items @? '$[*].again ? (@.type() == "object")' then
    v_items := array(
      select case
               when k.kind = 'sink' and jsonb_typeof(k.item -> 'again') = 'object'
               then cogo.repeat_task(s.task_id, k.item)
               else k.item
             end
        from unnest(v_ids, v_items, v_kinds) with ordinality as k (id, item, kind, ordinal)
        left join cogo.subtasks s on s.id = k.id
       order by k.ordinal
    );
    v_outputs := array(
      select k.item -> 'output' from unnest(v_items) with ordinality as k (item, ordinal)
       order by k.ordinal
    );
  end if;
  if v_kinds && '{plan,hand_over,sink,step}' then
    v_done := cogo.accept_outputs(
      p_agent_id, v_ids, v_attempts, v_items, v_outputs, v_usages, v_tasks, v_kinds
    );
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
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
$function$;

create or replace function cogo.lock_completions(p_items jsonb, p_others uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids uuid[] := p_others;
  v_done text;
begin
  for v_nth in 0 .. jsonb_array_length(p_items) - 1 loop
    v_ids := v_ids || cogo.to_uuid(p_items -> v_nth ->> 'subtask_id');
  end loop;
  v_done := cogo.lock_tasks(v_ids);
  if p_items @? '$[*].messages[*]' then
    perform cogo.lock_sessions(
      array(
        select cogo.to_uuid(i.value ->> 'subtask_id')
          from jsonb_array_elements(p_items) i where i.value @? '$.messages[*]'
      )
    );
  end if;
  if p_items @? '$[*].suspend.steps[*] ? (@.kind == "task")' then
    perform cogo.lock_trees(
      array(
        select s.task_id
          from jsonb_array_elements(p_items) i
          join cogo.subtasks s on s.id = cogo.to_uuid(i.value ->> 'subtask_id')
         where i.value @? '$.suspend.steps[*] ? (@.kind == "task")'
      )
    );
  end if;
end;
$function$;

create or replace function cogo.publish_results(p_envelopes jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_done text;
begin
  v_done := cogo.send_messages(
    array_fill('cogo-results'::text, array[cardinality(p_envelopes)])
      || array(
           select 'cogo-results:' || (e.envelope -> 'payload' ->> 'task_id')
             from unnest(p_envelopes) with ordinality as e (envelope, nth) order by e.nth
         ),
    p_envelopes || p_envelopes
  );
end;
$function$;

create or replace function cogo.record_changes(p_subtask_ids uuid[], p_from text[], p_agents text[], p_task_ids uuid[] DEFAULT '{}'::uuid[], p_task_from text[] DEFAULT '{}'::text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_agent constant text := nullif(cogo.current_actor(), 'cogo-database');
  v_queued uuid[];
  v_ended uuid[];
  v_ended_tasks uuid[];
  v_is_cancelled boolean;
  v_results jsonb[] := '{}';
  v_done text;
begin
  with changes as (
    select s.task_id, c.place, 'subtask.' || s.status as kind, s.id as subtask_id,
           nullif(s.attempt, 0) as attempt, coalesce(c.agent, v_agent) as agent_id,
           jsonb_strip_nulls(jsonb_build_object(
             'key', s.key, 'type', s.type, 'lane', s.lane, 'from', c.from_status,
             'run_at', case when s.status = 'delayed' then cogo.iso_timestamp(s.run_at) end,
             'kind', case when s.kind <> 'ask' then s.kind end,
             'role', case when s.kind = 'ask' then left(p.metadata ->> 'role', 100) end,
             'name', case
               when s.kind = 'event' and s.status = 'waiting' then left(p.params ->> 'name', 100)
             end,
             'cap', case when s.status = 'waiting' then (
               select concat_ws(':', w.scope, w.key, w.per)
                 from cogo.budget_waits w where w.subtask_id = s.id
             ) end,
             'awaits', case when s.kind = 'flow' and s.status = 'blocked' then s.deps_left end
           )) as detail,
           -- A new flow was announced by TASK_CREATED.
           s.status = 'queued' and (c.from_status is not null or s.kind <> 'flow') as is_queued,
           s.status in ('completed', 'failed') and s.kind <> 'flow' as is_ended
      from unnest(p_subtask_ids, p_from, p_agents)
             with ordinality as c (id, from_status, agent, place)
      join cogo.subtasks s on s.id = c.id
      left join cogo.subtask_payloads p on p.subtask_id = s.id and s.kind in ('ask', 'event')
     union all
    select t.id, null, 'task.' || t.status, null, null, v_agent,
           jsonb_strip_nulls(jsonb_build_object('from', c.from_status, 'error', t.error)),
           false, t.finished_at is not null
      from unnest(p_task_ids, p_task_from) as c (id, from_status)
      join public.cogo_tasks t on t.id = c.id
  ), numbered as (
    select c.*, row_number() over (partition by c.task_id order by c.place) as nth from changes c
  ), ordered as materialized (
    -- Look up the last number once per task and before the insert: later lookups would pass the new
    -- rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as last_seq
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select o.task_id, coalesce(o.last_seq, 0) + o.nth, cogo.now(), o.kind, o.subtask_id, o.attempt,
           o.agent_id, o.detail
      from ordered o
  )
  select array_agg(o.subtask_id) filter (where o.is_queued),
         array_agg(o.subtask_id) filter (where o.is_ended and o.subtask_id is not null),
         array_agg(o.task_id) filter (where o.is_ended and o.subtask_id is null),
         bool_or(o.kind = 'task.cancelled')
    into v_queued, v_ended, v_ended_tasks, v_is_cancelled
    from ordered o;

  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    v_results := cogo.describe_subtask_results(v_ended);
  end if;
  if v_ended_tasks is not null then
    v_results := v_results || cogo.describe_task_results(v_ended_tasks);
  end if;
  if v_results <> '{}' then
    v_done := cogo.publish_results(v_results);
  end if;
  if v_is_cancelled then
    perform cogo.notify(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended_tasks) and t.status = 'cancelled';
  end if;
end;
$function$;

create or replace function cogo.send_messages(p_topics text[], p_envelopes jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  begin
    insert into realtime.messages (payload, event, topic, private, extension)
    select m.envelope, m.envelope ->> 'type', m.topic, true, 'broadcast'
      from unnest(p_topics, p_envelopes) as m (topic, envelope);
  exception
    when others then
      if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
        return;
      end if;
      perform realtime.send(m.envelope, m.envelope ->> 'type', m.topic, true)
         from unnest(p_topics, p_envelopes) as m (topic, envelope);
  end;
end;
$function$;

create or replace function cogo.set_actor(p_agent_id text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_done text;
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  v_done := set_config('cogo.agent_id', p_agent_id, true);
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
  v_others uuid[] := '{}';
  v_done text;
begin
  v_done := cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array'
     or jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_items must be a list of completions, and p_calls one of calls';
  end if;
  if p_calls <> '[]' then
    v_others := array(
      select cogo.to_uuid(c.value ->> 'subtask_id') from jsonb_array_elements(p_calls) c
    );
  end if;
  v_done := cogo.lock_completions(p_items, v_others);
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

create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_done text;
begin
  v_done := cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  v_done := cogo.lock_completions(p_items, '{}');
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130164921')
on conflict (version) do nothing;
