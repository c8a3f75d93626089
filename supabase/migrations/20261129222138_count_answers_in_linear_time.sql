-- Count answers in linear time.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.count_attempts(p_subtasks uuid[], p_attempts integer[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  with attempts as materialized (
    select a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.cost_usd, a.output_tokens,
           a.input_tokens + coalesce(a.cached_tokens, 0) as input_tokens, a.cached_tokens,
           cogo.find_kind(a.subtask_id) as kind, a.outcome = 'completed' as answered,
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
     where a.model_id is not null and cogo.is_model_lane(a.lane)
  ), measured as (
    insert into cogo.model_outcomes as m (
      model_id, kind, answered, total_ms, streamed, first_token_ms, priced, cost_usd, metered,
      input_tokens, cached_tokens, output_tokens, counted_at
    )
    select a.model_id, a.kind, count(*), coalesce(sum(a.duration_ms), 0), count(a.first_token_ms),
           coalesce(sum(a.first_token_ms), 0), count(a.cost_usd), coalesce(sum(a.cost_usd), 0),
           count(*) filter (where n.is_metered),
           coalesce(sum(a.input_tokens) filter (where n.is_metered), 0),
           coalesce(sum(a.cached_tokens) filter (where n.is_metered), 0),
           coalesce(sum(a.output_tokens) filter (where n.is_metered), 0), p_now
      from attempts a
     cross join lateral (
       select a.input_tokens is not null and a.output_tokens is not null as is_metered
     ) as n
     where a.answered
     group by a.model_id, a.kind
     order by 1, 2
    on conflict (model_id, kind) do update
      set (answered, total_ms, streamed, first_token_ms, priced, cost_usd, metered, input_tokens,
           cached_tokens, output_tokens, counted_at) = (
            select cogo.add_decayed(m.answered, d.weight, excluded.answered),
                   cogo.add_decayed(m.total_ms, d.weight, excluded.total_ms),
                   cogo.add_decayed(m.streamed, d.weight, excluded.streamed),
                   cogo.add_decayed(m.first_token_ms, d.weight, excluded.first_token_ms),
                   cogo.add_decayed(m.priced, d.weight, excluded.priced),
                   cogo.add_decayed(m.cost_usd, d.weight, excluded.cost_usd),
                   cogo.add_decayed(m.metered, d.weight, excluded.metered),
                   cogo.add_decayed(m.input_tokens, d.weight, excluded.input_tokens),
                   cogo.add_decayed(m.cached_tokens, d.weight, excluded.cached_tokens),
                   cogo.add_decayed(m.output_tokens, d.weight, excluded.output_tokens), p_now
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
$function$;

create or replace function cogo.count_judgements(p_subtasks uuid[], p_attempts integer[], p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  -- What has no problem has passed the check of its form, which matters once more is known.
  insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
  select a.subtask_id, a.attempt, 'form', 1, a.ended_at
    from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
   cross join lateral (
     select e.* from public.cogo_attempts e
      where e.subtask_id = t.subtask_id and e.attempt = t.attempt limit 1
   ) as a
   cross join lateral (
     select from cogo.judgements j
      where j.subtask_id = a.subtask_id and j.attempt = a.attempt limit 1
   ) as judged
   where a.outcome = 'completed'
  on conflict do nothing;
  delete from cogo.judgement_quotas q where q.day < (p_now at time zone 'UTC')::date;

  with weighed as materialized (
    select w.* from cogo.weigh_judgements(p_subtasks, p_attempts, p_now) w
  ), quotas as (
    insert into cogo.judgement_quotas as q (owner, model_id, kind, source, day, answers)
    select w.owner, w.model_id, w.kind, w.source, (p_now at time zone 'UTC')::date, count(*)
      from weighed w
     where w.is_new
     group by w.owner, w.model_id, w.kind, w.source
     order by 1, 2, 3, 4
    on conflict (owner, model_id, kind, source, day) do update
      set answers = q.answers + excluded.answers
  ), changed as (
    update cogo.judgements j
       set judged = w.judged, good = w.good, known_good = w.known_good, known_bad = w.known_bad,
           counted_at = w.at
      from weighed w
     cross join lateral (
       -- What is taken back has decayed since it was counted.
       select cogo.decay(w.at, p_now, 604800) as new,
              coalesce(cogo.decay((w.was).counted_at, p_now, 604800), 0) as old
     ) as d
     where j.subtask_id = w.subtask_id and j.attempt = w.attempt and j.source = w.source
       and (w.judged, w.good, w.known_good, w.known_bad) is distinct from
           ((w.was).judged, (w.was).good, (w.was).known_good, (w.was).known_bad)
    returning w.subtask_id, w.attempt, w.source, w.model_id, w.kind, w.is_passed,
              w.judged * d.new - (w.was).judged * d.old as judged,
              w.good * d.new - (w.was).good * d.old as good,
              w.known_good * d.new - (w.was).known_good * d.old as known_good,
              w.known_bad * d.new - (w.was).known_bad * d.old as known_bad
  )
  insert into cogo.model_judgements as m (
    model_id, kind, after, source, judged, good, known_good, passed_good, known_bad, passed_bad,
    counted_at
  )
  select c.model_id, c.kind, k.after, c.source, sum(c.judged), sum(c.good), sum(c.known_good),
         coalesce(sum(c.known_good) filter (where c.is_passed), 0), sum(c.known_bad),
         coalesce(sum(c.known_bad) filter (where c.is_passed), 0), p_now
    from changed c
   cross join lateral (
     select '{}'::text[] as after
      union
     select cogo.list_refused(c.subtask_id, c.attempt) where c.judged <> 0 or c.good <> 0
   ) as k
   group by c.model_id, c.kind, k.after, c.source
   order by 1, 2, 3, 4
  on conflict (model_id, kind, after, source) do update
    set (judged, good, known_good, passed_good, known_bad, passed_bad, counted_at) = (
          select cogo.add_decayed(m.judged, d.weight, excluded.judged),
                 cogo.add_decayed(m.good, d.weight, excluded.good),
                 cogo.add_decayed(m.known_good, d.weight, excluded.known_good),
                 cogo.add_decayed(m.passed_good, d.weight, excluded.passed_good),
                 cogo.add_decayed(m.known_bad, d.weight, excluded.known_bad),
                 cogo.add_decayed(m.passed_bad, d.weight, excluded.passed_bad), p_now
            from (select cogo.decay(m.counted_at, p_now, 604800) as weight) as d
        );
end;
$function$;

create or replace function cogo.derive_judgements(p_subtasks uuid[], p_attempts integer[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
  select a.subtask_id, a.attempt, v.source, v.score, a.ended_at
    from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
   cross join lateral (
     select e.* from public.cogo_attempts e
      where e.subtask_id = t.subtask_id and e.attempt = t.attempt limit 1
   ) as a
    left join lateral (
      -- Once for all that is read of it: each look into a stored output decompresses all of it.
      select o.output || '{}' as output
        from cogo.subtask_outputs o
       where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      offset 0
    ) as u on a.outcome = 'completed'
   cross join lateral (
     values
       (
         'schema',
         case
           when a.error ->> 'class' = 'invalid_answer' then 0
           when u.output ? 'data' then 1
         end
       ),
       (
         'tools',
         case
           when u.output -> 'invalid_calls' > '0' then 0
           when u.output ? 'tools_used' and u.output -> 'tools_used' <> '[]' then 1
         end
       ),
       (
         'run', case when u.output -> 'verification' ->> 'status' = 'verified' then 1 end
       ),
       (
         'form',
         case
           when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
           when u.output ->> 'problem' is not null
             or u.output -> 'verification' ->> 'status' = 'failed'
             or u.output @? '$.verification.checks[*] ? (@.passed == false)' then 0
         end
       )
   ) as v (source, score)
   where v.score is not null and a.model_id is not null and not a.simulated
     and cogo.is_model_lane(a.lane)
  on conflict do nothing;
$function$;

create or replace function cogo.weigh_judgements(p_subtasks uuid[], p_attempts integer[], p_now timestamp with time zone)
 RETURNS TABLE(subtask_id uuid, attempt integer, source text, owner uuid, model_id text, kind text, is_passed boolean, is_new boolean, judged double precision, good double precision, known_good double precision, known_bad double precision, was cogo.judgements, at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  with answers as materialized (
    select a.subtask_id, a.attempt, a.model_id, s.owner, cogo.find_kind(s.id) as kind
      from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
     cross join lateral (
       select e.* from public.cogo_attempts e
        where e.subtask_id = t.subtask_id and e.attempt = t.attempt limit 1
     ) as a
      join cogo.subtasks s on s.id = a.subtask_id
     cross join lateral (
       select from cogo.judgements j
        where j.subtask_id = a.subtask_id and j.attempt = a.attempt limit 1
     ) as judged
  ), ranked as (
    -- The first of the window is the strongest.
    select n.*, j as was, row_number() over strongest = 1 as is_best,
           first_value(w.strength) over strongest as strength,
           first_value(w.strength * j.score) over strongest as good,
           first_value(j.judged_at) over strongest as at,
           first_value(
             j.judged = 0 and w.strength > 0
               and (n.owner <> '00000000-0000-0000-0000-000000000000' or j.source = 'edit')
           ) over strongest as is_new
      from answers n
      join cogo.judgements j using (subtask_id, attempt)
      join cogo.list_judgement_sources() c on c.source = j.source
     cross join lateral (select c.bad + (c.good - c.bad) * j.score as strength) as w
    window strongest as (
      partition by j.subtask_id, j.attempt order by w.strength desc, c.place
    )
  ), placed as (
    select r.*, coalesce(q.answers, 0) + row_number() over (
             partition by r.owner, r.model_id, r.kind, (r.was).source, r.is_best and r.is_new
             order by r.at, r.subtask_id, r.attempt
           ) as place
      from ranked r
      left join cogo.judgement_quotas q
        on r.is_best and r.is_new
       and q.owner = r.owner and q.model_id = r.model_id and q.kind = r.kind
       and q.source = (r.was).source and q.day = (p_now at time zone 'UTC')::date
  ), allowed as (
    select p.*, bool_or(p.is_best and p.is_new and p.place > 50) over (
             partition by p.subtask_id, p.attempt
           ) as is_too_much
      from placed p
  )
  select l.subtask_id, l.attempt, (l.was).source, l.owner, l.model_id, l.kind, (l.was).score > 0.5,
         l.is_best and l.is_new,
         case when l.is_best then l.strength else 0 end,
         case when l.is_best then l.good else 0 end,
         case when l.is_best then 0 else l.good end,
         case when l.is_best then 0 else l.strength - l.good end, l.was, l.at
    from allowed l
   where not l.is_too_much;
$function$;

insert into cogo.schema_versions (version) values ('20261129222138')
on conflict (version) do nothing;
