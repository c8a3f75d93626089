create or replace function cogo.plan_problem(p_plan jsonb, p_taken text[] default null)
  returns text
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_entry jsonb;
  v_keys text[] := '{}';
  v_settled text[] := '{}';
  v_next text[];
  v_text text;
begin
  if jsonb_typeof(p_plan -> 'subtasks') is distinct from 'array'
     or jsonb_array_length(p_plan -> 'subtasks') = 0 then
    return 'plan.subtasks must be a list of at least one subtask';
  end if;

  for v_entry in select e.value from jsonb_array_elements(p_plan -> 'subtasks') e loop
    foreach v_text in array array['key', 'type', 'lane'] loop
      if jsonb_typeof(v_entry -> v_text) is distinct from 'string'
         or v_entry ->> v_text = '' then
        return format('every planned subtask needs a text %s: %s', v_text, left(v_entry::text, 200));
      end if;
    end loop;
    foreach v_text in array array['params', 'metadata'] loop
      if jsonb_typeof(coalesce(v_entry -> v_text, '{}')) not in ('object', 'null') then
        return format('%s of subtask %s must be an object', v_text, v_entry ->> 'key');
      end if;
    end loop;
    if jsonb_typeof(coalesce(v_entry -> 'dependencies', '[]')) not in ('array', 'null') then
      return format('dependencies of subtask %s must be a list of keys', v_entry ->> 'key');
    end if;
    if coalesce(v_entry ->> 'on_failure', 'fail_task') not in ('fail_task', 'continue') then
      return format('on_failure of subtask %s must be fail_task or continue', v_entry ->> 'key');
    end if;
    if v_entry ->> 'key' = 'plan' or v_entry ->> 'key' = any (v_keys || p_taken) then
      return format('the key %s is taken', v_entry ->> 'key');
    end if;
    v_keys := v_keys || (v_entry ->> 'key');
  end loop;

  select string_agg(format('%s waits for %s', n.key, d.key), ', ') into v_text
    from cogo.plan_nodes(p_plan) n cross join unnest(n.dependencies) as d (key)
   where d.key <> all (v_keys);
  if v_text is not null then
    return 'a dependency is not in the plan: ' || v_text;
  end if;

  if p_taken is not null then
    if p_plan @? '$.subtasks[*] ? (@.sink == true)' then
      return 'a subtask that is added later cannot be the sink';
    end if;
  elsif (select count(*) from cogo.plan_nodes(p_plan) n where n.sink) <> 1 then
    return 'a plan needs exactly one sink: the subtask whose output is the result';
  elsif exists (
    select from cogo.plan_nodes(p_plan) n
     where n.sink and n.entry ->> 'on_failure' = 'continue'
  ) then
    return 'nothing can continue without the sink: its on_failure must be fail_task';
  end if;

  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_text
    from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]')) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_text is not null then
    return 'a selection is for a key that is not in the plan: ' || v_text;
  end if;

  -- Settle what depends on settled subtasks only, until nothing moves.
  loop
    select array_agg(n.key) into v_next
      from cogo.plan_nodes(p_plan) n
     where n.key <> all (v_settled) and n.dependencies <@ v_settled;
    exit when v_next is null;
    v_settled := v_settled || v_next;
  end loop;
  select string_agg(k.key, ', ') into v_text
    from unnest(v_keys) as k (key) where k.key <> all (v_settled);
  if v_text is not null then
    return 'subtasks wait for each other: ' || v_text;
  end if;
  return null;
end;
$$;
comment on function cogo.plan_problem(jsonb, text[]) is
  'What is wrong with a plan, or with subtasks added to one whose keys are p_taken, as a sentence;
null when nothing is.';

revoke all on function cogo.plan_problem(jsonb, text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.plan_problem(jsonb, text[]) to service_role;
