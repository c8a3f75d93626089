create or replace function cogo.load_leases(p_subtask_ids uuid[])
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb,
    kind text, flow jsonb, turns integer, tools_granted jsonb
  )
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.load_leases is 'Return all that the holders of leases need for the work.';

create or replace function cogo.load_parents(p_subtask_ids uuid[])
  returns table (child_id uuid, outputs jsonb, errors jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.load_parents is
  'Return the outputs of the steps that subtasks depend on, and the errors of those that failed.';

create or replace function cogo.load_history(p_subtask_id uuid)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.load_history is
  'Return how the earlier attempts of a subtask ended; suspensions are none.';

create or replace function cogo.take_back_lease(
  p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean
)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.dead_letter_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$$;
comment on function cogo.take_back_lease is
  'Take a lease from its holder and queue the subtask; return false if it is now a dead letter: after as
many deaths since the last stored turn as it may have.';

create or replace function cogo.reap_leases(
  p_limit integer, out reaped integer, out dead integer, out cancelled integer
)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
  v_ids uuid[];
  v_id uuid;
  v_subtask cogo.subtasks;
begin
  reaped := 0;
  dead := 0;
  cancelled := 0;
  select array_agg(expired.id order by expired.seq) into v_ids
    from (
      select s.id, s.seq
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'running' and s.lease_expires_at < v_now
       order by s.seq
       limit p_limit
         for no key update of t skip locked
    ) as expired;

  foreach v_id in array coalesce(v_ids, '{}') loop
    -- Read it again: it may have been extended, or a sibling may have failed the task above.
    select s.* into v_subtask
      from cogo.subtasks s
     where s.id = v_id and s.status = 'running' and s.lease_expires_at < v_now
       for no key update;
    continue when not found;
    if v_subtask.cancel_requested_at is not null then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
      cancelled := cancelled + 1;
    elsif cogo.take_back_lease(
      v_subtask, 'reaped',
      jsonb_build_object(
        'class', 'lease_expired',
        'message', format('agent %s did not extend its lease', v_subtask.agent_id)
      ),
      true
    ) then
      reaped := reaped + 1;
    else
      dead := dead + 1;
    end if;
  end loop;
end;
$$;
comment on function cogo.reap_leases is
  'Take back expired leases, at most p_limit. Skips locked tasks.';

create or replace function cogo.promote_due(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_inherited constant bigint := cogo.find_inherited();
  v_ids uuid[];
  v_sleeps uuid[];
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  select array_agg(due.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'delayed' and s.run_at <= cogo.now()
         and (v_inherited is null or not cogo.waits_for_adoption(t, v_inherited))
       order by s.run_at
       limit p_limit
         for no key update of t skip locked
    ) as due;
  if v_ids is null then
    return 0;
  end if;
  -- Read their statuses again, now that the tasks are locked.
  select array_agg(s.id), array_agg(s.id order by s.run_at, s.seq) filter (where s.kind = 'sleep')
    into v_ids, v_sleeps
    from cogo.subtasks s
   where s.id = any (v_ids) and s.status = 'delayed' and s.run_at <= cogo.now();
  update cogo.subtasks s
     set status = 'queued', run_at = null
   where s.id = any (v_ids) and s.kind <> 'sleep' and s.status = 'delayed';
  if v_sleeps is not null then
    perform cogo.end_waiting_steps(
      v_sleeps, array_fill('{}'::jsonb, array[cardinality(v_sleeps)]),
      array_fill(null::jsonb, array[cardinality(v_sleeps)])
    );
  end if;
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.promote_due is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks, and in a copy those that wait for its adoption.';
