create or replace function cogo.validate_hand_over(p_task_id uuid, p_hand_over jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.validate_hand_over is
  'Return what is wrong with a hand-over, as a sentence; null if it is valid.';

create or replace function cogo.validate_flow_end(p_subtask cogo.subtasks, p_item jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
  end if;
  v_problem := cogo.validate_judgements(p_item -> 'judgements');
  if v_problem is not null then
    return v_problem;
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
    when 'again' then cogo.validate_next_run(p_subtask.task_id, p_item -> 'again')
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
$$;
comment on function cogo.validate_flow_end is
  'Return what is wrong with the end of an attempt at a flow, as a sentence; null if it is valid.';
