-- Tasks by seq, then sessions, then the trees of tasks.
create or replace function cogo.lock_completions(p_items jsonb, p_others uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[] := p_others;
  v_done text;
begin
  for v_nth in 0 .. jsonb_array_length(p_items) - 1 loop
    v_ids := v_ids || cogo.to_uuid(p_items -> v_nth ->> 'subtask_id');
  end loop;
  v_done := cogo.lock_tasks(v_ids);
  if p_items @? '$[*].messages[*]' then
    perform cogo.lock_sessions(
      array(
        select cogo.to_uuid(i.value ->> 'subtask_id')
          from jsonb_array_elements(p_items) i where i.value @? '$.messages[*]'
      )
    );
  end if;
  if p_items @? '$[*].suspend.steps[*] ? (@.kind == "task")' then
    perform cogo.lock_trees(
      array(
        select s.task_id
          from jsonb_array_elements(p_items) i
          join cogo.subtasks s on s.id = cogo.to_uuid(i.value ->> 'subtask_id')
         where i.value @? '$.suspend.steps[*] ? (@.kind == "task")'
      )
    );
  end if;
end;
$$;
comment on function cogo.lock_completions is
  'Lock what completions change, and the tasks of other subtasks.';

create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_done text;
begin
  v_done := cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  v_done := cogo.lock_completions(p_items, '{}');
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$$;
comment on function public.cogo_complete_subtasks is
  'Record completions, each independently, and answer for each, in order: ok, duplicate (already
recorded), stale (no longer yours), closed (the task is over), unknown, or invalid (nothing written, see
detail). Repeat the call until it answers.';
