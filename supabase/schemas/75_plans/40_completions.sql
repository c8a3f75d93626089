create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
  returns text language plpgsql stable set search_path = ''
as $$
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
             ('route.metadata', v_route -> 'metadata')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  end if;
  if v_added is not null and (
    p_subtask.type = 'PLAN' or p_subtask.lane = 'cio' or p_subtask.sink
  ) then
    return 'only a completed subtask that is not the sink may add subtasks';
  end if;
  if v_plan is not null or v_route is not null or v_added is not null then
    v_grant := cogo.validate_stamps(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if (v_plan is not null) <> (p_subtask.type = 'PLAN') then
    return 'a PLAN must be completed with a plan, other subtasks must not';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio' and p_subtask.type <> 'PLAN') then
    return 'a rerouted subtask in lane cio must be completed with a route, others must not';
  elsif v_plan is not null then
    return 'TQ006: ' || cogo.validate_plan(v_plan);
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') in ('', 'cio') then
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
  returns void language plpgsql set search_path = ''
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
