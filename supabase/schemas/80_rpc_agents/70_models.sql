create or replace function public.cogo_model_knowledge(p_agent_id text)
  returns table (outcomes jsonb, health jsonb, controls jsonb, policies jsonb)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.set_actor(p_agent_id);
  perform cogo.update_model_health();
  return query
    select coalesce(
             (
               select jsonb_agg(
                        jsonb_build_object(
                          'model_id', m.model_id,
                          'task_type', m.task_type,
                          'after', to_jsonb(m.after),
                          'judged', m.judged * f.weight,
                          'good', m.good * f.weight,
                          'checked', m.checked * f.weight,
                          'passed', m.passed * f.weight,
                          'passed_good', m.passed_good * f.weight,
                          'total_ms', m.total_ms / nullif(m.answered, 0),
                          'first_token_ms', m.first_token_ms / nullif(m.streamed, 0),
                          'cost_usd', m.cost_usd / nullif(m.priced, 0)
                        )
                      )
                 from cogo.model_outcomes m
                cross join lateral (
                  select cogo.decay(m.counted_at, cogo.now(), 604800) as weight
                ) as f
                where m.judged * f.weight >= 0.5
             ), '[]'
           ),
           coalesce(
             (
               select jsonb_object_agg(h.model_id, h.health)
                 from cogo.model_health h where h.health <> 'ok'
             ), '{}'
           ),
           coalesce((select jsonb_agg(to_jsonb(c) order by c.set_at) from cogo.controls c), '[]'),
           coalesce((select jsonb_object_agg(p.owner, p.policy) from cogo.policies p), '{}');
end;
$$;
comment on function public.cogo_model_knowledge is
  'Return what orchestrators select models by: outcomes by model and type of task (decayed sums and
means), models that are not ok, controls and policies. Counts the attempts that ended first.';

create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_task_id uuid;
  v_subtask_id uuid;
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.set_actor(p_selection ->> 'agent_id');
  end if;
  -- The request may name a task that does not exist (yet). A refusal is not stored with its task.
  select t.id into v_task_id
    from public.cogo_tasks t
   where t.id = cogo.to_uuid(p_selection ->> 'task_id')
     and p_selection ->> 'selected_model' is not null
     for key share;
  select s.id into v_subtask_id
    from cogo.subtasks s
   where s.id = cogo.to_uuid(p_selection ->> 'subtask_id') and s.task_id = v_task_id
     for key share;
  return cogo.record_selection(p_selection, v_task_id, v_subtask_id);
end;
$$;
comment on function public.cogo_record_selection is
  'Store and announce the answer to a request on model-selection: a model, or without selected_model the
reason why there is none. A task_id or subtask_id that does not exist is announced but not stored.';
