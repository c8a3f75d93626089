create or replace function cogo.validate_step(p_step jsonb)
  returns text language plpgsql immutable set search_path = ''
as $$
declare
  -- One segment per branch, and the number of its repetition: a/draft#2.
  v_segment constant text := '[A-Za-z0-9_.:-]{1,100}(#[1-9][0-9]{0,3})?';
  v_key constant text := p_step ->> 'key';
  v_kind constant text := p_step ->> 'kind';
  v_lane constant text := p_step ->> 'lane';
  v_field text;
begin
  foreach v_field in array array['key', 'kind', 'type', 'lane'] loop
    if jsonb_typeof(p_step -> v_field) is distinct from 'string' or p_step ->> v_field = '' then
      return format('every step needs a text %s: %s', v_field, left(p_step::text, 200));
    end if;
  end loop;
  if length(v_key) > 500 or v_key = 'plan' or v_key !~ ('^' || v_segment || '(/' || v_segment || ')*$')
  then
    return format(
      'the key %s must be 1 to 100 of A-Z a-z 0-9 _ . : - (in a branch after its name and /), and not plan',
      left(v_key, 200)
    );
  end if;
  if v_kind <> all ('{ask,check,call,approve,sleep,event,task}') then
    return format('step %s has the unknown kind %s', v_key, left(v_kind, 100));
  elsif not (
    case
      when nullif(p_step -> 'error', 'null') is not null then true
      when v_kind = 'ask' then v_lane = 'cio' or cogo.is_model_lane(v_lane)
      when v_kind = 'check' then v_lane like 'sandbox:_%'
      when v_kind = 'call' then v_lane like 'tools:_%'
      else v_lane = 'wait'
    end
  ) then
    return format('step %s of kind %s cannot be in lane %s', v_key, v_kind, left(v_lane, 200));
  end if;
  foreach v_field in array array['params', 'metadata'] loop
    if jsonb_typeof(coalesce(p_step -> v_field, '{}')) not in ('object', 'null') then
      return format('%s of step %s must be an object', v_field, v_key);
    end if;
  end loop;
  if jsonb_typeof(coalesce(p_step -> 'error', 'null')) <> 'null'
     and jsonb_typeof(p_step -> 'error' -> 'class') is distinct from 'string' then
    return format('error of step %s must be an object with class and message', v_key);
  elsif v_kind = 'sleep' and nullif(p_step ->> 'run_at', '') is null then
    return format('step %s of kind sleep needs run_at', v_key);
  elsif (v_kind = 'task') <> (jsonb_typeof(coalesce(p_step -> 'child', 'null')) = 'object') then
    return format('step %s: a step of kind task needs a child, and no other may have one', v_key);
  end if;
  return null;
end;
$$;
comment on function cogo.validate_step is
  'Return what is wrong with a step that a workflow asks for, as a sentence; null if it is valid.';

create or replace function cogo.validate_steps(p_steps jsonb, p_selections jsonb, p_taken text[])
  returns text language plpgsql immutable set search_path = ''
as $$
declare
  v_problem text;
  v_keys text[] := array(select e.value ->> 'key' from jsonb_array_elements(p_steps) e);
begin
  select cogo.validate_step(e.value) into v_problem
    from jsonb_array_elements(p_steps) e where cogo.validate_step(e.value) is not null
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  select k.key into v_problem
    from unnest(v_keys || p_taken) as k (key) group by k.key having count(*) > 1 limit 1;
  if v_problem is not null then
    return format('the key %s is taken', v_problem);
  end if;
  if jsonb_typeof(p_selections) <> 'array' then
    return 'selections must be a list';
  end if;
  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_problem
    from jsonb_array_elements(p_selections) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_problem is not null then
    return 'a selection is for a key that is not among the new steps: ' || left(v_problem, 200);
  end if;
  return null;
end;
$$;
comment on function cogo.validate_steps is
  'Return what is wrong with new steps and their selections; null if they are valid. p_taken: the keys
that the task has.';

create or replace function cogo.validate_suspension(p_task_id uuid, p_suspend jsonb)
  returns text language plpgsql stable set search_path = ''
as $$
declare
  v_max_steps constant integer := 1000;
  v_max_open constant integer := 100;
  v_steps constant jsonb := coalesce(nullif(p_suspend -> 'steps', 'null'), '[]');
  v_taken text[];
  v_open text[];
  v_new text[];
  v_cancel text[];
  v_field text;
  v_problem text;
begin
  foreach v_field in array array['steps', 'awaits', 'cancel', 'drift'] loop
    if jsonb_typeof(coalesce(nullif(p_suspend -> v_field, 'null'), '[]')) <> 'array' then
      return format('suspend.%s must be a list', v_field);
    end if;
  end loop;
  if jsonb_typeof(coalesce(nullif(p_suspend -> 'decisions', 'null'), '{}')) <> 'object' then
    return 'suspend.decisions must be an object';
  elsif octet_length((p_suspend -> 'decisions')::text) > 1048576 then
    return 'suspend.decisions has more than 1 MiB';
  elsif coalesce(p_suspend ->> 'wait', 'all') not in ('all', 'any') then
    return 'suspend.wait must be all or any';
  elsif jsonb_array_length(coalesce(nullif(p_suspend -> 'awaits', 'null'), '[]')) = 0 then
    return 'a suspension must await at least one step';
  elsif p_suspend @? '$.drift[*] ? (@.type() != "object")' then
    return 'suspend.drift must be a list of objects';
  end if;

  select coalesce(array_agg(s.key), '{}'),
         coalesce(array_agg(s.key) filter (where s.finished_at is null), '{}')
    into v_taken, v_open
    from cogo.subtasks s where s.task_id = p_task_id and s.kind <> 'flow';
  if cardinality(v_taken) + jsonb_array_length(v_steps) > v_max_steps then
    return format(
      'a task may have %s steps: it has %s, and %s more were asked for; begin a new run with run.again()',
      v_max_steps, cardinality(v_taken), jsonb_array_length(v_steps)
    );
  end if;
  v_problem := cogo.validate_steps(
    v_steps, coalesce(nullif(p_suspend -> 'selections', 'null'), '[]'), v_taken
  );
  if v_problem is not null then
    return v_problem;
  end if;

  v_new := array(select e.value ->> 'key' from jsonb_array_elements(v_steps) e);
  v_cancel := array(
    select jsonb_array_elements_text(coalesce(nullif(p_suspend -> 'cancel', 'null'), '[]'))
  );
  select w.key into v_problem
    from jsonb_array_elements_text(p_suspend -> 'awaits') as w (key)
   where coalesce(w.key <> all (v_taken || v_new), true)
   limit 1;
  if v_problem is not null then
    return format('the awaited step %s does not exist', left(v_problem, 200));
  end if;
  select c.key into v_problem
    from unnest(v_cancel) as c (key)
   where coalesce(c.key <> all (v_taken), true) or p_suspend -> 'awaits' ? c.key
   limit 1;
  if v_problem is not null then
    return format('the cancelled step %s does not exist or is awaited', left(v_problem, 200));
  end if;
  v_open := array(select k.key from unnest(v_open) as k (key) where k.key <> all (v_cancel));
  if cardinality(v_open) + (
    select count(*) from jsonb_array_elements(v_steps) e
     where jsonb_typeof(coalesce(e.value -> 'error', 'null')) = 'null'
  ) > v_max_open then
    return format(
      'a task may have %s open steps at once: it has %s, and %s more were asked for; await some of them first',
      v_max_open, cardinality(v_open), jsonb_array_length(v_steps)
    );
  end if;
  return null;
end;
$$;
comment on function cogo.validate_suspension is
  'Return what is wrong with a suspension, as a sentence; null if it is valid.';

create or replace function cogo.validate_hand_over(p_task_id uuid, p_hand_over jsonb)
  returns text language plpgsql stable set search_path = ''
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
  returns text language plpgsql stable set search_path = ''
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
    when 'again' then 'a next run is not supported yet'
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
