-- A failure of the vendor counts against a model's quality only while the model is well: an outage
-- is a matter of health, and must not be remembered for weeks as bad answers.
-- So are the failures of a trial whether it is over.
create or replace function cogo.count_outcomes(p_limit integer)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  with taken as materialized (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt
  ), seen as materialized (
    select a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.output_tokens, a.cost_usd,
           coalesce(chosen.task_type, 'general') as task_type,
           coalesce(refused.models, '{}') as after,
           a.outcome = 'completed' as answered,
           coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty,
           case
             when a.error ->> 'class' = 'check_failed' then false
             when jsonb_array_length(answer.verification -> 'checks') > 0 then
               not answer.verification @? '$.checks[*] ? (@.passed == false)'
           end as passed,
           case
             when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
             when a.outcome <> 'completed' then null
             when answer.verification ->> 'status' = 'verified' then 1
             when answer.verification ->> 'status' = 'failed' then 0
             when answer.verification @? '$.checks[*] ? (@.passed == false)' then 0
             else 0.8
           end as good,
           coalesce(h.health = 'ok' and not h.on_trial, true) as well
      from taken t
      join public.cogo_attempts a using (subtask_id, attempt)
      left join cogo.model_health h on h.model_id = a.model_id
      left join lateral (
        select m.requirements ->> 'taskType' as task_type
          from public.cogo_model_selections m
         where m.subtask_id = a.subtask_id
         order by m.created_at desc
         limit 1
      ) as chosen on true
      left join lateral (
        select array_agg(e.model_id order by e.attempt) as models
          from public.cogo_attempts e
         where e.subtask_id = a.subtask_id and e.attempt < a.attempt
           and e.error ->> 'class' = 'check_failed'
      ) as refused on true
      left join lateral (
        select o.output -> 'verification' as verification
          from cogo.subtask_outputs o
         where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      ) as answer on true
     where a.model_id is not null
  ), judged as (
    select s.*, case when s.faulty and s.well then 0 else s.good end as verdict from seen s
  ), counted as (
    insert into cogo.model_outcomes as m (
      model_id, task_type, after, judged, good, checked, passed, passed_good, answered, total_ms,
      streamed, first_token_ms, priced, cost_usd, counted_at
    )
    select j.model_id, j.task_type, k.after,
           count(j.verdict), coalesce(sum(j.verdict), 0),
           count(j.passed), count(*) filter (where j.passed),
           coalesce(sum(j.verdict) filter (where j.passed), 0),
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
    having count(j.verdict) > 0
     order by 1, 2, 3
    on conflict (model_id, task_type, after) do update
      set judged = m.judged * cogo.fading(m.counted_at, v_now, 604800) + excluded.judged,
          good = m.good * cogo.fading(m.counted_at, v_now, 604800) + excluded.good,
          checked = m.checked * cogo.fading(m.counted_at, v_now, 604800) + excluded.checked,
          passed = m.passed * cogo.fading(m.counted_at, v_now, 604800) + excluded.passed,
          passed_good =
            m.passed_good * cogo.fading(m.counted_at, v_now, 604800) + excluded.passed_good,
          answered = m.answered * cogo.fading(m.counted_at, v_now, 604800) + excluded.answered,
          total_ms = m.total_ms * cogo.fading(m.counted_at, v_now, 604800) + excluded.total_ms,
          streamed = m.streamed * cogo.fading(m.counted_at, v_now, 604800) + excluded.streamed,
          first_token_ms =
            m.first_token_ms * cogo.fading(m.counted_at, v_now, 604800) + excluded.first_token_ms,
          priced = m.priced * cogo.fading(m.counted_at, v_now, 604800) + excluded.priced,
          cost_usd = m.cost_usd * cogo.fading(m.counted_at, v_now, 604800) + excluded.cost_usd,
          counted_at = v_now
  ), recent as (
    select s.model_id,
           count(*) filter (where s.answered) as answered,
           count(*) filter (where s.faulty) as failed,
           count(*) filter (
             where s.faulty and s.ended_at > coalesce(l.answered_at, '-infinity')
           ) as in_a_row,
           l.answered_at is not null as broke,
           count(*) filter (where s.answered and s.output_tokens > 0) as paced,
           coalesce(
             sum(s.duration_ms::float8 / greatest(s.output_tokens, 100))
               filter (where s.answered and s.output_tokens > 0), 0
           ) as pace
      from seen s
      join (
        select e.model_id, max(e.ended_at) filter (where e.answered) as answered_at
          from seen e group by e.model_id
      ) as l using (model_id)
     where s.answered or s.faulty
     group by s.model_id, l.answered_at
  ), felt as (
    insert into cogo.model_health as h (
      model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
    )
    select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, v_now
      from recent r
     order by r.model_id
    on conflict (model_id) do update
      set answered = h.answered * cogo.fading(h.counted_at, v_now, 30) + excluded.answered,
          failed = h.failed * cogo.fading(h.counted_at, v_now, 30) + excluded.failed,
          in_a_row =
            excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
          paced = h.paced * cogo.fading(h.counted_at, v_now, 30) + excluded.paced,
          pace = h.pace * cogo.fading(h.counted_at, v_now, 30) + excluded.pace,
          usual_paced = h.usual_paced * cogo.fading(h.counted_at, v_now, 3600)
            + case when h.health = 'ok' then excluded.usual_paced else 0 end,
          usual_pace = h.usual_pace * cogo.fading(h.counted_at, v_now, 3600)
            + case when h.health = 'ok' then excluded.usual_pace else 0 end,
          counted_at = v_now
  )
  select count(*) into v_count from taken;
  return v_count;
end;
$$;
comment on function cogo.count_outcomes(integer) is
  'Adds attempts that ended, up to a number of them, to the statistics and the health of their models.
Says how many. One at a time: the caller sees to that.';

revoke all on function cogo.count_outcomes(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.count_outcomes(integer) to service_role;
