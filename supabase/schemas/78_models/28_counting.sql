-- Attempts are joined laterally, with a limit: else a plan may read all of them for each of a few.
-- One owner does not decide for all: of each source at most 50 answers a day of a model at a kind of
-- work are counted, and 150 at all kinds, which a task may name as it likes. Tasks without an owner
-- are those of operators, but anybody may edit a cell.
create or replace function cogo.weigh_judgements(
  p_subtasks uuid[], p_attempts integer[], p_now timestamptz
)
  returns table (
    subtask_id uuid, attempt integer, source text, owner uuid, model_id text, kind text,
    is_passed boolean, is_new boolean, judged double precision, good double precision,
    known_good double precision, known_bad double precision, was cogo.judgements, at timestamptz
  )
  language sql stable set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
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
  ), limited as (
    select p.*, p.is_best and p.is_new and (p.place > 50 or 150 < row_number() over (
             partition by p.owner, p.model_id, (p.was).source, p.is_best and p.is_new and p.place <= 50
             order by p.at, p.subtask_id, p.attempt
           ) + d.answers) as is_over
      from placed p
     cross join lateral (
       select coalesce(sum(q.answers), 0) as answers
         from cogo.judgement_quotas q
        where p.is_best and p.is_new
          and q.owner = p.owner and q.model_id = p.model_id
          and q.source = (p.was).source and q.day = (p_now at time zone 'UTC')::date
     ) as d
  ), allowed as (
    select l.*, bool_or(l.is_over) over (partition by l.subtask_id, l.attempt) as is_too_much
      from limited l
  )
  select l.subtask_id, l.attempt, (l.was).source, l.owner, l.model_id, l.kind, (l.was).score > 0.5,
         l.is_best and l.is_new,
         case when l.is_best then l.strength else 0 end,
         case when l.is_best then l.good else 0 end,
         case when l.is_best then 0 else l.good end,
         case when l.is_best then 0 else l.strength - l.good end, l.was, l.at
    from allowed l
   where not l.is_too_much;
$$;
comment on function cogo.weigh_judgements is
  'Return the judgements of answers with the weights that they should have in the sums: of each answer
the strongest counts, unless its owner has judged enough for today, and shows how good the others are.';

create or replace function cogo.count_judgements(
  p_subtasks uuid[], p_attempts integer[], p_now timestamptz
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
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
$$;
comment on function cogo.count_judgements is
  'Bring the sums up to date with the judgements of these answers, each once.';
