-- A subtransaction for all together, and where something is wrong with one, for each alone: what is
-- wrong with one takes nothing from the others.
create or replace function cogo.settle_completions(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_alone boolean := jsonb_array_length(p_items) = 1;
  v_together boolean := v_alone;
begin
  if not v_alone then
    -- The second completion of a subtask is judged by what the first left.
    v_together := (
      select count(*) = count(distinct lower(i.value ->> 'subtask_id'))
        from jsonb_array_elements(p_items) i
    );
  end if;
  if v_together then
    begin
      return query select * from cogo.complete_subtasks(p_agent_id, p_items);
      return;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if v_alone then
          return query
            select cogo.to_uuid(p_items -> 0 ->> 'subtask_id'),
                   cogo.to_integer(p_items -> 0 ->> 'attempt'), 'invalid', sqlerrm;
          return;
        end if;
    end;
  end if;
  return query
    select c.*
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
     cross join lateral cogo.settle_completions(p_agent_id, jsonb_build_array(i.item)) c
     order by i.ordinal;
end;
$$;
comment on function cogo.settle_completions(text, jsonb) is
  'What cogo.complete_subtasks() does, with an answer also for items that the tables refuse.';

revoke all on function cogo.settle_completions(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.settle_completions(text, jsonb) to service_role;
