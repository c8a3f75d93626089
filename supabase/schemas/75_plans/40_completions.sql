create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.validate_completion is
  'Return what is wrong with a completion, as a sentence; null if it is valid.';

create or replace function cogo.route_subtask(p_subtask cogo.subtasks, p_item jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_route jsonb := p_item -> 'route';
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'routed', array[p_item -> 'usage']
  );
  update cogo.subtask_payloads p
     set params = p.params || coalesce(nullif(v_route -> 'params', 'null'), '{}'),
         metadata = p.metadata || coalesce(nullif(v_route -> 'metadata', 'null'), '{}')
   where p.subtask_id = p_subtask.id;
  if jsonb_typeof(v_route -> 'selection') = 'object' then
    perform cogo.record_selection(v_route -> 'selection', p_subtask.task_id, p_subtask.id);
  end if;
  perform cogo.requeue_subtask(p_subtask.id, p_lane => v_route ->> 'lane');
end;
$$;
comment on function cogo.route_subtask is
  'Complete a rerouted subtask in lane cio: queue it for another model.';
