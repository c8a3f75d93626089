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
  v_has_parents boolean;
  v_has_grants boolean;
  v_children uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  -- What few subtasks have is read by functions, which start nothing for the others.
  select exists (select from cogo.dependencies d where d.child_id = any (p_subtask_ids)),
         exists (select from cogo.grants)
    into v_has_parents, v_has_grants;
  if v_has_parents then
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
           'seconds_left', case when t.deadline is not null then round(
             extract(epoch from cogo.put_off_deadline(t.deadline, t.stopped_seconds) - cogo.now()), 3
           ) end,
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'session', case when t.session_id is not null then
             cogo.describe_session(t.owner, t.session_id)
           end,
           'grants', case when v_has_grants then cogo.granted_models(t.owner) end
         ),
         coalesce(v_outputs[array_position(v_children, s.id)], '{}'),
         coalesce(v_errors[array_position(v_children, s.id)], '{}'),
         case when s.attempt = 1 then '[]' else cogo.load_history(s.id) end,
         s.kind,
         case s.kind when 'flow' then cogo.find_flow(s.task_id, s.started_at) end,
         case when s.attempt = 1 then 0 else cogo.count_turns(s.id) end,
         case when v_has_grants and (s.kind in ('flow', 'call') or p.params ? 'tools') then
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

create or replace function cogo.find_flow(p_task_id uuid, p_started_at timestamptz)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (select cogo.load_flow(f) from cogo.flows f where f.task_id = p_task_id),
    jsonb_build_object('first_claimed_at', p_started_at)
  );
end;
$$;
comment on function cogo.find_flow is
  'Return what the flow of a task goes on with; before its first suspension, when it was claimed.';

create or replace function cogo.count_turns(p_subtask_id uuid)
  returns integer language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(max(u.seq), 0) from cogo.turns u where u.subtask_id = p_subtask_id);
end;
$$;
comment on function cogo.count_turns is 'Return the number of the last stored turn of a subtask.';
