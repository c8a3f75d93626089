create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_item jsonb;
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );

  for v_item in select i.value from jsonb_array_elements(p_items) i loop
    subtask_id := cogo.to_uuid(v_item ->> 'subtask_id');
    attempt := cogo.to_integer(v_item ->> 'attempt');
    -- A subtransaction per item: what is wrong with one takes nothing from the others.
    begin
      select c.answer, c.detail into answer, detail
        from cogo.complete_subtask(p_agent_id, v_item) c;
    exception
      when data_exception or integrity_constraint_violation then
        answer := 'invalid';
        detail := sqlerrm;
    end;
    return next;
  end loop;
end;
$$;
comment on function public.cogo_complete_subtasks(text, jsonb) is
  'Records what attempts made; one answer per item, in order, and no item spoils another. Repeat
it until it answers: ok, duplicate (already recorded), stale (no longer yours), closed (the task is
over), unknown, or invalid (nothing written, see detail).';

revoke all on function public.cogo_complete_subtasks(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_complete_subtasks(text, jsonb) to service_role;
