create or replace function cogo.accept_outputs(
  p_agent_id text, p_ids uuid[], p_attempts integer[], p_items jsonb[], p_outputs jsonb[],
  p_usages jsonb[], p_tasks uuid[], p_kinds text[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.accept_outputs is
  'Complete attempts and apply each by its kind: plan, hand_over, step or sink, which ends its task.
Others are skipped.';
