-- A failure of the vendor says nothing of a model's quality: it belongs to its health.
create or replace function cogo.count_attempts(
  p_subtasks uuid[], p_attempts integer[], p_now timestamptz
)
  returns void language sql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
  with attempts as materialized (
    select a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.cost_usd, a.output_tokens,
           a.input_tokens + coalesce(a.cached_tokens, 0) as input_tokens, a.cached_tokens,
           cogo.find_kind(a.subtask_id) as kind, a.outcome = 'completed' as answered,
           coalesce(k.called, 0) as called, k.repaired, k.rejected, k.as_text, k.failed,
           coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty
      from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
     cross join lateral (
       select e.* from public.cogo_attempts e
        where e.subtask_id = t.subtask_id and e.attempt = t.attempt limit 1
     ) as a
      left join lateral cogo.read_calls(a.usage, a.error ->> 'class') k on true
     where a.model_id is not null and cogo.is_model_lane(a.lane)
  ), measured as (
    insert into cogo.model_outcomes as m (
      model_id, kind, answered, total_ms, streamed, first_token_ms, priced, cost_usd, metered,
      input_tokens, cached_tokens, output_tokens, called, calls_repaired, calls_rejected,
      calls_as_text, calls_failed, counted_at
    )
    select a.model_id, a.kind, count(*) filter (where a.answered),
           coalesce(sum(a.duration_ms) filter (where a.answered), 0),
           count(a.first_token_ms) filter (where a.answered),
           coalesce(sum(a.first_token_ms) filter (where a.answered), 0),
           count(a.cost_usd) filter (where a.answered),
           coalesce(sum(a.cost_usd) filter (where a.answered), 0),
           count(*) filter (where n.is_metered),
           coalesce(sum(a.input_tokens) filter (where n.is_metered), 0),
           coalesce(sum(a.cached_tokens) filter (where n.is_metered), 0),
           coalesce(sum(a.output_tokens) filter (where n.is_metered), 0), sum(a.called),
           coalesce(sum(a.repaired), 0), coalesce(sum(a.rejected), 0), coalesce(sum(a.as_text), 0),
           coalesce(sum(a.failed), 0), p_now
      from attempts a
     cross join lateral (
       select a.answered and a.input_tokens is not null and a.output_tokens is not null
                as is_metered
     ) as n
     where a.answered or a.called > 0
     group by a.model_id, a.kind
     order by 1, 2
    on conflict (model_id, kind) do update
      set (answered, total_ms, streamed, first_token_ms, priced, cost_usd, metered, input_tokens,
           cached_tokens, output_tokens, called, calls_repaired, calls_rejected, calls_as_text,
           calls_failed, counted_at) = (
            select cogo.add_decayed(m.answered, d.weight, excluded.answered),
                   cogo.add_decayed(m.total_ms, d.weight, excluded.total_ms),
                   cogo.add_decayed(m.streamed, d.weight, excluded.streamed),
                   cogo.add_decayed(m.first_token_ms, d.weight, excluded.first_token_ms),
                   cogo.add_decayed(m.priced, d.weight, excluded.priced),
                   cogo.add_decayed(m.cost_usd, d.weight, excluded.cost_usd),
                   cogo.add_decayed(m.metered, d.weight, excluded.metered),
                   cogo.add_decayed(m.input_tokens, d.weight, excluded.input_tokens),
                   cogo.add_decayed(m.cached_tokens, d.weight, excluded.cached_tokens),
                   cogo.add_decayed(m.output_tokens, d.weight, excluded.output_tokens),
                   cogo.add_decayed(m.called, d.weight, excluded.called),
                   cogo.add_decayed(m.calls_repaired, d.weight, excluded.calls_repaired),
                   cogo.add_decayed(m.calls_rejected, d.weight, excluded.calls_rejected),
                   cogo.add_decayed(m.calls_as_text, d.weight, excluded.calls_as_text),
                   cogo.add_decayed(m.calls_failed, d.weight, excluded.calls_failed), p_now
              from (select cogo.decay(m.counted_at, p_now, 604800) as weight) as d
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
  )
  insert into cogo.model_health as h (
    model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
  )
  select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, p_now
    from recent r
   order by r.model_id
  on conflict (model_id) do update
    set in_a_row =
          excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
        (answered, failed, paced, pace, usual_paced, usual_pace, counted_at) = (
          select cogo.add_decayed(h.answered, d.recent, excluded.answered),
                 cogo.add_decayed(h.failed, d.recent, excluded.failed),
                 cogo.add_decayed(h.paced, d.recent, excluded.paced),
                 cogo.add_decayed(h.pace, d.recent, excluded.pace),
                 cogo.add_decayed(h.usual_paced, d.usual, d.is_ok * excluded.usual_paced),
                 cogo.add_decayed(h.usual_pace, d.usual, d.is_ok * excluded.usual_pace), p_now
            from (
              select cogo.decay(h.counted_at, p_now, 30) as recent,
                     cogo.decay(h.counted_at, p_now, 3600) as usual,
                     (h.health = 'ok')::integer as is_ok
            ) as d
        );
$$;
comment on function cogo.count_attempts is
  'Add attempts that ended to what the answers of their models take, and to the health of their models.';

create or replace function cogo.count_outcomes(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_count integer;
  v_subtasks uuid[];
  v_attempts integer[];
  v_have_ended boolean[];
begin
  with taken as (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt, o.is_judgement
  ), answers as (
    select t.subtask_id, t.attempt, count(*) as times, not bool_and(t.is_judgement) as has_ended
      from taken t
     group by t.subtask_id, t.attempt
  )
  select sum(a.times), array_agg(a.subtask_id), array_agg(a.attempt), array_agg(a.has_ended)
    into v_count, v_subtasks, v_attempts, v_have_ended
    from answers a;
  if v_count is null then
    return 0;
  end if;
  perform cogo.count_attempts(n.subtasks, n.attempts, v_now),
          cogo.derive_judgements(n.subtasks, n.attempts)
     from (
       select array_agg(t.subtask_id) as subtasks, array_agg(t.attempt) as attempts
         from unnest(v_subtasks, v_attempts, v_have_ended) as t (subtask_id, attempt, has_ended)
        where t.has_ended
     ) as n
    where n.subtasks is not null;
  perform cogo.count_judgements(v_subtasks, v_attempts, v_now);
  return v_count;
end;
$$;
comment on function cogo.count_outcomes is
  'Add at most p_limit ended or judged attempts to the statistics and the health of their models; return
how many. The caller makes sure that only one transaction does so at a time.';
