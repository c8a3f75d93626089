-- Writes only for attempts that are held. The caller holds the task locks, and no subtask is there
-- twice. All items take each step together, because a statement costs more than a row. Sinks, which
-- end their tasks, come last.
--
-- Agents of 0.1.0 plan a task once. One that plans a task which has steps does not know them, and gives
-- the flow back.
create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.complete_subtasks is
  'Record completions; answer for each, in order: ok, duplicate, stale, closed, unknown or invalid.';

-- One subtransaction for all; if one of them is wrong, one for each, so that it does not affect the
-- others.
create or replace function cogo.complete_isolated(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_alone boolean := jsonb_array_length(p_items) = 1;
  v_together boolean := v_alone;
begin
  if not v_alone then
    -- The second completion of a subtask depends on the result of the first.
    v_together := (
      select count(*) = count(distinct lower(i.value ->> 'subtask_id'))
        from jsonb_array_elements(p_items) i
    );
  end if;
  if v_together then
    begin
      return query select * from cogo.complete_subtasks(p_agent_id, p_items);
      return;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if v_alone then
          return query
            select cogo.to_uuid(p_items -> 0 ->> 'subtask_id'),
                   cogo.to_integer(p_items -> 0 ->> 'attempt'), 'invalid', sqlerrm;
          return;
        end if;
    end;
  end if;
  return query
    select c.*
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
     cross join lateral cogo.complete_isolated(p_agent_id, jsonb_build_array(i.item)) c
     order by i.ordinal;
end;
$$;
comment on function cogo.complete_isolated is
  'Call cogo.complete_subtasks(), and answer invalid for items that violate a constraint.';
