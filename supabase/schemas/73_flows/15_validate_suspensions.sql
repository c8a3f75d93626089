create or replace function cogo.validate_suspension(p_task_id uuid, p_suspend jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
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
      'a task may have %s steps: it has %s and asks for %s more; run.again() begins a new record',
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
  select coalesce(w.key, 'null') into v_problem
    from jsonb_array_elements_text(p_suspend -> 'awaits') as w (key)
   where coalesce(w.key <> all (v_taken || v_new), true)
   limit 1;
  if v_problem is not null then
    return format('the awaited step %s does not exist', left(v_problem, 200));
  end if;
  select coalesce(c.key, 'null') into v_problem
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
      'a task may have %s open steps at once: it has %s and asks for %s more; await some first',
      v_max_open, cardinality(v_open), jsonb_array_length(v_steps)
    );
  end if;
  return null;
end;
$$;
comment on function cogo.validate_suspension is
  'Return what is wrong with a suspension, as a sentence; null if it is valid.';
