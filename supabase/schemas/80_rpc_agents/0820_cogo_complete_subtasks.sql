create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
  -- What is read here has an index that leads to it, and one plan is as good as another for few and
  -- for many. Statistics of a queue are out of date whenever they are used: a plan made while it was
  -- empty would read whole tables later, and planning costs more than these statements.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  return query select * from cogo.settle_completions(p_agent_id, p_items);
end;
$$;
comment on function public.cogo_complete_subtasks(text, jsonb) is
  'Records what attempts made; one answer per item, in order, and no item spoils another. Repeat
it until it answers: ok, duplicate (already recorded), stale (no longer yours), closed (the task is
over), unknown, or invalid (nothing written, see detail).';

revoke all on function public.cogo_complete_subtasks(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_complete_subtasks(text, jsonb) to service_role;
