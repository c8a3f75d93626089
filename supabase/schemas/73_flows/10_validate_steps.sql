create or replace function cogo.validate_step(p_step jsonb)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
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
      'the key %s must be 1 to 100 of A-Z a-z 0-9 _ . : - (after / in a branch), and not plan',
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
  elsif v_kind = 'approve' and cogo.to_uuid(p_step -> 'params' ->> 'by') is null
        and coalesce(p_step -> 'params' ->> 'by', 'operators') <> 'operators' then
    return format('step %s: by must be the uuid of a person, or operators', v_key);
  elsif v_kind = 'approve' and cogo.validate_approval_options(p_step -> 'params') is not null then
    return format('step %s: %s', v_key, cogo.validate_approval_options(p_step -> 'params'));
  elsif v_kind = 'event'
        and coalesce(p_step -> 'params' ->> 'name', '') !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    return format('step %s: the name of an event must be 1 to 100 of A-Z a-z 0-9 _ . : -', v_key);
  elsif (v_kind = 'task') <> (jsonb_typeof(coalesce(p_step -> 'child', 'null')) = 'object') then
    return format('step %s: a step of kind task needs a child, and no other may have one', v_key);
  end if;
  return null;
end;
$$;
comment on function cogo.validate_step is
  'Return what is wrong with a step that a workflow asks for, as a sentence; null if it is valid.';

create or replace function cogo.validate_steps(p_steps jsonb, p_selections jsonb, p_taken text[])
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
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
