create or replace function cogo.accept_outputs(
  p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
    -- The sessions are locked: see cogo.lock_sessions().
    insert into public.cogo_messages (owner, session_id, role, content, task_id, exchange)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id,
           nullif(m.value -> 'exchange', 'null')
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
$$;
comment on function cogo.accept_outputs is
  'Complete attempts and apply each by its kind: plan, hand_over, step or sink. Others are skipped.';
