-- Release and record at once.

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
  v_is_last boolean;
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
  perform cogo.record_changes(
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

create or replace function cogo.dead_letter_subtask(p_subtask_id uuid, p_error jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_subtask cogo.subtasks;
  v_released uuid[];
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
    v_released := cogo.release_dependents(array[v_subtask.id]);
    perform cogo.record_changes(
      v_released, array_fill('blocked'::text, array[cardinality(v_released)]), null
    );
    perform cogo.record_ends(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$function$;

create or replace function cogo.note_extraction()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.status = 'completed' and old.status <> 'completed' and new.follow_up is null
     and new.params -> 'remember' = 'true' then
    insert into cogo.extractions (task_id) values (new.id) on conflict do nothing;
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
    select array_agg(n.id order by n.seq), array_agg(n.agent_id order by n.seq) into v_ids, v_agents
      from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id order by n.seq), array_agg(o.status order by n.seq),
           array_agg(coalesce(n.agent_id, o.agent_id) order by n.seq)
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

create or replace function cogo.record_ends(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_tasks uuid[];
  v_counts integer[];
begin
  -- The steps of a plan have no flow that waits for them.
  if not exists (
    select from cogo.subtasks s
      join cogo.flows f on f.task_id = s.task_id
     where s.id = any (p_subtask_ids)
  ) then
    return;
  end if;
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

drop function cogo.release_dependents(uuid[]);

create or replace function cogo.release_dependents(p_subtask_ids uuid[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_released uuid[];
begin
  -- Recorded by the caller.
  perform set_config('cogo.is_recorded', 'on', true);
  with counted as (
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
     where s.id = w.child_id and t.id = s.task_id
    returning s.id, s.status, s.seq
  )
  select array_agg(c.id order by c.seq) into v_released
    from counted c where c.status in ('queued', 'delayed', 'waiting');
  perform set_config('cogo.is_recorded', '', true);
  return coalesce(v_released, '{}');
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
  v_value jsonb;
  v_number numeric;
begin
  if jsonb_typeof(p_usage) is distinct from 'object' then
    return null;
  end if;
  foreach v_key in array '{
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, first_token_ms,
    duration_ms, cost_usd, max_usd
  }'::text[] loop
    v_value := p_usage -> v_key;
    continue when v_value is null or v_value = 'null';
    v_number := case
      when jsonb_typeof(v_value) = 'number' and pg_column_size(v_value) <= 64 then v_value::numeric
      -- At most two digits of exponent, which bounds the length of the number.
      when v_value #>> '{}' ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$'
        then (v_value #>> '{}')::numeric
    end;
    if v_key like '%usd' then
      v_number := case when v_number between 0 and 1e6 then v_number end;
    else
      v_number := case
        when v_number between 0 and 1e12 and (v_key like '%ms' or v_number = trunc(v_number))
          then round(v_number)
      end;
    end if;
    if v_number is null or v_number::text <> v_value::text then
      p_usage := jsonb_set(p_usage, array[v_key], coalesce(to_jsonb(v_number), 'null'));
    end if;
  end loop;
  return p_usage;
end;
$function$;

create or replace function cogo.to_integer(p_text text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN ((p_text <> ''::text) AND (length(p_text) <= 9) AND (translate(p_text, '0123456789'::text, ''::text) = ''::text)) THEN (p_text)::integer ELSE NULL::integer END;

create or replace function cogo.to_uuid(p_text text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN ((p_text ~~ '________-____-____-____-____________'::text) AND (translate(p_text, '0123456789abcdefABCDEF'::text, ''::text) = '----'::text)) THEN (p_text)::uuid ELSE NULL::uuid END;

create or replace function cogo.wake_parent()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.finished_at is null or old.finished_at is not null
     and new.cost_usd is not distinct from old.cost_usd
     -- Tokens may be known although the cost is not.
     and new.input_tokens = old.input_tokens and new.cached_tokens = old.cached_tokens
     and new.output_tokens = old.output_tokens and new.reasoning_tokens = old.reasoning_tokens then
    return null;
  end if;
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id,
         case when old.finished_at is null then 'ended' else 'cost' end
    from cogo.child_tasks k
   where k.child_id = old.id;
  if found and old.finished_at is null then
    perform cogo.notify(
      'cogo-tasks', 'CHILD_ENDED',
      jsonb_build_object(
        'task_id', old.parent_task_id, 'child_task_id', old.id,
        'status', new.status,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end if;
  return null;
end;
$function$;

create or replace trigger note_extraction AFTER UPDATE OF status ON public.cogo_tasks FOR EACH ROW WHEN ((new.params ? 'remember'::text)) EXECUTE FUNCTION cogo.note_extraction();

create or replace trigger wake_parent AFTER UPDATE ON public.cogo_tasks FOR EACH ROW WHEN ((new.parent_task_id IS NOT NULL)) EXECUTE FUNCTION cogo.wake_parent();

comment on function cogo.record_changes(uuid[],text[],text[],uuid[],text[]) is
  'Record and announce, in the same transaction, that subtasks and tasks have the status that they have
now, each with the status before and the agent that held it. The events of a task are numbered in the
given order. The caller holds the task locks.';

comment on function cogo.release_dependents(uuid[]) is
  'Count ended subtasks off their dependents, and queue those that wait for none any more. Returns these,
which the caller records: they were blocked.';

revoke all on function cogo.release_dependents(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.release_dependents(uuid[]) to service_role;

insert into cogo.schema_versions (version) values ('20261130093312')
on conflict (version) do nothing;
