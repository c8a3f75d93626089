-- Locks what cogo_begin_call locks, of all calls, in the same order. Attempts that are locked, as they
-- may be ending, are left out: waiting for one while others are held could deadlock with their end.
create or replace function public.cogo_begin_calls(p_agent_id text, p_calls jsonb)
  returns table (
    id uuid, answer text, scope text, detail text, resets_at timestamptz, question jsonb
  )
  language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_held uuid[];
  v_calls public.cogo_calls[];
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_calls must be a list of calls';
  end if;
  v_calls := array(
    select c
      from jsonb_array_elements(p_calls) i
     cross join jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(i.value)) c
  );
  v_held := array(
    select a.subtask_id
      from unnest(v_calls) c
      join public.cogo_attempts a on a.subtask_id = c.subtask_id and a.attempt = c.attempt
     where a.agent_id = p_agent_id and a.ended_at is null
     order by a.subtask_id, a.attempt
       for share of a skip locked
  );
  v_calls := array(
    select c
      from unnest(v_calls) c
     where c.subtask_id is null or c.subtask_id = any (v_held) or not exists (
       select from public.cogo_attempts a
        where a.subtask_id = c.subtask_id and a.attempt = c.attempt
          and a.agent_id = p_agent_id and a.ended_at is null
     )
  );
  perform cogo.lock_task_budgets(
    array(select c.task_id from unnest(v_calls) c where c.simulated is not true)
  );
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider), array_agg(l.column_id),
    array_agg(l.project)
  )
     from unnest(v_calls) c
     left join lateral cogo.find_task_labels(c.task_id) l on true;
  return query
    select cogo.to_uuid(i.item ->> 'id'), b.*
      from jsonb_array_elements(p_calls) with ordinality as i (item, ordinal)
     cross join lateral public.cogo_begin_call(p_agent_id, i.item) b
     where cogo.to_uuid(i.item ->> 'id') = any (array(select c.id from unnest(v_calls) c))
     order by i.ordinal;
end;
$$;
comment on function public.cogo_begin_calls is
  'Begin calls to models, each as cogo_begin_call does, in order: an earlier one may use up what a cap
has left. One whose attempt another transaction holds has no answer: begin it with cogo_begin_call.';
