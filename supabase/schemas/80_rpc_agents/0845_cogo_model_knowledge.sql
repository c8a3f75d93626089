create or replace function public.cogo_model_knowledge(p_agent_id text)
  returns table (outcomes jsonb, health jsonb, controls jsonb, policies jsonb)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  perform cogo.act_as(p_agent_id);
  perform cogo.learn();
  return query
    select coalesce(
             (
               select jsonb_agg(
                        jsonb_build_object(
                          'model_id', m.model_id,
                          'task_type', m.task_type,
                          'after', to_jsonb(m.after),
                          'judged', m.judged * f.left_of,
                          'good', m.good * f.left_of,
                          'checked', m.checked * f.left_of,
                          'passed', m.passed * f.left_of,
                          'passed_good', m.passed_good * f.left_of,
                          'total_ms', m.total_ms / nullif(m.answered, 0),
                          'first_token_ms', m.first_token_ms / nullif(m.streamed, 0),
                          'cost_usd', m.cost_usd / nullif(m.priced, 0)
                        )
                      )
                 from cogo.model_outcomes m
                cross join lateral (
                  select cogo.fading(m.counted_at, cogo.now(), 604800) as left_of
                ) as f
                where m.judged * f.left_of >= 0.5
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
comment on function public.cogo_model_knowledge(text) is
  'What orchestrators choose by: outcomes by model and type of task (sums that fade, and means), and
which models are unwell. Learns first from what ended meanwhile.';

revoke all on function public.cogo_model_knowledge(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_model_knowledge(text) to service_role;
