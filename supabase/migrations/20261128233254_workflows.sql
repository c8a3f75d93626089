-- Workflows.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.flows (
  task_id uuid not null,
  first_claimed_at timestamp with time zone not null,
  ends integer default 0 not null,
  decisions jsonb default '{}'::jsonb not null,
  awaits text[] default '{}'::text[] not null,
  deadline_passed_at timestamp with time zone
);

alter table cogo.flows set (fillfactor=50);

alter table cogo.flows enable row level security;

alter table cogo.subtask_payloads add column error jsonb;

alter table cogo.subtasks add column awaited boolean default false not null;

alter table cogo.subtasks add column end_no integer;

alter table cogo.subtasks add column kind text default 'ask'::text not null;

alter table cogo.subtasks add column not_needed boolean default false not null;

alter table cogo.subtasks drop constraint subtasks_waiting;

alter table public.cogo_attempts drop constraint cogo_attempts_outcome;

alter table cogo.flows add constraint flows_decisions_check CHECK ((jsonb_typeof(decisions) = 'object'::text));

alter table cogo.flows add constraint flows_pkey PRIMARY KEY (task_id);

alter table cogo.subtasks add constraint subtasks_end_no_check CHECK ((end_no > 0));

alter table cogo.subtasks add constraint subtasks_kind_check CHECK ((kind = ANY (ARRAY['flow'::text, 'ask'::text, 'check'::text, 'call'::text, 'approve'::text, 'sleep'::text, 'event'::text, 'task'::text])));

alter table cogo.subtasks add constraint subtasks_waiting CHECK (((status <> 'waiting'::text) OR needs_approval OR (kind = ANY (ARRAY['approve'::text, 'event'::text, 'task'::text]))));

alter table public.cogo_attempts add constraint cogo_attempts_outcome CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'released'::text, 'reaped'::text, 'cancelled'::text, 'rerouted'::text, 'routed'::text, 'suspended'::text])));

alter table cogo.flows add constraint flows_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

create index subtasks_unserved ON cogo.subtasks USING btree (created_at) WHERE ((status = 'queued'::text) AND (kind = ANY (ARRAY['check'::text, 'call'::text])));

create or replace function cogo.accept_outputs(p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_messages boolean;
  v_plans boolean;
  v_passed uuid[];
begin
  select array_agg(k.id), array_agg(k.attempt),
         array_agg(
           coalesce(nullif(k.item -> 'output', 'null'), '{}')
           -- A flow that hands over at once has no row for its decisions.
           || case
             when k.kind = 'hand_over' and k.item -> 'hand_over' -> 'decisions' <> '{}' then
               jsonb_build_object('decisions', k.item -> 'hand_over' -> 'decisions')
             else '{}'
           end
         ),
         array_agg(k.item -> 'usage'),
         bool_or(k.item ? 'messages' and k.kind = 'sink'),
         bool_or(k.kind = 'plan' or k.kind = 'step' and k.item ? 'subtasks'),
         coalesce(array_agg(k.id) filter (where k.kind in ('plan', 'hand_over')), '{}')
    into v_ids, v_attempts, v_outputs, v_usages, v_messages, v_plans, v_passed
    from unnest(p_ids, p_attempts, p_items, p_kinds) as k (id, attempt, item, kind)
   where k.kind in ('plan', 'hand_over', 'sink', 'step');

  perform cogo.close_attempts(v_ids, v_attempts, 'completed', v_usages);
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select * from unnest(v_ids, v_attempts, v_outputs);
  -- A statement is costly even without rows, so skip those that no item needs.
  if v_messages then
    insert into public.cogo_messages (owner, session_id, role, content, task_id)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id
      from unnest(p_ids, p_items, p_kinds) with ordinality as k (id, item, kind, ordinal)
      join cogo.subtasks s on s.id = k.id
      join public.cogo_tasks t on t.id = s.task_id
      cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
        with ordinality as m (value, ordinal)
     where k.item ? 'messages' and k.kind = 'sink' and t.session_id is not null
     order by k.ordinal, m.ordinal;
  end if;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         sink = s.sink and s.id <> all (v_passed),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = any (v_ids);

  if v_plans then
    perform cogo.insert_plan(
              s.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
  end if;
  if 'hand_over' = any (p_kinds) then
    perform cogo.hand_over(s, k.item -> 'hand_over')
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'hand_over';
  end if;
  if 'step' = any (p_kinds) then
    v_ids := array(
      select k.id from unnest(p_ids, p_kinds) with ordinality as k (id, kind, nth)
       where k.kind = 'step' order by k.nth
    );
    perform cogo.release_dependents(v_ids);
    perform cogo.record_ends(v_ids);
  end if;
  if 'sink' = any (p_kinds) then
    select array_agg(s.task_id), array_agg(k.item -> 'output')
      into v_tasks, v_outputs
      from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
      join cogo.subtasks s on s.id = k.id
     where k.kind = 'sink';
    perform cogo.complete_tasks(v_tasks, v_outputs);
  end if;
end;
$function$;

create or replace function cogo.announce_cancellation(p_subtask cogo.subtasks, p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform cogo.notify(
    'cogo-subtasks', 'SUBTASK_CANCELLED',
    jsonb_build_object(
      'subtask_id', p_subtask.id, 'task_id', p_subtask.task_id,
      'attempt', p_subtask.attempt, 'reason', p_reason,
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    cogo.current_actor()
  );
end;
$function$;

create or replace function cogo.assign_turn()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
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
    new.turn := 1 + greatest(
      v_round + 100 * new.level,
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level
         order by s.turn desc
         limit 1
      )
    );
  end if;
  return new;
end;
$function$;

create or replace function cogo.cancel_open_subtasks(p_task_ids uuid[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- In most cases the sink was the last one.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  perform cogo.stop_running(
    array(
      select s.id from cogo.subtasks s where s.task_id = any (p_task_ids) and s.status = 'running'
    ),
    p_reason
  );
end;
$function$;

create or replace function cogo.cancel_steps(p_task_id uuid, p_keys text[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_running uuid[];
begin
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now(), not_needed = true, awaited = false
   where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');
  with asked as (
    update cogo.subtasks s
       set not_needed = true, awaited = false
     where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
       and s.status = 'running'
    returning s.id
  )
  select array_agg(a.id) into v_running from asked a;
  if v_running is not null then
    perform cogo.stop_running(v_running, p_reason);
  end if;
end;
$function$;

create or replace function cogo.close_attempts(p_subtask_ids uuid[], p_attempts integer[], p_outcome text, p_usages jsonb[] DEFAULT '{}'::jsonb[], p_error jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with closed as (
    update public.cogo_attempts a
       set ended_at = cogo.now(),
           outcome = p_outcome,
           error = nullif(p_error, 'null'),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.usage ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.usage ->> 'input_tokens')::bigint,
           cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
           output_tokens = (g.usage ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.usage is not null then (g.usage ->> 'cost_usd')::numeric
             when not cogo.is_model_lane(a.lane) then 0
             when p_outcome in ('completed', 'failed', 'rerouted') then 0
             when g.simulated then 0
           end,
           simulated = g.simulated
      from (
        select u.id, u.attempt, u.usage,
               case
                 when u.usage is not null then coalesce(u.usage -> 'simulated' = 'true', false)
                 else exists (
                   select from public.cogo_attempts h
                     join public.cogo_agents g on g.id = h.agent_id
                    where h.subtask_id = u.id and h.attempt = u.attempt
                      and cogo.is_model_lane(h.lane)
                      and g.details @> '{"simulated": true}'
                 )
               end as simulated
          from (
            select n.id, n.attempt, cogo.sanitize_usage(n.usage) as usage
              from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
          ) as u
      ) as g
     where a.subtask_id = g.id and a.attempt = g.attempt and a.ended_at is null
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.cost_usd, a.input_tokens,
              a.cached_tokens, a.output_tokens, a.reasoning_tokens, a.simulated, g.usage
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where cogo.is_model_lane(c.lane) and not c.simulated
       and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           coalesce(sum(c.input_tokens), 0) as input_tokens,
           coalesce(sum(c.cached_tokens), 0) as cached_tokens,
           coalesce(sum(c.output_tokens), 0) as output_tokens,
           coalesce(sum(c.reasoning_tokens), 0) as reasoning_tokens,
           bool_or(c.simulated) as simulated
      from closed c
     where c.usage is not null or c.cost_usd is null or c.simulated
     group by c.task_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input_tokens,
         cached_tokens = t.cached_tokens + s.cached_tokens,
         output_tokens = t.output_tokens + s.output_tokens,
         reasoning_tokens = t.reasoning_tokens + s.reasoning_tokens,
         simulated = t.simulated or s.simulated
    from spent s
   where t.id = s.task_id;
end;
$function$;

create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
begin
  with items as materialized (
    select i.ordinal, i.item,
           cogo.to_uuid(i.item ->> 'subtask_id') as id,
           cogo.to_integer(i.item ->> 'attempt') as attempt
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
  ), fenced as materialized (
    select i.*, s as subtask, cogo.check_fence(p_agent_id, a, s) as state,
           s.kind = 'flow' and jsonb_typeof(i.item -> 'plan') = 'object'
             and exists (select from cogo.flows f where f.task_id = s.task_id) as is_outdated
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), checked as materialized (
    select f.*,
           case when f.state = 'held' and f.is_outdated is not true then
             cogo.validate_completion(f.subtask, f.item)
           end as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
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
             when j.state = 'closing' then 'closing'
             when j.state <> 'held' or j.problem is not null then null
             when j.is_outdated then 'outdated'
             when (j.subtask).kind = 'flow' then case
               when jsonb_typeof(j.item -> 'suspend') = 'object' then 'suspend'
               when jsonb_typeof(j.item -> 'hand_over') = 'object' then 'hand_over'
               when jsonb_typeof(j.item -> 'plan') = 'object' then 'plan'
               else 'sink'
             end
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from checked j;

  if v_kinds && '{closing,route,outdated,suspend}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              when 'route' then cogo.route_subtask(s, k.item)
              when 'suspend' then cogo.suspend_flow(s, k.item)
              else cogo.fail_attempt(
                s, '{"class": "released", "message": "a plan for a task that has steps"}', 'snooze',
                null, k.item -> 'usage'
              )
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'route', 'outdated', 'suspend');
  end if;
  if v_kinds && '{plan,hand_over,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$function$;

create or replace function cogo.create_plan()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at, kind, sink)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.resting_status('pending', 0, false, new.run_at, v_now, 'flow'),
      least(9, greatest(0, new.priority)), new.run_at, 'flow', true
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.notify(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso_timestamp(new.created_at)
    ),
    cogo.current_actor()
  );
  return null;
end;
$function$;

create or replace function cogo.dead_letter_subtask(p_subtask_id uuid, p_error jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
begin
  update cogo.subtasks s
     set status = 'failed',
         dead_at = cogo.now(),
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id
  returning s.* into v_subtask;

  if v_subtask.on_failure = 'continue' then
    perform cogo.release_dependents(array[v_subtask.id]);
    perform cogo.record_ends(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$function$;

create or replace function cogo.deadline_error()
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
RETURN '{"class": "deadline", "message": "the deadline of the task has passed"}'::jsonb;

create or replace function cogo.end_unserved_steps(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_since timestamptz := cogo.now() - interval '10 minutes';
  v_step record;
  v_count integer := 0;
begin
  for v_step in
    select s.id, s.lane
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'queued' and s.kind in ('check', 'call') and s.created_at < v_since
       and not exists (
         select from public.cogo_agents g where g.heartbeat_at > v_since and s.lane = any (g.lanes)
       )
       -- It may have been queued again, as by a redrive.
       and not exists (
         select from cogo.events e
          where e.task_id = s.task_id and e.subtask_id = s.id and e.kind = 'subtask.queued'
            and e.at > v_since
       )
     order by s.created_at
     limit p_limit
       for no key update of t skip locked
  loop
    update cogo.subtask_payloads p
       set error = jsonb_build_object(
             'class', 'no_agent',
             'message', format('no agent has served the lane %s for ten minutes', v_step.lane),
             'hint', 'start an executor that serves it; `cogo agents` lists what the agents serve'
           )
     where p.subtask_id = v_step.id;
    perform cogo.dead_letter_subtask(v_step.id, p.error)
       from cogo.subtask_payloads p where p.subtask_id = v_step.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$function$;

create or replace function cogo.end_waiting_steps(p_subtask_ids uuid[], p_outputs jsonb[], p_errors jsonb[])
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  select array_agg(s.id order by e.nth), array_agg(e.output order by e.nth),
         array_agg(nullif(e.error, 'null') order by e.nth)
    into v_ids, v_outputs, v_errors
    from unnest(p_subtask_ids, p_outputs, p_errors) with ordinality as e (id, output, error, nth)
    join cogo.subtasks s on s.id = e.id
   where s.status in ('queued', 'delayed', 'waiting', 'held') and s.kind <> 'flow';
  if v_ids is null then
    return 0;
  end if;
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select e.id, s.attempt, coalesce(nullif(e.output, 'null'), '{}')
    from unnest(v_ids, v_outputs, v_errors) as e (id, output, error)
    join cogo.subtasks s on s.id = e.id
   where e.error is null;
  update cogo.subtask_payloads p
     set error = e.error
    from unnest(v_ids, v_errors) as e (id, error)
   where p.subtask_id = e.id and e.error is not null;
  update cogo.subtasks s
     set status = case when e.error is null then 'completed' else 'failed' end,
         dead_at = case when e.error is not null then cogo.now() end,
         finished_at = cogo.now()
    from unnest(v_ids, v_errors) as e (id, error)
   where s.id = e.id;
  perform cogo.record_ends(v_ids);
  return cardinality(v_ids);
end;
$function$;

create or replace function cogo.fail_attempt(p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_interval(p_after_seconds);  -- null: backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.dead_letter_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' and (cogo.is_model_lane(p_subtask.lane) or p_subtask.lane = 'cio') then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter, so that subtasks which failed together are not retried together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$function$;

create or replace function cogo.find_fatal_steps(p_task public.cogo_tasks)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select s.id
    from cogo.flows f
    join cogo.subtasks s on s.task_id = f.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where f.task_id = p_task.id and s.status = 'failed' and s.on_failure = 'continue'
     and (
       s.key = p_task.error ->> 'step'
       or p_task.error ? 'step' and s.key = any (f.awaits)
       -- A deadline that has passed is removed from the task.
       or p.error ->> 'class' = 'deadline'
     );
$function$;

create or replace function cogo.hand_over(p_subtask cogo.subtasks, p_hand_over jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- Most flows that hand over have never been suspended and have no steps.
  if exists (select from cogo.flows f where f.task_id = p_subtask.task_id) then
    update cogo.flows f
       set decisions = coalesce(nullif(p_hand_over -> 'decisions', 'null'), '{}') || f.decisions
     where f.task_id = p_subtask.task_id;
    perform cogo.cancel_steps(p_subtask.task_id, null, 'the workflow has handed over');
  end if;
  perform cogo.insert_steps(
    p_subtask.task_id, jsonb_build_array(p_hand_over -> 'step'),
    coalesce(nullif(p_hand_over -> 'selections', 'null'), '[]'), p_sink => true
  );
end;
$function$;

create or replace function cogo.insert_plan(p_task_id uuid, p_plan jsonb, p_parent_id uuid DEFAULT NULL::uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;

  with nodes as materialized (
    select n.*, gen_random_uuid() as id,
           (nullif(n.entry ->> 'run_at', ''))::timestamptz as run_at,
           coalesce((n.entry ->> 'needs_approval')::boolean, false) as needs_approval
      from cogo.parse_plan(p_plan) n
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, status, priority, deps_left, max_failures, sink,
      needs_approval, run_at, on_failure
    )
    select n.id, p_task_id, n.key, n.entry ->> 'type', n.entry ->> 'lane',
           cogo.resting_status(
             v_task.status, cardinality(n.dependencies), n.needs_approval, n.run_at, cogo.now(), 'ask'
           ),
           least(9, greatest(0, coalesce((n.entry ->> 'priority')::integer, v_task.priority))),
           cardinality(n.dependencies),
           coalesce((n.entry ->> 'max_failures')::integer, 5),
           n.sink and p_parent_id is null, n.needs_approval, n.run_at,
           coalesce(n.entry ->> 'on_failure', 'fail_task')
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata)
    select n.id, coalesce(nullif(n.entry -> 'params', 'null'), '{}'),
           coalesce(nullif(n.entry -> 'metadata', 'null'), '{}')
      from nodes n
  )
  insert into cogo.dependencies (task_id, parent_id, child_id)
  select p_task_id, parent.id, child.id
    from nodes child
    cross join unnest(child.dependencies) as d (key)
    join nodes parent on parent.key = d.key
   union all
  -- Dependents of the subtask that adds these also wait for the new sinks.
  select p_task_id, added.id, waiting.child_id
    from nodes added
    join cogo.dependencies waiting on waiting.parent_id = p_parent_id
   where added.sink;

  if p_parent_id is not null then
    update cogo.subtasks s
       set deps_left = s.deps_left + (select count(*) from cogo.parse_plan(p_plan) n where n.sink)
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_parent_id);
  end if;

  perform cogo.record_selection(e.selection, p_task_id, s.id)
     from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]'))
          with ordinality as e (selection, ordinal)
     join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
    order by e.ordinal;
end;
$function$;

create or replace function cogo.insert_steps(p_task_id uuid, p_steps jsonb, p_selections jsonb, p_error jsonb DEFAULT NULL::jsonb, p_sink boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_task public.cogo_tasks;
  v_failed uuid[];
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  with nodes as materialized (
    select e.ordinal, e.step, gen_random_uuid() as id,
           (nullif(e.step ->> 'run_at', ''))::timestamptz as run_at,
           coalesce(nullif(e.step -> 'error', 'null'), p_error) as error
      from jsonb_array_elements(p_steps) with ordinality as e (step, ordinal)
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, kind, status, priority, max_failures, sink, on_failure, run_at,
      needs_approval, dead_at, finished_at
    )
    select n.id, p_task_id, n.step ->> 'key', n.step ->> 'type', n.step ->> 'lane', n.step ->> 'kind',
           case
             when n.error is not null then 'failed'
             else cogo.resting_status(
               v_task.status, 0, false, n.run_at, cogo.now(), n.step ->> 'kind'
             )
           end,
           least(9, greatest(0, coalesce((n.step ->> 'priority')::integer, v_task.priority))),
           coalesce((n.step ->> 'max_failures')::integer, 5),
           p_sink, case when p_sink then 'fail_task' else 'continue' end, n.run_at,
           n.step ->> 'kind' = 'approve',
           case when n.error is not null then cogo.now() end,
           case when n.error is not null then cogo.now() end
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata, error)
    select n.id, coalesce(nullif(n.step -> 'params', 'null'), '{}'),
           coalesce(nullif(n.step -> 'metadata', 'null'), '{}'), n.error
      from nodes n
  )
  select array_agg(n.id order by n.ordinal) into v_failed from nodes n where n.error is not null;

  if jsonb_array_length(p_selections) > 0 then
    perform cogo.record_selection(e.selection, p_task_id, s.id)
       from jsonb_array_elements(p_selections) with ordinality as e (selection, ordinal)
       join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
      order by e.ordinal;
  end if;
  if v_failed is null then
    return;
  end if;
  perform cogo.record_ends(v_failed);
  if p_sink then
    perform cogo.fail_task(
      p_task_id,
      p.error || jsonb_build_object('subtask_id', s.id, 'subtask_key', s.key)
    )
       from cogo.subtasks s
       join cogo.subtask_payloads p on p.subtask_id = s.id
      where s.id = v_failed[1];
  end if;
end;
$function$;

create or replace function cogo.is_model_lane(p_lane text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN ((p_lane <> ALL (ARRAY['cio'::text, 'wait'::text])) AND (p_lane !~~ 'sandbox:%'::text) AND (p_lane !~~ 'tools:%'::text));

create or replace function cogo.load_flow(p_flow cogo.flows)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'first_claimed_at', p_flow.first_claimed_at,
           'deadline_passed', p_flow.deadline_passed_at is not null,
           'decisions', p_flow.decisions,
           'steps', coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'key', f.key, 'kind', f.kind, 'digest', f.digest, 'status', f.status,
                 'end_no', f.end_no, 'ended_at', f.finished_at, 'attempt', f.attempt,
                 'model_id', f.model_id, 'cost_usd', f.cost_usd, 'not_needed', f.not_needed
               ) || case
                 when f.status = 'failed' then jsonb_build_object('error', f.error)
                 when f.output is null then '{}'
                 when f.size <= 65536 then jsonb_build_object('output', f.output)
                 else '{"is_output_left_out": true}'
               end order by f.seq
             ), '[]'
           )
         )
    from (
      select m.*,
             case when m.stored <= 65536 then
               sum(case when m.stored <= 65536 then octet_length(m.output::text) end)
                 over (order by m.end_no desc nulls last)
             end as size
        from (
          select s.key, s.kind, s.status, s.end_no, s.finished_at, s.attempt, s.not_needed, s.seq,
                 p.metadata ->> 'digest' as digest, o.output,
                 case when cogo.is_model_lane(s.lane) then s.lane end as model_id,
                 (
                   select case when bool_and(a.cost_usd is not null) is not false then
                            coalesce(sum(a.cost_usd), 0)
                          end
                     from public.cogo_attempts a
                    where a.subtask_id = s.id and a.ended_at is not null
                 ) as cost_usd,
                 case when s.status = 'failed' then coalesce(
                   p.error,
                   (
                     select a.error from public.cogo_attempts a
                      where a.subtask_id = s.id and a.attempt = s.attempt
                   ),
                   '{"class": "failed", "message": "no attempt recorded an error"}'
                 ) end as error,
                 sum(pg_column_size(o.output)) over (order by s.end_no desc nulls last) as stored
            from cogo.subtasks s
            join cogo.subtask_payloads p on p.subtask_id = s.id
            left join cogo.subtask_outputs o on o.subtask_id = s.id
           where s.task_id = p_flow.task_id and s.kind <> 'flow'
        ) as m
    ) as f;
$function$;

drop function cogo.load_leases(uuid[]);

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
#variable_conflict use_column
begin
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model, 'preferences', t.preferences,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'grants',
           case when exists (select from cogo.grants g where g.owner = s.owner) then
             cogo.granted_models(t.owner)
           end
         ),
         coalesce(parents.outputs, '{}'), coalesce(parents.errors, '{}'),
         case when s.attempt = 1 then '[]' else (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'model_id', a.model_id, 'provider', a.provider,
                        'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id and a.ended_at is not null and a.outcome <> 'suspended'
         ) end,
         s.kind,
         case s.kind when 'flow' then coalesce(
           (select cogo.load_flow(f) from cogo.flows f where f.task_id = s.task_id),
           jsonb_build_object('first_claimed_at', s.started_at)
         ) end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
    cross join lateral (
      -- Subqueries, because few parents are dead; a join would be planned for all.
      select jsonb_object_agg(parent.key, o.output) filter (where o.output is not null) as outputs,
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
             ) filter (where parent.dead_at is not null) as errors
        from cogo.dependencies d
        join cogo.subtasks parent on parent.id = d.parent_id
        left join cogo.subtask_outputs o on o.subtask_id = d.parent_id
       where d.child_id = s.id
    ) as parents
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.notify_lanes(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_notified text[] := coalesce(nullif(current_setting('cogo.notified_lanes', true), '')::text[], '{}');
  v_count integer := coalesce(nullif(current_setting('cogo.notified_count', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as lane_total
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- The first of each lane come first, so that each lane is announced.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), chosen as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_count and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_notified)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.lane_total - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from chosen t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.build_envelope(
             'MCP_SUBTASK', cogo.truncate_payload(m.payload), cogo.current_actor(), m.topic
           )
      from (
        select n.nth, case s.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'type', s.type,
                 'params', jsonb_build_object(
                   'git_branch', null,
                   'target_file', null,
                   'model_id', s.lane,
                   'generation_prompt', t.prompt
                 ) || p.params,
                 'metadata', jsonb_build_object(
                   'estimated_duration', 30000,
                   'model_preferences', case
                     when p.params ? 'model_id' then jsonb_build_array(p.params ->> 'model_id')
                     when cogo.is_model_lane(s.lane) then jsonb_build_array(s.lane)
                     else '[]'
                   end
                 ) || p.metadata || jsonb_build_object(
                   'priority', case when s.priority <= 3 then 'high'
                                    when s.priority <= 6 then 'medium' else 'low' end,
                   'timestamp', cogo.iso_timestamp(cogo.now())
                 ) || case when n.more > 0 then jsonb_build_object('queued', n.more) else '{}' end
               ) as payload
          from unnest(v_ids, v_more) with ordinality as n (id, more, nth)
          join cogo.subtasks s on s.id = n.id
          join cogo.subtask_payloads p on p.subtask_id = s.id
          join public.cogo_tasks t on t.id = s.task_id
      ) as m
     order by m.nth
  );
  perform cogo.send_messages(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.notified_lanes', (v_notified || v_lanes)::text, true);
  perform set_config('cogo.notified_count', (v_count + cardinality(v_ids))::text, true);
end;
$function$;

create or replace function cogo.on_subtask_status()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_ids uuid[];
  v_from text[];
  v_agents text[];
  v_queued uuid[];
  v_ended uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(null::text), array_agg(n.agent_id)
      into v_ids, v_from, v_agents from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id), array_agg(o.status), array_agg(coalesce(n.agent_id, o.agent_id))
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is null then
    return null;
  end if;

  with numbered as (
    select s.*, c.from_status,
           coalesce(c.agent, nullif(cogo.current_actor(), 'cogo-database')) as actor,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, agent)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
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
    select c.task_id, coalesce(c.last_seq, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.actor,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso_timestamp(c.run_at) end,
             'kind', case when c.kind <> 'ask' then c.kind end,
             'awaits', case when c.kind = 'flow' and c.status = 'blocked' then c.deps_left end
           ))
      from changed c
  )
  -- A new flow was announced by TASK_CREATED.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.kind <> 'flow')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.kind <> 'flow')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.publish_subtask_results(v_ended);
  end if;
  return null;
end;
$function$;

create or replace function cogo.pass_deadline(p_task_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_running cogo.subtasks[];
begin
  -- Running steps that were asked to stop are over for the workflow.
  select array_agg(s.id order by s.seq),
         array_agg(s.attempt order by s.seq),
         array_agg(s order by s.seq) filter (where s.status = 'running')
    into v_ids, v_attempts, v_running
    from cogo.subtasks s
   where s.task_id = p_task_id and s.kind <> 'flow' and s.finished_at is null
     and s.cancel_requested_at is null;
  update cogo.flows f set deadline_passed_at = cogo.now() where f.task_id = p_task_id;
  if v_running is not null then
    perform cogo.close_attempts(v_ids, v_attempts, 'cancelled', p_error => cogo.deadline_error());
    perform cogo.announce_cancellation(r, 'the deadline of the task has passed')
       from unnest(v_running) as r;
  end if;
  update cogo.subtask_payloads p set error = cogo.deadline_error() where p.subtask_id = any (v_ids);
  update cogo.subtasks s
     set status = 'failed', dead_at = cogo.now(), finished_at = cogo.now(), lease_expires_at = null,
         agent_id = null, claim_request = null
   where s.id = any (v_ids);
  perform cogo.record_ends(v_ids);
  perform cogo.wake_flows(array[p_task_id]);
end;
$function$;

create or replace function cogo.promote_due(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  with due as materialized (
    select s.id
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'delayed' and s.run_at <= v_now and s.kind <> 'sleep'
     order by s.run_at
     limit p_limit
       for no key update of t skip locked
  )
  update cogo.subtasks s
     set status = 'queued', run_at = null
    from due d
   where s.id = d.id and s.status = 'delayed';
  get diagnostics v_count = row_count;
  return v_count;
end;
$function$;

create or replace function cogo.publish_subtask_results(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_task_ids uuid[];
  v_payloads jsonb[];
  v_sources text[];
begin
  select array_agg(r.task_id order by r.seq), array_agg(r.payload order by r.seq),
         array_agg(r.source order by r.seq)
    into v_task_ids, v_payloads, v_sources
    from (
      select s.seq, s.task_id, coalesce(a.agent_id, cogo.current_actor()) as source,
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
                 else coalesce(
                   (select p.error from cogo.subtask_payloads p where p.subtask_id = s.id),
                   a.error,
                   (
                     select p.metadata -> 'approval' -> 'error'
                       from cogo.subtask_payloads p where p.subtask_id = s.id
                   )
                 )
               end
             ) as payload
        from cogo.subtasks s
        -- A subtask whose approval was refused may have no attempt.
        left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
        left join cogo.subtask_outputs o on o.subtask_id = s.id
       where s.id = any (p_subtask_ids)
    ) as r;
  perform cogo.publish_results('SUBTASK_RESULT', v_task_ids, v_payloads, v_sources);
end;
$function$;

create or replace function cogo.record_drift(p_subtask cogo.subtasks, p_drift jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if jsonb_array_length(p_drift) = 0 then
    return;
  end if;
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select p_subtask.task_id,
         row_number() over (order by e.ordinal) + (
           select coalesce(max(v.seq), 0) from cogo.events v where v.task_id = p_subtask.task_id
         ),
         cogo.now(), 'workflow.drift', p_subtask.id, p_subtask.attempt, cogo.current_actor(), e.detail
    from (
      select cogo.truncate_json(d.value) as detail, min(d.ordinal) as ordinal
        from jsonb_array_elements(p_drift) with ordinality as d (value, ordinal)
       where d.ordinal <= 1000
       group by 1
    ) as e
   -- Each replay reports it again.
   where not exists (
     select from cogo.events v
      where v.task_id = p_subtask.task_id and v.kind = 'workflow.drift' and v.detail = e.detail
   );
end;
$function$;

create or replace function cogo.record_ends(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_tasks uuid[];
  v_counts integer[];
begin
  with ended as materialized (
    select s.id, s.task_id, s.awaited,
           row_number() over (partition by s.task_id order by e.nth) as nth
      from unnest(p_subtask_ids) with ordinality as e (id, nth)
      join cogo.subtasks s on s.id = e.id
     where s.status in ('completed', 'failed') and s.kind <> 'flow' and s.end_no is null
  ), counted as (
    update cogo.flows f
       set ends = f.ends + c.ends
      from (select e.task_id, count(*)::integer as ends from ended e group by e.task_id) as c
     where f.task_id = c.task_id
    returning f.task_id, f.ends - c.ends as before
  ), numbered as (
    update cogo.subtasks s
       set end_no = c.before + e.nth, awaited = false
      from ended e
      join counted c on c.task_id = e.task_id
     where s.id = e.id
    returning s.task_id, e.awaited
  ), marked as (
    select n.task_id, count(*)::integer as ends from numbered n where n.awaited group by n.task_id
  )
  select array_agg(m.task_id), array_agg(m.ends) into v_tasks, v_counts from marked m;
  if v_tasks is null then
    return;
  end if;
  with counted as (
    update cogo.subtasks s
       set deps_left = greatest(0, s.deps_left - c.ends)
      from unnest(v_tasks, v_counts) as c (task_id, ends)
     where s.task_id = c.task_id and s.key = 'plan' and s.kind = 'flow'
       and s.status in ('blocked', 'held')
    returning s.task_id, s.deps_left
  )
  select array_agg(c.task_id) into v_tasks from counted c where c.deps_left = 0;
  if v_tasks is not null then
    perform cogo.wake_flows(v_tasks);
  end if;
end;
$function$;

create or replace function cogo.release_dependents(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set deps_left = s.deps_left - w.ended,
         status = case s.status
           when 'blocked' then cogo.resting_status(
             t.status, s.deps_left - w.ended, s.needs_approval, s.run_at, cogo.now(), s.kind
           )
           else s.status
         end
    from public.cogo_tasks t,
         (
           select d.child_id, count(*)::integer as ended
             from cogo.dependencies d
            where d.parent_id = any (p_subtask_ids)
            group by d.child_id
         ) as w
   where s.id = w.child_id and t.id = s.task_id;
end;
$function$;

create or replace function cogo.requeue_subtask(p_subtask_id uuid, p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_lane text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set status = cogo.resting_status(
           t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now(), s.kind
         ),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$function$;

create or replace function cogo.restamp_subtasks(p_action text, p_lanes text[], p_scope text, p_reason text, p_who text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_owner uuid := cogo.to_uuid(substr(p_scope, length('owner:') + 1));
begin
  select array_agg(w.id) into v_ids
    from (
      select s.id, s.task_id
        from (
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status = 'queued'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'blocked'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'delayed'
           union all
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status in ('waiting', 'held')
        ) as s
        join public.cogo_tasks t on t.id = s.task_id
       where cogo.is_model_lane(s.lane)
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- A task that names its model keeps it, unless the model is banned.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || cogo.task_type(s.id)
           else true
         end
       order by t.seq
         for no key update of t
    ) as w;

  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids)
       and s.status in ('queued', 'blocked', 'delayed', 'waiting', 'held')
    returning s.*
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select m.task_id,
         row_number() over (partition by m.task_id order by m.seq) + coalesce(
           (
             select e.seq from cogo.events e where e.task_id = m.task_id
              order by e.seq desc limit 1
           ), 0
         ),
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0), p_who,
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.notify_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$function$;

create or replace function cogo.resting_status(p_task_status text, p_deps_left integer, p_needs_approval boolean, p_run_at timestamp with time zone, p_now timestamp with time zone, p_kind text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_task_status = 'held'::text) THEN 'held'::text WHEN (p_deps_left > 0) THEN 'blocked'::text WHEN (p_kind = 'sleep'::text) THEN 'delayed'::text WHEN (p_needs_approval OR (p_kind = ANY (ARRAY['approve'::text, 'event'::text, 'task'::text]))) THEN 'waiting'::text WHEN (p_run_at > p_now) THEN 'delayed'::text ELSE 'queued'::text END;

create or replace function cogo.revive_subtasks(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtask_payloads p
     set error = null
   where p.subtask_id = any (p_subtask_ids) and p.error is not null;
  update cogo.subtasks s
     set status = case
           when s.kind = 'sleep' then 'delayed'
           when s.kind in ('approve', 'event', 'task') then 'waiting'
           else 'queued'
         end,
         -- A question for which there was no model is put to the orchestrators again.
         lane = case when s.kind = 'ask' and s.lane = 'wait' then 'cio' else s.lane end,
         failures = 0, reaps = 0, needs_approval = s.kind = 'approve',
         run_at = case when s.kind = 'sleep' then s.run_at end,
         dead_at = null, finished_at = null, end_no = null
   where s.id = any (p_subtask_ids) and s.status = 'failed';
end;
$function$;

create or replace function cogo.stop_running(p_subtask_ids uuid[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
begin
  -- The holder learns it from this message or at its next extension; its lease is not shortened.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.id = any (p_subtask_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.announce_cancellation(v_subtask, p_reason);
  end loop;
end;
$function$;

create or replace function cogo.subtask_transitions()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN ARRAY['blocked>queued'::text, 'blocked>delayed'::text, 'blocked>waiting'::text, 'blocked>held'::text, 'blocked>cancelled'::text, 'queued>running'::text, 'queued>held'::text, 'queued>cancelled'::text, 'queued>failed'::text, 'queued>delayed'::text, 'delayed>queued'::text, 'delayed>held'::text, 'delayed>cancelled'::text, 'delayed>failed'::text, 'delayed>completed'::text, 'waiting>queued'::text, 'waiting>completed'::text, 'waiting>failed'::text, 'waiting>held'::text, 'waiting>cancelled'::text, 'held>blocked'::text, 'held>queued'::text, 'held>delayed'::text, 'held>waiting'::text, 'held>cancelled'::text, 'held>completed'::text, 'held>failed'::text, 'running>queued'::text, 'running>delayed'::text, 'running>waiting'::text, 'running>blocked'::text, 'running>completed'::text, 'running>failed'::text, 'running>cancelled'::text, 'running>held'::text, 'failed>queued'::text, 'failed>delayed'::text, 'failed>waiting'::text, 'cancelled>blocked'::text, 'cancelled>queued'::text];

create or replace function cogo.suspend_flow(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_suspend constant jsonb := p_item -> 'suspend';
  v_awaits constant text[] := array(select distinct jsonb_array_elements_text(v_suspend -> 'awaits'));
  v_flow cogo.flows;
  v_open integer;
  v_left integer;
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'suspended', array[p_item -> 'usage']
  );
  insert into cogo.flows as f (task_id, first_claimed_at, decisions, awaits)
  values (
    p_subtask.task_id, p_subtask.started_at,
    coalesce(nullif(v_suspend -> 'decisions', 'null'), '{}'), v_awaits
  )
  on conflict (task_id) do update
    -- What was recorded first wins.
    set decisions = excluded.decisions || f.decisions, awaits = excluded.awaits
  returning * into v_flow;
  perform cogo.record_drift(p_subtask, coalesce(nullif(v_suspend -> 'drift', 'null'), '[]'));
  if jsonb_array_length(coalesce(nullif(v_suspend -> 'cancel', 'null'), '[]')) > 0 then
    perform cogo.cancel_steps(
      p_subtask.task_id, array(select jsonb_array_elements_text(v_suspend -> 'cancel')),
      'the workflow does not need it any more'
    );
  end if;
  if jsonb_array_length(coalesce(nullif(v_suspend -> 'steps', 'null'), '[]')) > 0 then
    perform cogo.insert_steps(
      p_subtask.task_id, v_suspend -> 'steps',
      coalesce(nullif(v_suspend -> 'selections', 'null'), '[]'),
      case when v_flow.deadline_passed_at is not null then cogo.deadline_error() end
    );
  end if;

  -- What ended before this transaction is counted here, under the task lock.
  with marked as (
    update cogo.subtasks s
       set awaited = true
     where s.task_id = p_subtask.task_id and s.key = any (v_awaits) and s.finished_at is null
       and not s.not_needed
    returning s.id
  )
  select count(*) into v_open from marked;
  v_left := case
    when coalesce(v_suspend ->> 'wait', 'all') = 'all' then v_open
    when v_open = cardinality(v_awaits) then 1
    else 0
  end;
  update cogo.subtasks s
     set status = case t.status when 'held' then 'held' else 'blocked' end,
         deps_left = v_left, failures = 0, reaps = 0, run_at = null, lease_expires_at = null,
         agent_id = null, claim_request = null
    from public.cogo_tasks t
   where s.id = p_subtask.id and t.id = s.task_id;
  if v_left = 0 then
    perform cogo.wake_flows(array[p_subtask.task_id]);
  end if;
end;
$function$;

create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_unreadable text;
begin
  -- Dependents, watchers and lists must be able to read these.
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
             ('again', p_item -> 'again')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  elsif jsonb_typeof(p_item -> 'messages') not in ('array', 'null') then
    return 'messages must be a list';
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

create or replace function cogo.validate_flow_end(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_problem text;
  v_ends text[] := array(
    select e.name
      from unnest(array['plan', 'suspend', 'hand_over', 'again']) as e (name)
     where nullif(p_item -> e.name, 'null') is not null
  );
begin
  if cardinality(v_ends) > 1 then
    return 'a flow ends its attempt in one way, not with ' || array_to_string(v_ends, ' and ');
  elsif jsonb_typeof(coalesce(p_item -> 'route', 'null')) <> 'null'
     or jsonb_typeof(coalesce(p_item -> 'subtasks', 'null')) <> 'null' then
    return 'a flow must not be completed with a route or subtasks';
  elsif v_ends = '{}' then
    if jsonb_typeof(p_item -> 'output') is distinct from 'object' then
      return 'output must be an object';
    end if;
    return null;
  elsif jsonb_typeof(p_item -> v_ends[1]) <> 'object' then
    return v_ends[1] || ' must be an object';
  end if;
  v_problem := case v_ends[1]
    when 'suspend' then cogo.validate_suspension(p_subtask.task_id, p_item -> 'suspend')
    when 'hand_over' then cogo.validate_hand_over(p_subtask.task_id, p_item -> 'hand_over')
    when 'again' then 'a next run is not supported yet'
  end;
  if v_problem is not null then
    return v_problem;
  end if;
  v_problem := cogo.validate_stamps(p_subtask.task_id, p_item);
  if v_problem is not null then
    return 'TQ007: ' || v_problem;
  elsif v_ends[1] = 'plan' then
    return 'TQ006: ' || cogo.validate_plan(p_item -> 'plan');
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_hand_over(p_task_id uuid, p_hand_over jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_step constant jsonb := p_hand_over -> 'step';
  v_problem text;
begin
  if jsonb_typeof(v_step) is distinct from 'object' then
    return 'hand_over.step must be an object';
  elsif jsonb_typeof(coalesce(nullif(p_hand_over -> 'decisions', 'null'), '{}')) <> 'object' then
    return 'hand_over.decisions must be an object';
  end if;
  v_problem := cogo.validate_steps(
    jsonb_build_array(v_step), coalesce(nullif(p_hand_over -> 'selections', 'null'), '[]'),
    array(
      select s.key from cogo.subtasks s where s.task_id = p_task_id and s.key = v_step ->> 'key'
    )
  );
  if v_problem is not null then
    return v_problem;
  elsif v_step ->> 'kind' not in ('ask', 'check', 'call') then
    return format(
      'step %s of kind %s cannot be handed over: await it, and return its result',
      v_step ->> 'key', v_step ->> 'kind'
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_stamps(p_task_id uuid, p_item jsonb)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with body as (
    select case
             when jsonb_typeof(p_item -> 'hand_over') = 'object' then jsonb_build_object(
               'subtasks', jsonb_build_array(p_item -> 'hand_over' -> 'step'),
               'selections', p_item -> 'hand_over' -> 'selections'
             )
             when jsonb_typeof(p_item -> 'suspend') = 'object' then jsonb_build_object(
               'subtasks', p_item -> 'suspend' -> 'steps',
               'selections', p_item -> 'suspend' -> 'selections'
             )
             else coalesce(nullif(p_item -> 'plan', 'null'), p_item)
           end as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamps as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
     where jsonb_typeof(coalesce(e.step -> 'error', 'null')) = 'null'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.validate_grant(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamps s
   where t.id = p_task_id and cogo.is_model_lane(s.lane)
     and cogo.validate_grant(t.owner, s.lane, s.provider) is not null
   limit 1;
$function$;

create or replace function cogo.validate_step(p_step jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  -- One segment per branch, and the number of its repetition: a/draft#2.
  v_segment constant text := '[A-Za-z0-9_.:-]{1,100}(#[1-9][0-9]{0,3})?';
  v_key constant text := p_step ->> 'key';
  v_kind constant text := p_step ->> 'kind';
  v_lane constant text := p_step ->> 'lane';
  v_field text;
begin
  foreach v_field in array array['key', 'kind', 'type', 'lane'] loop
    if jsonb_typeof(p_step -> v_field) is distinct from 'string' or p_step ->> v_field = '' then
      return format('every step needs a text %s: %s', v_field, left(p_step::text, 200));
    end if;
  end loop;
  if length(v_key) > 500 or v_key = 'plan' or v_key !~ ('^' || v_segment || '(/' || v_segment || ')*$')
  then
    return format(
      'the key %s must be 1 to 100 of A-Z a-z 0-9 _ . : - (after / in a branch), and not plan',
      left(v_key, 200)
    );
  end if;
  if v_kind <> all ('{ask,check,call,approve,sleep,event,task}') then
    return format('step %s has the unknown kind %s', v_key, left(v_kind, 100));
  elsif not (
    case
      when nullif(p_step -> 'error', 'null') is not null then true
      when v_kind = 'ask' then v_lane = 'cio' or cogo.is_model_lane(v_lane)
      when v_kind = 'check' then v_lane like 'sandbox:_%'
      when v_kind = 'call' then v_lane like 'tools:_%'
      else v_lane = 'wait'
    end
  ) then
    return format('step %s of kind %s cannot be in lane %s', v_key, v_kind, left(v_lane, 200));
  end if;
  foreach v_field in array array['params', 'metadata'] loop
    if jsonb_typeof(coalesce(p_step -> v_field, '{}')) not in ('object', 'null') then
      return format('%s of step %s must be an object', v_field, v_key);
    end if;
  end loop;
  if jsonb_typeof(coalesce(p_step -> 'error', 'null')) <> 'null'
     and jsonb_typeof(p_step -> 'error' -> 'class') is distinct from 'string' then
    return format('error of step %s must be an object with class and message', v_key);
  elsif v_kind = 'sleep' and nullif(p_step ->> 'run_at', '') is null then
    return format('step %s of kind sleep needs run_at', v_key);
  elsif (v_kind = 'task') <> (jsonb_typeof(coalesce(p_step -> 'child', 'null')) = 'object') then
    return format('step %s: a step of kind task needs a child, and no other may have one', v_key);
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_steps(p_steps jsonb, p_selections jsonb, p_taken text[])
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  v_problem text;
  v_keys text[] := array(select e.value ->> 'key' from jsonb_array_elements(p_steps) e);
begin
  select cogo.validate_step(e.value) into v_problem
    from jsonb_array_elements(p_steps) e where cogo.validate_step(e.value) is not null
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  select k.key into v_problem
    from unnest(v_keys || p_taken) as k (key) group by k.key having count(*) > 1 limit 1;
  if v_problem is not null then
    return format('the key %s is taken', v_problem);
  end if;
  if jsonb_typeof(p_selections) <> 'array' then
    return 'selections must be a list';
  end if;
  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_problem
    from jsonb_array_elements(p_selections) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_problem is not null then
    return 'a selection is for a key that is not among the new steps: ' || left(v_problem, 200);
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_suspension(p_task_id uuid, p_suspend jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_max_steps constant integer := 1000;
  v_max_open constant integer := 100;
  v_steps constant jsonb := coalesce(nullif(p_suspend -> 'steps', 'null'), '[]');
  v_taken text[];
  v_open text[];
  v_new text[];
  v_cancel text[];
  v_field text;
  v_problem text;
begin
  foreach v_field in array array['steps', 'awaits', 'cancel', 'drift'] loop
    if jsonb_typeof(coalesce(nullif(p_suspend -> v_field, 'null'), '[]')) <> 'array' then
      return format('suspend.%s must be a list', v_field);
    end if;
  end loop;
  if jsonb_typeof(coalesce(nullif(p_suspend -> 'decisions', 'null'), '{}')) <> 'object' then
    return 'suspend.decisions must be an object';
  elsif octet_length((p_suspend -> 'decisions')::text) > 1048576 then
    return 'suspend.decisions has more than 1 MiB';
  elsif coalesce(p_suspend ->> 'wait', 'all') not in ('all', 'any') then
    return 'suspend.wait must be all or any';
  elsif jsonb_array_length(coalesce(nullif(p_suspend -> 'awaits', 'null'), '[]')) = 0 then
    return 'a suspension must await at least one step';
  elsif p_suspend @? '$.drift[*] ? (@.type() != "object")' then
    return 'suspend.drift must be a list of objects';
  end if;

  select coalesce(array_agg(s.key), '{}'),
         coalesce(array_agg(s.key) filter (where s.finished_at is null), '{}')
    into v_taken, v_open
    from cogo.subtasks s where s.task_id = p_task_id and s.kind <> 'flow';
  if cardinality(v_taken) + jsonb_array_length(v_steps) > v_max_steps then
    return format(
      'a task may have %s steps: it has %s and asks for %s more; run.again() begins a new record',
      v_max_steps, cardinality(v_taken), jsonb_array_length(v_steps)
    );
  end if;
  v_problem := cogo.validate_steps(
    v_steps, coalesce(nullif(p_suspend -> 'selections', 'null'), '[]'), v_taken
  );
  if v_problem is not null then
    return v_problem;
  end if;

  v_new := array(select e.value ->> 'key' from jsonb_array_elements(v_steps) e);
  v_cancel := array(
    select jsonb_array_elements_text(coalesce(nullif(p_suspend -> 'cancel', 'null'), '[]'))
  );
  select coalesce(w.key, 'null') into v_problem
    from jsonb_array_elements_text(p_suspend -> 'awaits') as w (key)
   where coalesce(w.key <> all (v_taken || v_new), true)
   limit 1;
  if v_problem is not null then
    return format('the awaited step %s does not exist', left(v_problem, 200));
  end if;
  select coalesce(c.key, 'null') into v_problem
    from unnest(v_cancel) as c (key)
   where coalesce(c.key <> all (v_taken), true) or p_suspend -> 'awaits' ? c.key
   limit 1;
  if v_problem is not null then
    return format('the cancelled step %s does not exist or is awaited', left(v_problem, 200));
  end if;
  v_open := array(select k.key from unnest(v_open) as k (key) where k.key <> all (v_cancel));
  if cardinality(v_open) + (
    select count(*) from jsonb_array_elements(v_steps) e
     where jsonb_typeof(coalesce(e.value -> 'error', 'null')) = 'null'
  ) > v_max_open then
    return format(
      'a task may have %s open steps at once: it has %s and asks for %s more; await some first',
      v_max_open, cardinality(v_open), jsonb_array_length(v_steps)
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.wake_flows(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set awaited = false
   where s.task_id = any (p_task_ids) and s.awaited;
  update cogo.subtasks s
     set deps_left = 0,
         status = case s.status
           when 'blocked' then cogo.resting_status(t.status, 0, false, null, cogo.now(), s.kind)
           else s.status
         end
    from public.cogo_tasks t
   where s.task_id = any (p_task_ids) and s.key = 'plan' and s.kind = 'flow'
     and s.status in ('blocked', 'held') and t.id = s.task_id;
end;
$function$;

create or replace function public.cogo_approve_subtask(p_subtask_id uuid, p_approved boolean DEFAULT true, p_comment text DEFAULT NULL::text)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_comment, 'the step was refused')
  );
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.status = 'waiting' and v_subtask.kind = 'ask' then
    update cogo.subtask_payloads p
       set metadata = p.metadata || jsonb_build_object(
             'approval', jsonb_build_object(
               'approved', p_approved, 'comment', p_comment, 'by', auth.uid(),
               'at', cogo.iso_timestamp(cogo.now())
             ) || case when p_approved then '{}' else jsonb_build_object('error', v_error) end
           )
     where p.subtask_id = p_subtask_id;
    if p_approved then
      update cogo.subtasks s
         set status = 'queued', needs_approval = false, run_at = null
       where s.id = p_subtask_id;
    else
      perform cogo.dead_letter_subtask(p_subtask_id, v_error);
    end if;
  elsif not exists (
    -- The first answer counts and may be repeated.
    select from cogo.subtask_payloads p
     where p.subtask_id = p_subtask_id
       and (p.metadata -> 'approval' ->> 'approved')::boolean = p_approved
  ) then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s is %s: it waits for no approval', p_subtask_id, v_subtask.status);
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

drop function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid);

create or replace function public.cogo_claim_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid)
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
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
  v_ids uuid[];
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

  -- In most cases there is none of these, which one query of three indexes shows.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s
            where s.status = 'delayed' and s.run_at <= cogo.now() and s.kind <> 'sleep'
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         )
    into v_limited, v_owners, v_due, v_expired;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  select array_agg(o.lane), array_agg(o.room) into v_lanes, v_rooms from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_ids is null then
    return;
  end if;

  -- Read the clock after the rows are locked, so that it is not before the end of an attempt which
  -- another agent closes now.
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
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;

  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (p_lanes) then
    update public.cogo_tasks t
       set status = 'running', started_at = coalesce(t.started_at, cogo.now())
     where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
       and t.status = 'pending';
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.load_leases(v_ids);
end;
$function$;

create or replace function public.cogo_feedback(p_task_id uuid, p_score numeric, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_ratings
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_weight constant double precision := 3;
  v_model_id text;
  v_task_type text;
  v_old public.cogo_ratings;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select a.model_id, cogo.task_type(s.id) into v_model_id, v_task_type
    from cogo.subtasks s
    join public.cogo_attempts a on a.subtask_id = s.id and a.outcome = 'completed'
    join cogo.subtask_payloads p on p.subtask_id = s.id
   -- A workflow that ends by itself has the answer of a step.
   where s.task_id = p_task_id and a.model_id is not null
     and (s.sink or p.metadata -> 'answer' = 'true' and s.status = 'completed')
   order by s.sink desc, s.end_no desc, a.attempt desc
   limit 1;
  if v_model_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  select r.* into v_old
    from public.cogo_ratings r where r.task_id = p_task_id and r.person = v_person;
  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (p_task_id, v_person, p_score, p_comment, v_model_id, v_task_type)
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  if v_task.simulated then
    return v_new;
  end if;
  -- A rating is rarer and more reliable than an outcome: it counts as three.
  insert into cogo.model_outcomes as m (model_id, task_type, judged, good)
  values (v_model_id, v_task_type, v_weight, v_weight * p_score)
  on conflict (model_id, task_type, after) do update
    set judged = m.judged
          + case when v_old.model_id is distinct from v_model_id then v_weight else 0 end,
        good = greatest(0, m.good + v_weight * (
          p_score - case when v_old.model_id = v_model_id then v_old.score else 0 end
        ));
  return v_new;
end;
$function$;

create or replace function public.cogo_queue()
 RETURNS TABLE(lane text, owner uuid, queued bigint, blocked bigint, delayed bigint, waiting bigint, held bigint, running bigint, dead bigint, oldest_at timestamp with time zone, oldest_ms bigint, completed_per_minute numeric, failed_per_minute numeric, lane_paused boolean, lane_max_running integer, lane_per_minute integer, owner_paused boolean, owner_max_running integer, owner_per_minute integer)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with open as (
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'queued'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'blocked'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'running'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'delayed'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status in ('waiting', 'held')
     union all
    select s.lane, s.owner, 'dead', null
      from cogo.subtasks s where s.dead_at is not null
  ), counts as (
    select o.lane, o.owner,
           count(*) filter (where o.status = 'queued') as queued,
           count(*) filter (where o.status = 'blocked') as blocked,
           count(*) filter (where o.status = 'delayed') as delayed,
           count(*) filter (where o.status = 'waiting') as waiting,
           count(*) filter (where o.status = 'held') as held,
           count(*) filter (where o.status = 'running') as running,
           count(*) filter (where o.status = 'dead') as dead,
           min(o.created_at) filter (where o.status = 'queued') as oldest_at
      from open o
     group by o.lane, o.owner
  ), rates as (
    select a.lane, s.owner,
           round(count(*) filter (where a.outcome in ('completed', 'suspended')) / 5.0, 1) as completed,
           round(count(*) filter (where a.outcome in ('failed', 'reaped')) / 5.0, 1) as failed
      from public.cogo_attempts a
      join cogo.subtasks s on s.id = a.subtask_id
     where a.ended_at > (select cogo.now()) - interval '5 minutes'
     group by a.lane, s.owner
  )
  select lane, nullif(owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(q.queued, 0), coalesce(q.blocked, 0), coalesce(q.delayed, 0),
         coalesce(q.waiting, 0), coalesce(q.held, 0), coalesce(q.running, 0), coalesce(q.dead, 0),
         q.oldest_at, cogo.elapsed_ms(q.oldest_at, cogo.now()),
         coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from counts q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
$function$;

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO ''
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
  perform cogo.end_unserved_steps(p_limit);
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
    -- A workflow with steps has 30 seconds to return what it has.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
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

create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id) a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null
        and exists (select from cogo.flows f where f.task_id = v_subtask.task_id) then
    if v_task.status <> 'failed' then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'the workflow of task %s has recorded the failure of step %s: redrive it if the task fails',
          v_subtask.task_id, v_subtask.key
        );
    end if;
    perform public.cogo_redrive_task(v_subtask.task_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'subtask %s is a dead letter and its task has continued without it', p_subtask_id
        );
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    if v_task.status = 'held' then
      update cogo.subtasks s set status = 'held' where s.id = p_subtask_id;
    end if;
  elsif v_subtask.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format(
        'subtask %s is %s: only a dead letter can be redriven', p_subtask_id, v_subtask.status
      );
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

create or replace function public.cogo_redrive_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  end if;

  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Subtasks that were asked to stop and still run lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    if v_subtask.not_needed then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
    else
      perform cogo.take_back_lease(v_subtask, 'cancelled', null, false);
    end if;
  end loop;

  -- Redriving a refused subtask approves it. Dead letters with on_failure continue stay, except those
  -- whose failure ended the workflow.
  perform cogo.revive_subtasks(
    array(
      select s.id from cogo.subtasks s
       where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task'
      union all
      select f.id from cogo.find_fatal_steps(v_task) as f (id)
    )
  );
  -- The flow is replayed, which finds out again what it waits for.
  update cogo.subtasks s
     set awaited = false, deps_left = case s.kind when 'flow' then 0 else s.deps_left end
   where s.task_id = p_task_id and (s.awaited or s.kind = 'flow');
  update cogo.flows f set deadline_passed_at = null where f.task_id = p_task_id;
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null
             and s.kind not in ('approve', 'event', 'task') then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled' and not s.not_needed;
  update cogo.subtasks s
     set status = cogo.resting_status('running', 0, s.needs_approval, s.run_at, v_now, s.kind)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_resume_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = cogo.resting_status(
           'running', s.deps_left, s.needs_approval, s.run_at, cogo.now(), s.kind
         )
   where s.task_id = p_task_id and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_step_outputs(p_task_id uuid, p_keys text[])
 RETURNS TABLE(key text, output jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select s.key, o.output
    from cogo.subtasks s
    join cogo.subtask_outputs o on o.subtask_id = s.id
   where s.task_id = p_task_id and s.key = any (p_keys) and s.status = 'completed'
   order by s.seq;
$function$;

drop function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone);

create or replace view public.cogo_dead_letters with (security_invoker=true) as
 SELECT id AS subtask_id,
    task_id,
    key,
    type,
    lane,
    on_failure,
    failures,
    reaps,
    dead_at,
    ( SELECT COALESCE(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane, 'model_id', a.model_id, 'claimed_at', a.claimed_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error) ORDER BY a.attempt), '[]'::jsonb) AS "coalesce"
           FROM public.cogo_attempts a
          WHERE (a.subtask_id = s.id)) AS attempts,
    kind,
    ( SELECT p.error
           FROM cogo.subtask_payloads p
          WHERE (p.subtask_id = s.id)) AS error
   FROM cogo.subtasks s
  WHERE (dead_at IS NOT NULL);

create or replace view public.cogo_subtasks with (security_invoker=true) as
 SELECT s.id,
    s.seq,
    s.task_id,
    s.key,
    s.type,
    s.lane,
    s.status,
    s.priority,
    s.deps_left,
    s.attempt,
    s.failures,
    s.max_failures,
    s.reaps,
    s.max_reaps,
    s.sink,
    s.needs_approval,
    s.run_at,
    s.lease_expires_at,
    s.agent_id,
    s.cancel_requested_at,
    s.dead_at,
    s.created_at,
    s.started_at,
    s.finished_at,
    COALESCE(p.params, '{}'::jsonb) AS params,
    COALESCE(p.metadata, '{}'::jsonb) AS metadata,
    o.output,
    COALESCE(p.error, a.error) AS error,
        CASE
            WHEN (c.subtask_id IS NOT NULL) THEN jsonb_build_object('attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning)
            ELSE NULL::jsonb
        END AS checkpoint,
    ARRAY( SELECT d.parent_id
           FROM cogo.dependencies d
          WHERE (d.child_id = s.id)
          ORDER BY d.parent_id) AS dependencies,
    s.on_failure,
    s.kind,
    s.end_no,
    s.not_needed,
        CASE s.kind
            WHEN 'flow'::text THEN COALESCE(( SELECT f.decisions
               FROM cogo.flows f
              WHERE (f.task_id = s.task_id)), (o.output -> 'decisions'::text))
            ELSE NULL::jsonb
        END AS decisions
   FROM ((((cogo.subtasks s
     LEFT JOIN cogo.subtask_payloads p ON ((p.subtask_id = s.id)))
     LEFT JOIN cogo.subtask_outputs o ON ((o.subtask_id = s.id)))
     LEFT JOIN cogo.checkpoints c ON ((c.subtask_id = s.id)))
     LEFT JOIN public.cogo_attempts a ON (((a.subtask_id = s.id) AND (a.attempt = s.attempt))));

create policy "owners read their flows" on cogo.flows as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE ((t.id = flows.task_id) AND (t.owner = ( SELECT auth.uid() AS uid))))));

comment on table cogo.flows is
  'What is recorded of a workflow that waits for steps, beside the steps themselves.';

comment on column cogo.events.kind is
  'task.<status> or subtask.<status>: the new status; workflow.drift: a step is now asked otherwise.';

comment on column cogo.flows.awaits is
  'The keys of the steps that the last suspension waits for.';

comment on column cogo.flows.deadline_passed_at is
  'When the deadline of the task ended its open steps; the task fails 30 seconds later.';

comment on column cogo.flows.decisions is
  'What the workflow took from the world, by key, such as a choice of models. The first one stays.';

comment on column cogo.flows.ends is
  'How many of its steps have completed or failed: the last end_no, counted under the task lock.';

comment on column cogo.subtask_payloads.error is
  'Why it failed, if no attempt at it failed; otherwise the attempt has the error.';

comment on column cogo.subtasks.awaited is
  'Whether the suspended flow of its task waits for it: its end counts off the deps_left of the flow.';

comment on column cogo.subtasks.end_no is
  'Its place among the ends of the steps of its task''s flow; null: it has not completed or failed.';

comment on column cogo.subtasks.kind is
  'flow: it runs the workflow of its task; others: the kind of the step.';

comment on column cogo.subtasks.lane is
  'Who may claim it: cio, a canonical model id, sandbox:<language>, tools:<module>; wait: nobody.';

comment on column cogo.subtasks.not_needed is
  'Whether its workflow cancelled it. A redrive of the task leaves it.';

comment on function cogo.accept_outputs(uuid[],integer[],jsonb[],text[]) is
  'Complete attempts and apply each by its kind: plan, hand_over, step or sink. Others are skipped.';

comment on function cogo.announce_cancellation(cogo.subtasks,text) is
  'Send SUBTASK_CANCELLED to the holder of a running subtask.';

comment on function cogo.cancel_steps(uuid,text[],text) is
  'Cancel open steps of a task, those with these keys or (null) all, as not needed; ask running ones to
stop, whose cost still counts. What has ended stays as it is.';

comment on function cogo.create_plan() is
  'Create the flow of a new task, which is its sink until it hands over; notify the orchestrators.';

comment on function cogo.deadline_error() is
  'Return the error of what a deadline has ended.';

comment on function cogo.end_unserved_steps(integer) is
  'End queued checks and calls whose lane no agent has served for ten minutes, as no_agent; return how
many. Skips locked tasks.';

comment on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) is
  'End steps that nobody has leased, each with an output or an error, number them in the given order, and
wake their flows; return how many. Others, such as ended ones, are left out. The caller holds the task
locks.';

comment on function cogo.find_fatal_steps(public.cogo_tasks) is
  'Return the dead steps whose failure ended the workflow of a failed task: the one that its error names,
and the others that it waited for then; and those that its deadline ended.';

comment on function cogo.hand_over(cogo.subtasks,jsonb) is
  'Insert the step with whose output the task ends, and cancel what is open. The flow is complete.';

comment on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) is
  'Insert and announce the valid steps that a workflow asks for, and record their selections; with
p_error, or an error of their own, they have failed. p_sink: the one step to which the flow hands over.';

comment on function cogo.is_model_lane(text) is
  'Return whether the subtasks of a lane are calls of a model, which is then its name.';

comment on function cogo.load_flow(cogo.flows) is
  'Return the record of a flow for its lease: every step and its end, and 64 KiB of outputs, the newest
first.';

comment on function cogo.load_leases(uuid[]) is
  'Return all that the holders of leases need for the work.';

comment on function cogo.pass_deadline(uuid) is
  'End the open steps of a task whose deadline has passed, running ones too, and wake its flow, so that
it can return what it has. The caller holds the task lock.';

comment on function cogo.record_drift(cogo.subtasks,jsonb) is
  'Record steps whose request differs from what the workflow now asks, as events workflow.drift.';

comment on function cogo.record_ends(uuid[]) is
  'Number the ends of steps in the given order, count awaited ones off the flows of their tasks, and wake
those that wait for none any more. Subtasks of tasks without a suspended flow are left out. The caller
holds the task locks.';

comment on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) is
  'Return the status of an open subtask that is not running.';

comment on function cogo.revive_subtasks(uuid[]) is
  'Queue dead letters again, with fresh limits. Steps lose their end_no.';

comment on function cogo.stop_running(uuid[],text) is
  'Ask the holders of running subtasks to stop.';

comment on function cogo.suspend_flow(cogo.subtasks,jsonb) is
  'End an attempt at a flow that waits for steps. The caller holds the task lock and has validated
p_item.';

comment on function cogo.validate_flow_end(cogo.subtasks,jsonb) is
  'Return what is wrong with the end of an attempt at a flow, as a sentence; null if it is valid.';

comment on function cogo.validate_hand_over(uuid,jsonb) is
  'Return what is wrong with a hand-over, as a sentence; null if it is valid.';

comment on function cogo.validate_stamps(uuid,jsonb) is
  'Return why the models of a plan, a suspension, a hand-over, a route or added subtasks are not granted;
null if they are. A step that has failed needs no grant.';

comment on function cogo.validate_step(jsonb) is
  'Return what is wrong with a step that a workflow asks for, as a sentence; null if it is valid.';

comment on function cogo.validate_steps(jsonb,jsonb,text[]) is
  'Return what is wrong with new steps and their selections; null if they are valid. p_taken: the keys
that the task has.';

comment on function cogo.validate_suspension(uuid,jsonb) is
  'Return what is wrong with a suspension, as a sentence; null if it is valid.';

comment on function cogo.wake_flows(uuid[]) is
  'Queue the suspended flows of tasks; one that is held is queued when its task is resumed. The caller
holds the task locks.';

comment on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid) is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits. The same p_request_id again returns the leases that still run.';

comment on function public.cogo_reap(integer) is
  'Do the housekeeping: expired leases, due subtasks, deadlines, unserved lanes, expired answers. Every
agent calls this every few seconds.';

comment on function public.cogo_step_outputs(uuid,text[]) is
  'Return outputs of completed steps that the lease of their flow left out.';

revoke all on table cogo.flows from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.flows to service_role;

grant select on table cogo.flows to authenticated;

revoke all on function cogo.announce_cancellation(cogo.subtasks,text) from public, anon, authenticated, service_role;

grant execute on function cogo.announce_cancellation(cogo.subtasks,text) to service_role;

revoke all on function cogo.cancel_steps(uuid,text[],text) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_steps(uuid,text[],text) to service_role;

revoke all on function cogo.deadline_error() from public, anon, authenticated, service_role;

grant execute on function cogo.deadline_error() to service_role;

revoke all on function cogo.end_unserved_steps(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.end_unserved_steps(integer) to service_role;

revoke all on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) to service_role;

revoke all on function cogo.find_fatal_steps(public.cogo_tasks) from public, anon, authenticated, service_role;

grant execute on function cogo.find_fatal_steps(public.cogo_tasks) to service_role;

revoke all on function cogo.hand_over(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.hand_over(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) from public, anon, authenticated, service_role;

grant execute on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) to service_role;

revoke all on function cogo.is_model_lane(text) from public, anon, authenticated, service_role;

grant execute on function cogo.is_model_lane(text) to service_role;

revoke all on function cogo.load_flow(cogo.flows) from public, anon, authenticated, service_role;

grant execute on function cogo.load_flow(cogo.flows) to service_role;

revoke all on function cogo.load_leases(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.load_leases(uuid[]) to service_role;

revoke all on function cogo.pass_deadline(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.pass_deadline(uuid) to service_role;

revoke all on function cogo.record_drift(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.record_drift(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.record_ends(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_ends(uuid[]) to service_role;

revoke all on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) from public, anon, authenticated, service_role;

grant execute on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) to service_role;

revoke all on function cogo.revive_subtasks(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.revive_subtasks(uuid[]) to service_role;

revoke all on function cogo.stop_running(uuid[],text) from public, anon, authenticated, service_role;

grant execute on function cogo.stop_running(uuid[],text) to service_role;

revoke all on function cogo.suspend_flow(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.suspend_flow(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.validate_flow_end(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_flow_end(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.validate_hand_over(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_hand_over(uuid,jsonb) to service_role;

revoke all on function cogo.validate_step(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_step(jsonb) to service_role;

revoke all on function cogo.validate_steps(jsonb,jsonb,text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_steps(jsonb,jsonb,text[]) to service_role;

revoke all on function cogo.validate_suspension(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_suspension(uuid,jsonb) to service_role;

revoke all on function cogo.wake_flows(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.wake_flows(uuid[]) to service_role;

revoke all on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid) from public, anon, authenticated, service_role;

grant execute on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid) to service_role;

revoke all on function public.cogo_step_outputs(uuid,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_step_outputs(uuid,text[]) to service_role;

insert into cogo.schema_versions (version) values ('20261128233254')
on conflict (version) do nothing;

-- Plans that are open, or may be redriven, become flows.
update cogo.subtasks s
   set kind = 'flow', sink = true
 where s.type = 'PLAN' and s.key = 'plan' and s.status not in ('completed', 'cancelled');
