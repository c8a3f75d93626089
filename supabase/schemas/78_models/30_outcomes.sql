-- A failure of the vendor counts against a model's quality only while the model is ok and not on
-- trial: an outage belongs to its health and must not count as bad answers for weeks.
create or replace function cogo.count_outcomes(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  with taken as materialized (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt
  ), due as materialized (
    select t.subtask_id, t.attempt, true as is_new, 1 as weight, null::double precision as verdict
      from taken t
     union all
    -- The verdict takes the place of what was counted when the answer came.
    select v.subtask_id, v.attempt, false, w.weight, case w.weight when 1 then v.score end
      from taken t
     cross join lateral cogo.find_verdict(t.subtask_id) v
     cross join (values (-1), (1)) as w (weight)
  ), attempts as materialized (
    select t.weight, a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.output_tokens,
           a.cost_usd, cogo.task_type(a.subtask_id) as task_type,
           coalesce(refused.models, stated.models, '{}') as after,
           t.is_new and a.outcome = 'completed' as answered,
           t.is_new and coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty,
           case
             when t.verdict is not null then t.verdict > 0.5
             when a.error ->> 'class' = 'check_failed' then false
             when jsonb_array_length(answer.verification -> 'checks') > 0 then
               not answer.verification @? '$.checks[*] ? (@.passed == false)'
           end as passed,
           case
             when t.verdict is not null then t.verdict
             when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
             when a.outcome <> 'completed' then null
             when answer.verification ->> 'status' = 'verified' then 1
             when answer.verification ->> 'status' = 'failed' then 0
             when answer.verification @? '$.checks[*] ? (@.passed == false)' then 0
             else 0.8
           end as good,
           coalesce(h.health = 'ok' and not h.on_trial, true) as is_ok
      from due t
      join public.cogo_attempts a using (subtask_id, attempt)
      left join cogo.model_health h on h.model_id = a.model_id
      left join lateral (
        select array_agg(e.model_id order by e.attempt) as models
          from public.cogo_attempts e
         where e.subtask_id = a.subtask_id and e.attempt < a.attempt
           and e.error ->> 'class' = 'check_failed'
      ) as refused on true
      left join lateral (
        select array(
                 select left(e.model, 200)
                   from jsonb_array_elements_text(p.metadata -> 'after') as e (model)
                  where e.model is not null
                  limit 5
               ) as models
          from cogo.subtask_payloads p
         where p.subtask_id = a.subtask_id and jsonb_typeof(p.metadata -> 'after') = 'array'
      ) as stated on true
      left join lateral (
        select o.output -> 'verification' as verification
          from cogo.subtask_outputs o
         where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      ) as answer on true
     -- A check is here for its verdict only, whatever model its usage may name.
     where a.model_id is not null and cogo.is_model_lane(a.lane)
  ), judged as (
    select s.*, case when s.faulty and s.is_ok then 0 else s.good end as score from attempts s
  ), counted as (
    insert into cogo.model_outcomes as m (
      model_id, task_type, after, judged, good, checked, passed, passed_good, answered, total_ms,
      streamed, first_token_ms, priced, cost_usd, counted_at
    )
    select j.model_id, j.task_type, k.after,
           coalesce(sum(j.weight) filter (where j.score is not null), 0),
           coalesce(sum(j.weight * j.score), 0),
           coalesce(sum(j.weight) filter (where j.passed is not null), 0),
           coalesce(sum(j.weight) filter (where j.passed), 0),
           coalesce(sum(j.weight * j.score) filter (where j.passed), 0),
           count(*) filter (where j.answered),
           coalesce(sum(j.duration_ms) filter (where j.answered), 0),
           count(j.first_token_ms) filter (where j.answered),
           coalesce(sum(j.first_token_ms) filter (where j.answered), 0),
           count(j.cost_usd) filter (where j.answered),
           coalesce(sum(j.cost_usd) filter (where j.answered), 0), v_now
      from judged j
     cross join lateral (
       select '{}'::text[] as after union select j.after
     ) as k
     group by j.model_id, j.task_type, k.after
    having count(j.score) > 0
     order by 1, 2, 3
    on conflict (model_id, task_type, after) do update
      set (judged, good, checked, passed, passed_good, answered, total_ms, streamed, first_token_ms,
           priced, cost_usd, counted_at) = (
            -- What a verdict takes back has decayed since it was counted.
            select greatest(0, m.judged * d.weight + excluded.judged),
                   greatest(0, m.good * d.weight + excluded.good),
                   greatest(0, m.checked * d.weight + excluded.checked),
                   greatest(0, m.passed * d.weight + excluded.passed),
                   greatest(0, m.passed_good * d.weight + excluded.passed_good),
                   m.answered * d.weight + excluded.answered,
                   m.total_ms * d.weight + excluded.total_ms,
                   m.streamed * d.weight + excluded.streamed,
                   m.first_token_ms * d.weight + excluded.first_token_ms,
                   m.priced * d.weight + excluded.priced,
                   m.cost_usd * d.weight + excluded.cost_usd, v_now
              from (select cogo.decay(m.counted_at, v_now, 604800) as weight) as d
          )
  ), recent as (
    select s.model_id,
           count(*) filter (where s.answered) as answered,
           count(*) filter (where s.faulty) as failed,
           count(*) filter (
             where s.faulty and s.ended_at > coalesce(l.answered_at, '-infinity')
           ) as in_a_row,
           count(*) filter (where s.answered and s.output_tokens > 0) as paced,
           coalesce(
             sum(s.duration_ms::float8 / greatest(s.output_tokens, 100))
               filter (where s.answered and s.output_tokens > 0), 0
           ) as pace
      from attempts s
      join (
        select e.model_id, max(e.ended_at) filter (where e.answered) as answered_at
          from attempts e group by e.model_id
      ) as l using (model_id)
     where s.answered or s.faulty
     group by s.model_id, l.answered_at
  ), health as (
    insert into cogo.model_health as h (
      model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
    )
    select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, v_now
      from recent r
     order by r.model_id
    on conflict (model_id) do update
      set in_a_row =
            excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
          (answered, failed, paced, pace, usual_paced, usual_pace, counted_at) = (
            select h.answered * d.recent + excluded.answered, h.failed * d.recent + excluded.failed,
                   h.paced * d.recent + excluded.paced, h.pace * d.recent + excluded.pace,
                   h.usual_paced * d.usual + d.is_ok * excluded.usual_paced,
                   h.usual_pace * d.usual + d.is_ok * excluded.usual_pace, v_now
              from (
                select cogo.decay(h.counted_at, v_now, 30) as recent,
                       cogo.decay(h.counted_at, v_now, 3600) as usual,
                       (h.health = 'ok')::integer as is_ok
              ) as d
          )
  )
  select count(*) into v_count from taken;
  return v_count;
end;
$$;
comment on function cogo.count_outcomes is
  'Add at most p_limit ended attempts to the statistics and the health of their models; return how many.
The caller makes sure that only one transaction does so at a time.';
