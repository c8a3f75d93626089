create or replace function cogo.suspend_flow(p_subtask cogo.subtasks, p_item jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
  if v_suspend @? '$.steps[*] ? (@.kind == "event" || @.kind == "task")' then
    perform cogo.open_waiting_steps(p_subtask.task_id, v_suspend -> 'steps');
  end if;
end;
$$;
comment on function cogo.suspend_flow is
  'End an attempt at a flow that waits for steps. The caller holds the task lock and has validated
p_item.';

create or replace function cogo.record_drift(p_subtask cogo.subtasks, p_drift jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.record_drift is
  'Record steps whose request differs from what the workflow now asks, as events workflow.drift.';

create or replace function cogo.hand_over(p_subtask cogo.subtasks, p_hand_over jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.hand_over is
  'Insert the step with whose output the task ends, and cancel what is open. The flow is complete.';
