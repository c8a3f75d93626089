-- Limit judges over all kinds.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

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
$function$;

insert into cogo.schema_versions (version) values ('20261130002239')
on conflict (version) do nothing;
