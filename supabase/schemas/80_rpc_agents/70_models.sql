create or replace function cogo.describe_outcomes()
  returns table (outcomes jsonb, checks jsonb)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  with judged as materialized (
    select m.model_id, m.kind, m.after, m.source, m.judged * d.weight as judged,
           m.good * d.weight as good, m.known_good * d.weight as known_good,
           m.passed_good * d.weight as passed_good, m.known_bad * d.weight as known_bad,
           m.passed_bad * d.weight as passed_bad
      from cogo.model_judgements m
     cross join lateral (select cogo.decay(m.counted_at, cogo.now(), 604800) as weight) as d
  ), worth as (
    select j.model_id, j.kind, j.after, sum(j.judged) as judged, sum(j.good) as good,
           coalesce(sum(j.known_good + j.known_bad) filter (where j.source = 'form'), 0) as checked,
           coalesce(sum(j.passed_good + j.passed_bad) filter (where j.source = 'form'), 0) as passed,
           coalesce(sum(j.passed_good) filter (where j.source = 'form'), 0) as passed_good,
           coalesce(
             jsonb_object_agg(j.source, j.judged) filter (where j.judged > 0.001), '{}'
           ) as sources
      from judged j
     group by j.model_id, j.kind, j.after
  ), taken as (
    select m.*, '{}'::text[] as after,
           m.answered * d.weight as weight, m.called * d.weight as calling
      from cogo.model_outcomes m
     cross join lateral (select cogo.decay(m.counted_at, cogo.now(), 604800) as weight) as d
  )
  select coalesce(
           (
             select jsonb_agg(
                      jsonb_build_object(
                        'model_id', model_id,
                        'kind', kind,
                        -- What releases before kinds call it.
                        'task_type', kind,
                        'after', to_jsonb(after),
                        -- Releases before kinds divide by it.
                        'judged', greatest(w.judged, 1e-9),
                        'good', coalesce(w.good, 0),
                        'sources', coalesce(w.sources, '{}'),
                        'checked', coalesce(w.checked, 0),
                        'passed', coalesce(w.passed, 0),
                        'passed_good', coalesce(w.passed_good, 0),
                        'answered', coalesce(t.weight, 0),
                        'total_ms', t.total_ms / nullif(t.answered, 0),
                        'first_token_ms', t.first_token_ms / nullif(t.streamed, 0),
                        'cost_usd', t.cost_usd / nullif(t.priced, 0),
                        'input_tokens', t.input_tokens / nullif(t.metered, 0),
                        'cached_tokens', t.cached_tokens / nullif(t.metered, 0),
                        'output_tokens', t.output_tokens / nullif(t.metered, 0),
                        'called', coalesce(t.calling, 0),
                        'calls_repaired', t.calls_repaired / nullif(t.called, 0),
                        'calls_rejected', t.calls_rejected / nullif(t.called, 0),
                        'calls_as_text', t.calls_as_text / nullif(t.called, 0),
                        'calls_failed', t.calls_failed / nullif(t.called, 0)
                      ) order by model_id, kind, after
                    )
               from worth w
               full join taken t using (model_id, kind, after)
              where greatest(w.judged, t.weight, t.calling) >= 0.5
           ), '[]'
         ),
         coalesce(
           (
             select jsonb_agg(to_jsonb(c) order by c.source, c.kind)
               from (
                 select j.source, j.kind, sum(j.known_good) as good, sum(j.passed_good) as good_passed,
                        sum(j.known_bad) as bad, sum(j.passed_bad) as bad_passed
                   from judged j
                  where j.after = '{}'
                  group by j.source, j.kind
                 having sum(j.known_good + j.known_bad) >= 0.5
               ) as c
           ), '[]'
         );
$$;
comment on function cogo.describe_outcomes is
  'Return the outcomes by model and kind of work (decayed sums and means), and how often checks accept
answers that are good and bad, by source and kind.';

create or replace function public.cogo_model_outcomes()
  returns table (outcomes jsonb, checks jsonb)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.outcomes, d.checks from cogo.describe_outcomes() d;
$$;
comment on function public.cogo_model_outcomes is
  'For operators: what is known of models by kind of work, with the weight of the judgements by source,
and how far each source can be relied on.';

create or replace function public.cogo_model_knowledge(p_agent_id text)
  returns table (outcomes jsonb, health jsonb, controls jsonb, policies jsonb, checks jsonb)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.set_actor(p_agent_id);
  perform cogo.update_model_health();
  return query
    select d.outcomes,
           coalesce(
             (
               select jsonb_object_agg(h.model_id, h.health)
                 from cogo.model_health h where h.health <> 'ok'
             ), '{}'
           ),
           coalesce((select jsonb_agg(to_jsonb(c) order by c.set_at) from cogo.controls c), '[]'),
           coalesce((select jsonb_object_agg(p.owner, p.policy) from cogo.policies p), '{}'),
           d.checks
      from cogo.describe_outcomes() d;
end;
$$;
comment on function public.cogo_model_knowledge is
  'Return what orchestrators select models by: outcomes by model and kind of work (decayed sums and
means), models that are not ok, controls, policies, and how reliable checks are. Counts the attempts
that ended first.';

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
