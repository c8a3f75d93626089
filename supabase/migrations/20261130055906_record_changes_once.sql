-- Record changes once.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop trigger ask_approval on cogo.subtasks;

drop trigger ask_approval_inserted on cogo.subtasks;

drop trigger cancel_child on cogo.subtasks;

drop trigger withdraw_approval on cogo.subtasks;

drop trigger record_lost_calls on public.cogo_attempts;

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
  v_is_last boolean;
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

  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select k.id, k.attempt,
         coalesce(nullif(k.output, 'null'), '{}')
         -- A flow that hands over at once has no row for its decisions.
         || case
           when k.kind = 'hand_over' and k.item -> 'hand_over' -> 'decisions' <> '{}' then
             jsonb_build_object('decisions', k.item -> 'hand_over' -> 'decisions')
           else '{}'
         end
    from unnest(p_ids, p_attempts, p_items, p_outputs, p_kinds)
           as k (id, attempt, item, output, kind);
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
    -- The last subtask of a paused task was already running.
    if exists (
      select from public.cogo_tasks t where t.id = any (v_ended) and t.status = 'held'
    ) then
      update public.cogo_tasks t
         set status = 'running', paused_at = null
       where t.id = any (v_ended) and t.status = 'held';
    end if;
  end if;
  -- Recorded below.
  perform set_config('cogo.is_recorded', 'on', true);
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         sink = s.sink and k.kind not in ('plan', 'hand_over'),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
    from unnest(p_ids, p_kinds) as k (id, kind)
   where s.id = k.id;
  perform set_config('cogo.is_recorded', '', true);
  perform cogo.close_attempts(p_ids, p_attempts, 'completed', p_usages, null, v_ended, v_results);
  -- In most cases the sink was the last one.
  v_is_last := p_kinds <@ '{sink}' and not exists (
    select from cogo.subtasks s where s.task_id = any (v_ended) and s.finished_at is null
  );
  perform cogo.record_changes(
    p_ids, array_fill('running'::text, array[cardinality(p_ids)]), v_agents,
    case when v_is_last then v_ended else '{}' end,
    case when v_is_last then array_fill('running'::text, array[cardinality(v_ended)]) else '{}' end
  );
  if v_is_last then
    return;
  end if;

  if p_kinds && '{plan,step}' then
    perform cogo.insert_plan(
              k.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_tasks, p_items, p_kinds) as k (id, task_id, item, kind)
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
  end if;
  if 'hand_over' = any (p_kinds) then
    perform cogo.hand_over(s, k.item -> 'hand_over')
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'hand_over';
  end if;
  if 'step' = any (p_kinds) then
    v_steps := array(
      select k.id from unnest(p_ids, p_kinds) with ordinality as k (id, kind, nth)
       where k.kind = 'step' order by k.nth
    );
    perform cogo.release_dependents(v_steps);
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

create or replace function cogo.ask_approval(p_subtask cogo.subtasks)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  -- One that waits in the middle of a tool loop has asked already, and asks again after a redrive. What
  -- waits for a budget asks about that.
  if exists (select from cogo.budget_waits w where w.subtask_id = p_subtask.id)
     or cogo.reopen_call_approvals(p_subtask) then
    return;
  end if;
  insert into public.cogo_approvals as a (
    task_id, subtask_id, owner, key, question, show, by, cost_usd, expires_at, on_expiry,
    escalate_at, escalate_to
  )
  select p_subtask.task_id, p_subtask.id, t.owner, p_subtask.key,
         coalesce(
           nullif(left(p.params ->> 'question', 10000), ''),
           format(
             'May the subtask %s (%s, in lane %s) run?', p_subtask.key, p_subtask.type, p_subtask.lane
           )
         ),
         nullif(p.params -> 'show', 'null'), p.params ->> 'by', o.cost_usd, o.expires_at,
         o.on_expiry, o.escalate_at, o.escalate_to
    from cogo.subtask_payloads p
    join public.cogo_tasks t on t.id = p_subtask.task_id
    cross join cogo.read_approval_options(p.params) o
   where p.subtask_id = p_subtask.id
  on conflict (subtask_id, key) do update
    set withdrawn_at = null, asked_at = excluded.asked_at, expires_at = excluded.expires_at,
        escalate_at = excluded.escalate_at, escalated_at = null
    where a.withdrawn_at is not null
  returning * into v_approval;
  if found then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
end;
$function$;

create or replace function cogo.cancel_child(p_subtask cogo.subtasks)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_child_id uuid;
  v_locked uuid;
begin
  select t.id into v_child_id
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
   where k.subtask_id = p_subtask.id and t.finished_at is null;
  if not found then
    return;
  end if;
  select t.id into v_locked
    from public.cogo_tasks t where t.id = v_child_id for no key update skip locked;
  if found then
    perform cogo.cancel_tasks(array[v_locked], 'its parent task does not need it any more');
  else
    -- Waiting for it here could deadlock.
    insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
    values (p_subtask.task_id, v_child_id, p_subtask.id, 'cancel');
  end if;
end;
$function$;

create or replace function cogo.check_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.status <> old.status and old.status || '>' || new.status <> all (
    case tg_argv[0] when 'task' then cogo.task_transitions() else cogo.subtask_transitions() end
  ) then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s %s is %s and cannot become %s', tg_argv[0], old.id, old.status, new.status
      );
  end if;
  return new;
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
begin
  if array_position(v_usages, null) is not null then
    -- From here on they begin no call. Calls are read in a later statement, which sees all of them.
    perform
       from unnest(p_subtask_ids, p_attempts, v_usages) as n (id, attempt, usage)
       join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
      where n.usage is null and a.ended_at is null and cogo.is_calling_lane(a.lane)
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

  perform set_config('cogo.is_recorded', 'on', true);
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
             as g (id, attempt, usage, booked, simulated)
      -- What was booked when it was cancelled.
      left join public.cogo_attempts b
             on p_outcome = 'cancelled' and b.subtask_id = g.id and b.attempt = g.attempt
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.simulated, g.booked,
              a.cost_usd - coalesce(b.cost_usd, 0) as cost_usd,
              coalesce(a.input_tokens, 0) - coalesce(b.input_tokens, 0) as input,
              coalesce(a.cached_tokens, 0) - coalesce(b.cached_tokens, 0) as cached,
              coalesce(a.output_tokens, 0) - coalesce(b.output_tokens, 0) as output,
              coalesce(a.reasoning_tokens, 0) - coalesce(b.reasoning_tokens, 0) as reasoning
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
         status = case when r.task_id is null then t.status else 'completed' end,
         result = case when r.task_id is null then t.result else r.result end,
         finished_at = case when r.task_id is null then t.finished_at else cogo.now() end
    from spent s
    left join unnest(p_completed, p_results) as r (task_id, result) on r.task_id = s.task_id
   where t.id = s.task_id;
  perform set_config('cogo.is_recorded', '', true);
  -- In most cases the holder has reported how its calls ended.
  if exists (
    select from unnest(p_subtask_ids, p_attempts) as n (id, attempt)
      join cogo.reservations r on r.subtask_id = n.id and r.attempt = n.attempt
  ) then
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
    perform cogo.accept_outputs(
      p_agent_id, v_ids, v_attempts, v_items, v_outputs, v_usages, v_tasks, v_kinds
    );
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$function$;

create or replace function cogo.describe_subtask_results(p_subtask_ids uuid[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return array(
    select cogo.build_envelope(
             'SUBTASK_RESULT', cogo.truncate_payload(r.payload), r.source, 'cogo-results'
           )
      from (
        select s.seq, coalesce(a.agent_id, cogo.current_actor()) as source,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'status', s.status,
                 'execution_time', coalesce(cogo.elapsed_ms(a.claimed_at, s.finished_at), 0),
                 'metadata', jsonb_build_object(
                   'source', coalesce(a.agent_id, cogo.current_actor()),
                   'timestamp', cogo.iso_timestamp(s.finished_at),
                   'model_id', a.model_id,
                   'model_performance', jsonb_build_object(
                     'model_id', a.model_id,
                     'response_time', a.duration_ms,
                     'tokens_used',
                     a.input_tokens + coalesce(a.cached_tokens, 0) + a.output_tokens,
                     'cost_usd', a.cost_usd
                   )
                 ),
                 case s.status when 'completed' then 'output' else 'error' end,
                 case s.status
                   when 'completed' then o.output
                   else coalesce(p.error, a.error, p.metadata -> 'approval' -> 'error')
                 end
               ) as payload
          from cogo.subtasks s
          -- A subtask whose approval was refused may have no attempt.
          left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
          left join cogo.subtask_outputs o on o.subtask_id = s.id
          left join cogo.subtask_payloads p on p.subtask_id = s.id and s.status = 'failed'
         where s.id = any (p_subtask_ids)
      ) as r
     order by r.seq
  );
end;
$function$;

create or replace function cogo.describe_task_results(p_task_ids uuid[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return array(
    select cogo.build_envelope(
             'TASK_RESULT',
             cogo.truncate_payload(
               jsonb_build_object(
                 'task_id', t.id,
                 'status', t.status,
                 'cost_usd', t.cost_usd,
                 'tokens', jsonb_build_object(
                   'input', t.input_tokens,
                   'cached', t.cached_tokens,
                   'output', t.output_tokens,
                   'reasoning', t.reasoning_tokens
                 ),
                 'execution_time', cogo.elapsed_ms(
                   coalesce(t.started_at, t.created_at), t.finished_at
                 ),
                 'timestamp', cogo.iso_timestamp(t.finished_at)
               ) || case
                 when t.result is not null then jsonb_build_object('result', t.result)
                 when t.error is not null then jsonb_build_object('error', t.error)
                 else '{}'
               end
             ),
             cogo.current_actor(), 'cogo-results'
           )
      from public.cogo_tasks t
     where t.id = any (p_task_ids)
     order by t.seq + 0  -- as in cogo.lock_tasks()
  );
end;
$function$;

create or replace function cogo.follow_waits()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' and new.status = old.status then
    return null;
  end if;
  if new.kind = 'task' and new.status in ('failed', 'cancelled') and old.finished_at is null then
    perform cogo.cancel_child(new);
  end if;
  if new.needs_approval or new.kind = 'approve' then
    if new.status = 'waiting' then
      perform cogo.ask_approval(new);
    elsif new.finished_at is not null and old.finished_at is null then
      perform cogo.withdraw_approval(new);
    end if;
  end if;
  return null;
end;
$function$;

create or replace function cogo.on_subtask_status()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_ids uuid[];
  v_from text[];
  v_agents text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(n.agent_id) into v_ids, v_agents from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id), array_agg(o.status), array_agg(coalesce(n.agent_id, o.agent_id))
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is not null then
    perform cogo.record_changes(v_ids, v_from, v_agents);
  end if;
  return null;
end;
$function$;

create or replace function cogo.on_task_status()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_ids uuid[];
  v_from text[];
begin
  -- A full join is never a nested loop, which would be slow for thousands of rows; `<>` in place of
  -- `is distinct from` would let the planner reduce it to an inner join.
  select array_agg(n.id), array_agg(o.status) into v_ids, v_from
    from old_rows o full join new_rows n on n.id = o.id
   where n.status is distinct from o.status;
  if v_ids is not null then
    perform cogo.record_changes('{}', '{}', '{}', v_ids, v_from);
  end if;
  return null;
end;
$function$;

create or replace function cogo.publish_results(p_envelopes jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.send_messages(
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
begin
  with changes as (
    select s.task_id, s.seq as place, 'subtask.' || s.status as kind, s.id as subtask_id,
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
      from unnest(p_subtask_ids, p_from, p_agents) as c (id, from_status, agent)
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
    perform cogo.publish_results(v_results);
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

create or replace function cogo.record_lost_calls(p_subtask_ids uuid[], p_attempts integer[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  with lost as (
    delete from cogo.reservations r
     using unnest(p_subtask_ids, p_attempts) as n (id, attempt)
      join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
     where r.subtask_id = n.id and r.attempt = n.attempt and a.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256,
    column_id
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256,
         g.column_id
    from lost g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
end;
$function$;

create or replace function cogo.sanitize_usage(p_usage jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_key text;
  v_text text;
  v_number numeric;
begin
  if jsonb_typeof(p_usage) is distinct from 'object' then
    return null;
  end if;
  foreach v_key in array '{
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, first_token_ms,
    duration_ms, cost_usd, max_usd
  }'::text[] loop
    v_text := p_usage ->> v_key;
    continue when v_text is null;
    -- At most two digits of exponent, which bounds the length of the number.
    v_number := case
      when v_text ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$' then v_text::numeric
    end;
    if v_key like '%usd' then
      v_number := case when v_number <= 1e6 then v_number end;
    else
      v_number := case
        when v_number <= 1e12 and (v_key like '%ms' or v_number = trunc(v_number)) then round(v_number)
      end;
    end if;
    if v_number is null or v_number::text <> v_text or jsonb_typeof(p_usage -> v_key) <> 'number' then
      p_usage := jsonb_set(p_usage, array[v_key], coalesce(to_jsonb(v_number), 'null'));
    end if;
  end loop;
  return p_usage;
end;
$function$;

create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_content constant jsonb := p_item - '{usage,judgements}'::text[];
  v_unreadable text;
begin
  -- Dependents, watchers and lists must be able to read these.
  if cogo.validate_json(v_content) is not null then
    select f.field || ' ' || cogo.validate_json(f.value) into v_unreadable
      from (
        values ('output', p_item -> 'output'), ('plan.subtasks', v_plan -> 'subtasks'),
               ('subtasks', v_added), ('route.params', v_route -> 'params'),
               ('route.metadata', v_route -> 'metadata'),
               ('suspend.steps', p_item -> 'suspend' -> 'steps'),
               ('suspend.decisions', p_item -> 'suspend' -> 'decisions'),
               ('suspend.drift', p_item -> 'suspend' -> 'drift'),
               ('hand_over.step', p_item -> 'hand_over' -> 'step'),
               ('hand_over.decisions', p_item -> 'hand_over' -> 'decisions'),
               ('again', p_item -> 'again'), ('wait', p_item -> 'wait'),
               ('messages', p_item -> 'messages')
      ) as f (field, value)
     where cogo.validate_json(f.value) is not null
     limit 1;
  end if;
  if v_unreadable is not null then
    return v_unreadable;
  elsif jsonb_typeof(p_item -> 'messages') not in ('array', 'null') then
    return 'messages must be a list';
  elsif nullif(p_item -> 'wait', 'null') is not null then
    if coalesce(
      v_plan, v_route, v_added, nullif(p_item -> 'suspend', 'null'),
      nullif(p_item -> 'hand_over', 'null'), nullif(p_item -> 'again', 'null')
    ) is not null then
      return 'an attempt ends in one way, not with wait and another';
    end if;
    return cogo.validate_wait(p_subtask, p_item -> 'wait');
  end if;
  if p_subtask.kind = 'flow' then
    return cogo.validate_flow_end(p_subtask, p_item);
  elsif v_added is not null and (
    p_subtask.lane = 'cio' or p_subtask.sink
    or exists (select from cogo.flows f where f.task_id = p_subtask.task_id)
  ) then
    return 'only a completed subtask that is neither the sink nor a step of a workflow may add subtasks';
  end if;
  if v_route is not null or v_added is not null then
    v_grant := cogo.validate_stamps(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if coalesce(
    v_plan, nullif(p_item -> 'suspend', 'null'), nullif(p_item -> 'hand_over', 'null'),
    nullif(p_item -> 'again', 'null')
  ) is not null then
    return 'only a flow is completed with a plan, a suspension, a hand-over or its next run';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio') then
    return 'a rerouted subtask in lane cio must be completed with a route, others must not';
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') = '' or not cogo.is_model_lane(v_route ->> 'lane') then
      return 'route.lane must name a model';
    elsif jsonb_typeof(coalesce(nullif(v_route -> 'params', 'null'), '{}')) <> 'object'
       or jsonb_typeof(coalesce(nullif(v_route -> 'metadata', 'null'), '{}')) <> 'object' then
      return 'route.params and route.metadata must be objects';
    end if;
  elsif jsonb_typeof(p_item -> 'output') is distinct from 'object' then
    return 'output must be an object';
  elsif v_added is not null then
    return 'TQ006: ' || cogo.validate_plan(
      p_item, array(select s.key from cogo.subtasks s where s.task_id = p_subtask.task_id)
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.withdraw_approval(p_subtask cogo.subtasks)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  if cogo.leave_budget_wait(p_subtask.id) then
    -- After a redrive it asks anew, if it has to.
    update cogo.subtasks s set needs_approval = false where s.id = p_subtask.id;
  end if;
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = cogo.now()
     where a.subtask_id = p_subtask.id and a.answered_at is null and a.withdrawn_at is null
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_WITHDRAWN', v_approval);
  end loop;
end;
$function$;

drop function cogo.accept_outputs(uuid[],integer[],jsonb[],text[]);

drop function cogo.ask_approval();

drop function cogo.cancel_child();

drop function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb);

drop function cogo.complete_tasks(uuid[],jsonb[]);

drop function cogo.publish_results(text,uuid[],jsonb[],text[]);

drop function cogo.publish_subtask_results(uuid[]);

drop function cogo.record_lost_calls();

drop function cogo.withdraw_approval();

create or replace trigger check_transition BEFORE UPDATE OF status ON cogo.subtasks FOR EACH ROW EXECUTE FUNCTION cogo.check_transition('subtask');

create or replace trigger follow_waits AFTER INSERT OR UPDATE OF status ON cogo.subtasks FOR EACH ROW WHEN ((new.needs_approval OR (new.kind = ANY (ARRAY['approve'::text, 'task'::text])))) EXECUTE FUNCTION cogo.follow_waits();

create or replace trigger on_status_updated AFTER UPDATE ON cogo.subtasks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((current_setting('cogo.is_recorded'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION cogo.on_subtask_status();

create or replace trigger check_transition BEFORE UPDATE OF status ON public.cogo_tasks FOR EACH ROW EXECUTE FUNCTION cogo.check_transition('task');

create or replace trigger on_status AFTER UPDATE ON public.cogo_tasks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN ((current_setting('cogo.is_recorded'::text, true) IS DISTINCT FROM 'on'::text)) EXECUTE FUNCTION cogo.on_task_status();

create or replace trigger wake_parent AFTER UPDATE ON public.cogo_tasks FOR EACH ROW WHEN (((new.parent_task_id IS NOT NULL) AND (new.finished_at IS NOT NULL) AND ((old.finished_at IS NULL) OR (new.cost_usd IS DISTINCT FROM old.cost_usd) OR (new.input_tokens <> old.input_tokens) OR (new.cached_tokens <> old.cached_tokens) OR (new.output_tokens <> old.output_tokens) OR (new.reasoning_tokens <> old.reasoning_tokens)))) EXECUTE FUNCTION cogo.wake_parent();

comment on function cogo.accept_outputs(text,uuid[],integer[],jsonb[],jsonb[],jsonb[],uuid[],text[]) is
  'Complete attempts and apply each by its kind: plan, hand_over, step or sink, which ends its task.
Others are skipped.';

comment on function cogo.ask_approval(cogo.subtasks) is
  'Ask a person about a subtask that waits for an approval: once, also if its task is paused and
resumed.';

comment on function cogo.cancel_child(cogo.subtasks) is
  'Cancel the child task of a step that ended without it.';

comment on function cogo.check_transition() is
  'Raise TQ003 for a change of status that is not allowed.';

comment on function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb,uuid[],jsonb[]) is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked; complete
p_completed, the tasks of some of them, with p_results. The caller records that: cogo.record_changes().
Ended attempts stay as they are, but cancelled ones without usage get it in place of what was booked.
Simulated ones are not counted in statistics.';

comment on function cogo.describe_subtask_results(uuid[]) is
  'Return SUBTASK_RESULT for ended subtasks.';

comment on function cogo.describe_task_results(uuid[]) is
  'Return TASK_RESULT for ended tasks.';

comment on function cogo.follow_waits() is
  'Ask about a subtask that begins to wait for an approval, and withdraw what one that has ended asked
for: approvals and its child task.';

comment on function cogo.publish_results(jsonb[]) is
  'Send messages about tasks, each on cogo-results and on the topic of its task.';

comment on function cogo.record_changes(uuid[],text[],text[],uuid[],text[]) is
  'Record and announce, in the same transaction, that subtasks and tasks have the status that they have
now, each with the status before and the agent that held it. The caller holds the task locks.';

comment on function cogo.record_lost_calls(uuid[],integer[]) is
  'Free the reservations of ended attempts and log their unreported calls as lost.';

comment on function cogo.withdraw_approval(cogo.subtasks) is
  'Withdraw the questions of a subtask that ended without an answer.';

revoke all on function cogo.accept_outputs(text,uuid[],integer[],jsonb[],jsonb[],jsonb[],uuid[],text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.accept_outputs(text,uuid[],integer[],jsonb[],jsonb[],jsonb[],uuid[],text[]) to service_role;

revoke all on function cogo.ask_approval(cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.ask_approval(cogo.subtasks) to service_role;

revoke all on function cogo.cancel_child(cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_child(cogo.subtasks) to service_role;

revoke all on function cogo.check_transition() from public, anon, authenticated, service_role;

grant execute on function cogo.check_transition() to service_role;

revoke all on function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb,uuid[],jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb,uuid[],jsonb[]) to service_role;

revoke all on function cogo.describe_subtask_results(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.describe_subtask_results(uuid[]) to service_role;

revoke all on function cogo.describe_task_results(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.describe_task_results(uuid[]) to service_role;

revoke all on function cogo.follow_waits() from public, anon, authenticated, service_role;

grant execute on function cogo.follow_waits() to service_role;

revoke all on function cogo.publish_results(jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.publish_results(jsonb[]) to service_role;

revoke all on function cogo.record_changes(uuid[],text[],text[],uuid[],text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_changes(uuid[],text[],text[],uuid[],text[]) to service_role;

revoke all on function cogo.record_lost_calls(uuid[],integer[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_lost_calls(uuid[],integer[]) to service_role;

revoke all on function cogo.withdraw_approval(cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.withdraw_approval(cogo.subtasks) to service_role;

drop function cogo.reject_transition();

insert into cogo.schema_versions (version) values ('20261130055906')
on conflict (version) do nothing;
