create or replace function cogo.parse_plan(p_plan jsonb)
  returns table (ordinal bigint, key text, entry jsonb, dependencies text[], sink boolean)
  language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with nodes as (
    select e.ordinal, e.entry ->> 'key' as key, e.entry,
           array(
             select distinct d.key
               from jsonb_array_elements_text(
                 coalesce(nullif(e.entry -> 'dependencies', 'null'), '[]')
               ) as d (key)
           ) as dependencies,
           coalesce((e.entry ->> 'sink')::boolean, false) as is_sink
      from jsonb_array_elements(p_plan -> 'subtasks') with ordinality as e (entry, ordinal)
  ), parents as (
    select distinct d.key from nodes n cross join unnest(n.dependencies) as d (key)
  )
  select n.ordinal, n.key, n.entry, n.dependencies,
         case
           when bool_or(n.is_sink) over () then n.is_sink
           else n.key not in (select w.key from parents w where w.key is not null)
         end
    from nodes n;
end;
$$;
comment on function cogo.parse_plan is
  'Return the subtasks of a plan as rows. Without an explicit sink, those without dependents are
sinks.';

create or replace function cogo.validate_plan(p_plan jsonb, p_taken text[] default null)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry jsonb;
  v_keys text[] := '{}';
  v_sorted text[] := '{}';
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
    from cogo.parse_plan(p_plan) n cross join unnest(n.dependencies) as d (key)
   where d.key <> all (v_keys);
  if v_text is not null then
    return 'a dependency is not in the plan: ' || v_text;
  end if;

  if p_taken is not null then
    if p_plan @? '$.subtasks[*] ? (@.sink == true)' then
      return 'a subtask that is added later cannot be the sink';
    end if;
  elsif (select count(*) from cogo.parse_plan(p_plan) n where n.sink) <> 1 then
    return 'a plan needs exactly one sink: the subtask whose output is the result';
  elsif exists (
    select from cogo.parse_plan(p_plan) n
     where n.sink and n.entry ->> 'on_failure' = 'continue'
  ) then
    return 'on_failure of the sink must be fail_task';
  end if;

  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_text
    from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]')) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_text is not null then
    return 'a selection is for a key that is not in the plan: ' || v_text;
  end if;

  -- Topological sort: what is left over is part of a cycle.
  loop
    select array_agg(n.key) into v_next
      from cogo.parse_plan(p_plan) n
     where n.key <> all (v_sorted) and n.dependencies <@ v_sorted;
    exit when v_next is null;
    v_sorted := v_sorted || v_next;
  end loop;
  select string_agg(k.key, ', ') into v_text
    from unnest(v_keys) as k (key) where k.key <> all (v_sorted);
  if v_text is not null then
    return 'the dependencies have a cycle: ' || v_text;
  end if;
  return null;
end;
$$;
comment on function cogo.validate_plan is
  'Return what is wrong with a plan, or with subtasks added to one whose keys are p_taken, as a
sentence; null if it is valid.';
