-- Record each judgement of an answer with its source; group statistics by kind of work.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

-- What answers took stays. What they were worth cannot be told apart: an answer that nobody had judged was
-- counted as 0.8 of a good one. The next migration counts it from what is stored.
delete from cogo.model_outcomes o where o.after <> '{}';
alter table cogo.model_outcomes rename column task_type to kind;
alter table cogo.model_outcomes
  drop constraint model_outcomes_pkey,
  drop column after, drop column judged, drop column good, drop column checked, drop column passed,
  drop column passed_good,
  add constraint model_outcomes_pkey primary key (model_id, kind);

create table cogo.judgement_quotas (
  owner uuid not null,
  model_id text not null,
  kind text not null,
  source text not null,
  day date not null,
  answers integer not null
);

alter table cogo.judgement_quotas enable row level security;

create table cogo.judgements (
  subtask_id uuid not null,
  attempt integer not null,
  source text not null,
  score double precision not null,
  judge text,
  judged_at timestamp with time zone default cogo.now() not null,
  counted_at timestamp with time zone,
  judged double precision default 0 not null,
  good double precision default 0 not null,
  known_good double precision default 0 not null,
  known_bad double precision default 0 not null
);

alter table cogo.judgements enable row level security;

create table cogo.model_judgements (
  model_id text not null,
  kind text not null,
  after text[] default '{}'::text[] not null,
  source text not null,
  judged double precision default 0 not null,
  good double precision default 0 not null,
  known_good double precision default 0 not null,
  passed_good double precision default 0 not null,
  known_bad double precision default 0 not null,
  passed_bad double precision default 0 not null,
  counted_at timestamp with time zone default cogo.now() not null
);

alter table cogo.model_judgements set (fillfactor=50);

alter table cogo.model_judgements enable row level security;

alter table cogo.model_outcomes add column cached_tokens double precision default 0 not null;

alter table cogo.model_outcomes add column input_tokens double precision default 0 not null;

alter table cogo.model_outcomes add column metered double precision default 0 not null;

alter table cogo.model_outcomes add column output_tokens double precision default 0 not null;

alter table cogo.outcomes add column is_judgement boolean default false not null;

alter table cogo.judgement_quotas add constraint judgement_quotas_pkey PRIMARY KEY (owner, model_id, kind, source, day);

alter table cogo.judgements add constraint judgements_pkey PRIMARY KEY (subtask_id, attempt, source);

alter table cogo.judgements add constraint judgements_score_check CHECK (((score >= (0)::double precision) AND (score <= (1)::double precision)));

alter table cogo.model_judgements add constraint model_judgements_pkey PRIMARY KEY (model_id, kind, after, source);

create or replace function cogo.add_decayed(p_sum double precision, p_weight double precision, p_added double precision)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (((p_sum * p_weight) + p_added) < (0.000000001)::double precision) THEN (0)::double precision ELSE ((p_sum * p_weight) + p_added) END;

create or replace function cogo.apply_answer(p_subtask cogo.subtasks, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_answer jsonb := jsonb_build_object(
    'approved', p_approval.approved, 'comment', p_approval.comment, 'by', p_approval.answered_by,
    'via', p_approval.answered_via, 'at', cogo.iso_timestamp(p_approval.answered_at)
  );
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_approval.comment, 'the step was refused')
  );
begin
  if p_approval.kind = 'budget' then
    perform cogo.apply_budget_answer(p_approval);
    return;
  elsif p_approval.call_id is not null then
    perform cogo.record_call_answer(p_subtask, p_approval);
    return;
  elsif p_subtask.kind = 'approve' then
    perform cogo.end_waiting_steps(array[p_subtask.id], array[v_answer], array[null::jsonb]);
    return;
  end if;
  update cogo.subtask_payloads p
     set metadata = p.metadata || jsonb_build_object(
           'approval',
           v_answer || case
             when p_approval.approved then '{}' else jsonb_build_object('error', v_error)
           end
         )
   where p.subtask_id = p_subtask.id;
  if p_approval.approved then
    update cogo.subtasks s
       set status = case s.status when 'waiting' then 'queued' else s.status end,
           needs_approval = false, run_at = null
     where s.id = p_subtask.id;
  else
    perform cogo.dead_letter_subtask(p_subtask.id, v_error);
  end if;
end;
$function$;

create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
begin
  with items as materialized (
    select i.ordinal, i.item,
           cogo.to_uuid(i.item ->> 'subtask_id') as id,
           cogo.to_integer(i.item ->> 'attempt') as attempt
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
  ), fenced as materialized (
    select i.*, s as subtask, cogo.check_fence(p_agent_id, a, s) as state,
           s.kind = 'flow' and jsonb_typeof(i.item -> 'plan') = 'object'
             and exists (select from cogo.flows f where f.task_id = s.task_id) as is_outdated
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), checked as materialized (
    select f.*,
           case when f.state = 'held' and f.is_outdated is not true then
             cogo.validate_completion(f.subtask, f.item)
           end as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.state = 'held' and j.is_outdated then 'stale'
             when j.state = 'held' then 'ok'
             when j.state in ('completed', 'routed', 'suspended') then 'duplicate'
             when j.state in ('closing', 'cancelled') then 'closed'
             when j.state = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.state in ('closing', 'cancelled') then j.state
             when j.state <> 'held' or j.problem is not null then null
             when j.is_outdated then 'outdated'
             when (j.subtask).kind = 'flow' then case
               when jsonb_typeof(j.item -> 'suspend') = 'object' then 'suspend'
               when jsonb_typeof(j.item -> 'hand_over') = 'object' then 'hand_over'
               when jsonb_typeof(j.item -> 'plan') = 'object' then 'plan'
               else 'sink'
             end
             when jsonb_typeof(j.item -> 'wait') = 'object' then 'wait'
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from checked j;

  if v_kinds && '{closing,cancelled,route,outdated,suspend,wait}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              when 'cancelled' then cogo.book_late_usage(k.id, k.attempt, k.item -> 'usage')
              when 'route' then cogo.route_subtask(s, k.item)
              when 'suspend' then cogo.suspend_flow(s, k.item)
              when 'wait' then cogo.wait_for_answers(s, k.item)
              else cogo.fail_attempt(
                s, '{"class": "released", "message": "a plan for a task that has steps"}', 'snooze',
                null, k.item -> 'usage'
              )
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'cancelled', 'route', 'outdated', 'suspend', 'wait');
  end if;
  if p_items @? '$[*].judgements[*]' then
    perform cogo.record_judgements(s.task_id, k.item -> 'judgements')
       from unnest(v_ids, v_items, v_kinds) with ordinality as k (id, item, kind, ordinal)
       join cogo.subtasks s on s.id = k.id
      where s.kind = 'flow' and k.kind in ('suspend', 'hand_over', 'sink')
        and jsonb_typeof(k.item -> 'judgements') = 'array'
      order by k.ordinal;
  end if;
  if p_items @? '$[*].again ? (@.type() == "object")' then
    v_items := array(
      select case
               when k.kind = 'sink' and jsonb_typeof(k.item -> 'again') = 'object'
               then cogo.repeat_task(s.task_id, k.item)
               else k.item
             end
        from unnest(v_ids, v_items, v_kinds) with ordinality as k (id, item, kind, ordinal)
        left join cogo.subtasks s on s.id = k.id
       order by k.ordinal
    );
  end if;
  if v_kinds && '{plan,hand_over,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$function$;

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
      join public.cogo_attempts a using (subtask_id, attempt)
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
    join public.cogo_attempts a using (subtask_id, attempt)
   where a.outcome = 'completed'
     and exists (
       select from cogo.judgements j where j.subtask_id = a.subtask_id and j.attempt = a.attempt
     )
  on conflict do nothing;
  if not found and not exists (
    select from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
      join cogo.judgements j using (subtask_id, attempt)
  ) then
    return;
  end if;
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

create or replace function cogo.count_outcomes(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.decay(p_since timestamp with time zone, p_now timestamp with time zone, p_half_life_seconds double precision)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN ((EXTRACT(epoch FROM (p_now - p_since)))::double precision > ((60)::double precision * p_half_life_seconds)) THEN (0)::double precision ELSE power((0.5)::double precision, GREATEST(((EXTRACT(epoch FROM (p_now - p_since)))::double precision / p_half_life_seconds), (0)::double precision)) END;

create or replace function cogo.delete_subtask_records()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  delete from cogo.turns u using old_rows o where u.subtask_id = o.id;
  delete from cogo.judgements j using old_rows o where j.subtask_id = o.id;
  return null;
end;
$function$;

create or replace function cogo.derive_judgements(p_subtasks uuid[], p_attempts integer[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
  select a.subtask_id, a.attempt, v.source, v.score, a.ended_at
    from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
    join public.cogo_attempts a using (subtask_id, attempt)
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

create or replace function cogo.describe_outcomes()
 RETURNS TABLE(outcomes jsonb, checks jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
           m.answered * cogo.decay(m.counted_at, cogo.now(), 604800) as weight
      from cogo.model_outcomes m
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
                        'output_tokens', t.output_tokens / nullif(t.metered, 0)
                      ) order by model_id, kind, after
                    )
               from worth w
               full join taken t using (model_id, kind, after)
              where greatest(w.judged, t.weight) >= 0.5
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
$function$;

create or replace function cogo.erase_traces(p_owner uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_tables constant text[] := array[
    'public.cogo_ratings', 'public.cogo_approvals', 'public.cogo_sent_events',
    'public.cogo_model_switches', 'cogo.cached_answers', 'cogo.api_keys', 'cogo.grants',
    'cogo.policies', 'cogo.owners', 'cogo.reservations', 'cogo.budgets',
    'cogo.judgement_quotas'
  ];
  v_counts constant jsonb := cogo.add_counts('{}', (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
      from jsonb_each(cogo.count_owned(p_owner)) c where c.key = any (v_tables)
  ));
begin
  delete from cogo.owners o where o.owner = p_owner;
  delete from cogo.judgement_quotas q where q.owner = p_owner;
  -- In tasks of others: what they were asked and what came of it stays.
  delete from public.cogo_ratings r where r.person = p_owner;
  update public.cogo_approvals a
     set answered_by = case when a.answered_by = p_owner then v_nobody else a.answered_by end,
         comment = case when a.answered_by = p_owner then null else a.comment end,
         by = case when a.by = p_owner::text then 'operators' else a.by end,
         escalate_to = case when a.escalate_to = p_owner::text then 'operators'
                            else a.escalate_to end
   where a.answered_by = p_owner or a.by = p_owner::text or a.escalate_to = p_owner::text;
  update public.cogo_sent_events e set sent_by = v_nobody where e.sent_by = p_owner;
  update public.cogo_model_switches w
     set scope = 'owner:erased' where w.scope = 'owner:' || p_owner;
  delete from cogo.cached_answers c where c.owner = p_owner;
  delete from cogo.api_keys k where k.owner = p_owner;
  delete from cogo.grants g where g.owner = p_owner;
  delete from cogo.policies p where p.owner = p_owner;
  delete from cogo.reservations r where r.owner = p_owner;
  delete from cogo.budgets b where b.scope = 'owner' and b.key = p_owner::text;
  return v_counts;
end;
$function$;

create or replace function cogo.evaluate_circuit(p_deployment cogo.deployments, p_item jsonb)
 RETURNS cogo.deployments
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := cogo.now();
  v_new cogo.deployments := p_deployment;
  v_answered integer := coalesce((p_item ->> 'answered')::integer, 0);
  v_failed integer := coalesce((p_item ->> 'failed')::integer, 0);
  v_in_a_row integer := coalesce((p_item ->> 'in_a_row')::integer, v_failed);
  v_retry_after numeric := (p_item ->> 'retry_after_seconds')::numeric;
  -- The result of a trial, if the report is about the current one.
  v_trial text := case p_deployment.trial_id
    when (p_item ->> 'trial_id')::uuid then p_item ->> 'trial'
  end;
  -- A time constant of 60 seconds.
  v_weight double precision := cogo.decay(p_deployment.counted_at, v_now, 60 * ln(2::float8));
  v_opens boolean := false;
begin
  v_new.answered := cogo.add_decayed(v_new.answered, v_weight, v_answered);
  v_new.failed := cogo.add_decayed(v_new.failed, v_weight, v_failed);
  v_new.counted_at := v_now;
  if v_answered > 0 then
    v_new.consecutive := 0;
    v_new.failing_since := null;
  end if;
  if v_in_a_row > 0 then
    v_new.consecutive := v_new.consecutive + v_in_a_row;
    v_new.failing_since := coalesce(v_new.failing_since, v_now);
  end if;
  if v_retry_after > 0 then
    v_new.not_before := greatest(v_new.not_before, v_now + cogo.retry_interval(v_retry_after));
  end if;
  if jsonb_typeof(p_item -> 'error') = 'object' then
    v_new.last_error := p_item -> 'error';
    v_new.last_error_at := v_now;
  end if;

  if v_new.state = 'closed' then
    -- Failures at the same moment may be one event, so a series must last; a rate needs enough calls;
    -- connections must have failed for several agents.
    v_opens := v_new.consecutive >= 5
        and coalesce(v_now - v_new.failing_since >= interval '5 seconds', false)
      or v_new.answered + v_new.failed >= 20 and v_new.failed >= v_new.answered
      or (
        select count(*) >= 2 from cogo.deployment_agents a
         where a.deployment = v_new.deployment
           and a.unreachable >= 3 and a.unreachable_at > v_now - interval '1 minute'
      );
  elsif v_trial = 'running' then
    v_new.trial_until := v_now + interval '15 seconds';
  elsif v_trial = 'answered' then
    v_new.state := 'closed';
    v_new.openings := 0;
    v_new.answered := 1;
    v_new.failed := 0;
    v_new.consecutive := 0;
    v_new.failing_since := null;
    update cogo.deployment_agents a set unreachable = 0
     where a.deployment = v_new.deployment and a.unreachable > 0;
  elsif v_trial = 'failed' then
    v_opens := true;
  elsif v_trial is not null then
    -- It ended without a result, for example by a cancellation: the next trial may begin.
    v_new.state := 'open';
    v_new.open_until := v_now;
  end if;
  if v_opens then
    v_new.state := 'open';
    v_new.open_until := v_now + make_interval(secs => least(60, 10 * 2 ^ least(v_new.openings, 3)));
    v_new.openings := v_new.openings + 1;
  end if;
  if v_new.state <> 'half_open' then
    v_new.trial_id := null;
    v_new.trial_agent := null;
    v_new.trial_until := null;
  end if;
  if v_new.state <> p_deployment.state then
    v_new.changed_at := v_now;
  end if;
  return v_new;
end;
$function$;

create or replace function cogo.find_answer(p_task_id uuid, p_model_id text DEFAULT NULL::text, OUT subtask_id uuid, OUT attempt integer, OUT model_id text)
 RETURNS record
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select a.subtask_id, a.attempt, a.model_id
    from cogo.subtasks s
    join cogo.subtask_payloads p on p.subtask_id = s.id
    join cogo.subtask_outputs o on o.subtask_id = s.id
    join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = o.attempt
    join public.cogo_tasks t on t.id = s.task_id
   where s.task_id = p_task_id and s.status = 'completed' and s.kind = 'ask'
     and a.outcome = 'completed' and cogo.is_model_lane(a.lane) and a.model_id is not null
     and (p_model_id is null or a.model_id = p_model_id)
   order by s.sink desc,
            -- The result may be an earlier draft than the last.
            a.model_id is not distinct from t.result ->> 'model_used' desc,
            coalesce(p.metadata -> 'answer' = 'true', false) desc, s.end_no desc nulls last,
            a.attempt desc
   limit 1;
$function$;

create or replace function cogo.find_kind(p_subtask_id uuid)
 RETURNS text
 LANGUAGE sql
 STABLE
RETURN COALESCE((SELECT "substring"(COALESCE((m.requirements ->> 'kind'::text), (m.requirements ->> 'taskType'::text)), '^[a-z][a-z0-9_-]{0,39}$'::text) AS "substring" FROM public.cogo_model_selections m WHERE (m.subtask_id = find_kind.p_subtask_id) ORDER BY m.created_at DESC LIMIT 1), 'general'::text);

create or replace function cogo.list_erasure_rules()
 RETURNS TABLE(name text, via text, col text, fate text, is_exported boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('public.cogo_tasks', 'owner', 'owner', 'delete', true),
    ('cogo.subtasks', 'task', 'task_id', 'delete', true),
    ('cogo.subtask_payloads', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.subtask_outputs', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.checkpoints', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.turns', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.dependencies', 'task', 'task_id', 'delete', false),
    ('cogo.flows', 'task', 'task_id', 'delete', true),
    ('cogo.events', 'task', 'task_id', 'delete', true),
    ('public.cogo_attempts', 'task', 'task_id', 'delete', true),
    ('public.cogo_model_selections', 'task', 'task_id', 'delete', true),
    ('public.cogo_ratings', 'task', 'task_id', 'delete', true),
    ('public.cogo_approvals', 'task', 'task_id', 'delete', true),
    ('public.cogo_sent_events', 'task', 'task_id', 'delete', true),
    ('cogo.budget_waits', 'task', 'task_id', 'delete', false),
    ('cogo.child_tasks', 'task', 'child_id', 'delete', false),
    ('cogo.wakes', 'task', 'child_id', 'delete', false),
    ('cogo.outcomes', 'subtask', 'subtask_id', 'delete', false),
    ('cogo.judgements', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.judgement_quotas', 'owner', 'owner', 'delete', false),
    ('cogo.ai_refusals', 'task', 'task_id', 'delete', false),
    ('cogo.follow_ups', 'task', 'task_id', 'delete', false),
    ('cogo.extractions', 'task', 'task_id', 'delete', false),
    ('cogo.reservations', 'owner', 'owner', 'delete', false),
    ('public.cogo_sessions', 'owner', 'owner', 'delete', true),
    ('public.cogo_messages', 'owner', 'owner', 'delete', true),
    ('cogo.session_summaries', 'session', 'session_seq', 'delete', true),
    ('cogo.forgotten_sessions', 'session', 'session_seq', 'keep', false),
    ('public.cogo_documents', 'owner', 'owner', 'delete', true),
    ('cogo.document_parts', 'owner', 'owner', 'delete', true),
    ('public.cogo_memories', 'owner', 'owner', 'delete', true),
    ('cogo.memory_words', 'memory', 'memory_id', 'delete', false),
    ('cogo.memory_vectors', 'memory', 'id', 'delete', false),
    ('cogo.embedding_queue', 'memory', 'memory_id', 'delete', false),
    ('cogo.vector_changes', 'owner', 'owner', 'keep', false),
    ('public.cogo_embeddings', 'owner', 'owner', 'delete', true),
    ('cogo.unindexed_embeddings', 'owner', 'owner', 'delete', false),
    ('cogo.cached_answers', 'owner', 'owner', 'delete', true),
    ('cogo.api_keys', 'owner', 'owner', 'delete', true),
    ('cogo.grants', 'owner', 'owner', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false)
$function$;

create or replace function cogo.list_judgement_sources()
 RETURNS TABLE(source text, place integer, bad double precision, good double precision)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('feedback', 1, 1::double precision, 1::double precision),
    ('approval', 2, 1, 0.5),
    ('run', 3, 1, 1),
    ('edit', 4, 1, 0.2),
    ('schema', 5, 1, 0.2),
    ('tools', 6, 1, 0.2),
    ('form', 7, 1, 0),
    ('written_tests', 8, 0.6, 0.6),
    ('review', 9, 0.5, 0.5),
    ('agreement', 10, 0.3, 0.3)
$function$;

create or replace function cogo.list_refused(p_subtask_id uuid, p_attempt integer)
 RETURNS text[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(
           (
             select array_agg(e.model_id order by e.attempt)
               from public.cogo_attempts e
              where e.subtask_id = p_subtask_id and e.attempt < p_attempt
                and e.error ->> 'class' = 'check_failed'
           ),
           (
             select array(
                      select left(e.model, 200)
                        from jsonb_array_elements_text(p.metadata -> 'after') as e (model)
                       where e.model is not null
                       limit 5
                    )
               from cogo.subtask_payloads p
              where p.subtask_id = p_subtask_id and jsonb_typeof(p.metadata -> 'after') = 'array'
           ), '{}'
         );
$function$;

create or replace function cogo.record_judgement(p_subtask_id uuid, p_attempt integer, p_source text, p_score double precision, p_judge text DEFAULT NULL::text, p_is_final boolean DEFAULT true)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into cogo.judgements as j (subtask_id, attempt, source, score, judge)
  select a.subtask_id, a.attempt, p_source, p_score, p_judge
    from public.cogo_attempts a
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.model_id is not null
     and not a.simulated
  on conflict (subtask_id, attempt, source) do update
    set score = excluded.score, judge = excluded.judge, judged_at = excluded.judged_at
  where not p_is_final and j.score <> excluded.score;
  if not found then
    return false;
  end if;
  insert into cogo.outcomes (subtask_id, attempt, is_judgement)
  values (p_subtask_id, p_attempt, true);
  return true;
end;
$function$;

create or replace function cogo.record_judgements(p_task_id uuid, p_items jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select cogo.record_judgement(
           a.subtask_id, a.attempt, i.item ->> 'source', (i.item -> 'score')::float8,
           judge.model_id
         )
    from jsonb_array_elements(p_items) with ordinality as i (item, nth)
    left join cogo.subtasks s on s.task_id = p_task_id and s.key = i.item ->> 'step'
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.find_answer(p_task_id, i.item ->> 'model') f on i.item ->> 'step' is null
    join public.cogo_attempts a
      on a.subtask_id = coalesce(s.id, f.subtask_id)
     and a.attempt = coalesce(o.attempt, f.attempt)
     and a.outcome = 'completed'
    left join lateral (
      select j.model_id, j.usage -> 'derived' ->> 'maker' as maker
        from cogo.subtasks r
        join cogo.subtask_outputs q on q.subtask_id = r.id
        join public.cogo_attempts j on j.subtask_id = r.id and j.attempt = q.attempt
       where r.task_id = p_task_id and r.key = i.item ->> 'judge'
    ) as judge on true
   where cogo.is_model_lane(a.lane)
     and judge.model_id is distinct from a.model_id
     and (judge.maker = a.usage -> 'derived' ->> 'maker') is not true
   order by i.nth;
$function$;

create or replace function cogo.validate_flow_end(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_problem text;
  v_ends text[] := array(
    select e.name
      from unnest(array['plan', 'suspend', 'hand_over', 'again']) as e (name)
     where nullif(p_item -> e.name, 'null') is not null
  );
begin
  if cardinality(v_ends) > 1 then
    return 'a flow ends its attempt in one way, not with ' || array_to_string(v_ends, ' and ');
  elsif jsonb_typeof(coalesce(p_item -> 'route', 'null')) <> 'null'
     or jsonb_typeof(coalesce(p_item -> 'subtasks', 'null')) <> 'null' then
    return 'a flow must not be completed with a route or subtasks';
  end if;
  v_problem := cogo.validate_judgements(p_item -> 'judgements');
  if v_problem is not null then
    return v_problem;
  elsif v_ends = '{}' then
    if jsonb_typeof(p_item -> 'output') is distinct from 'object' then
      return 'output must be an object';
    end if;
    return null;
  elsif jsonb_typeof(p_item -> v_ends[1]) <> 'object' then
    return v_ends[1] || ' must be an object';
  end if;
  v_problem := case v_ends[1]
    when 'suspend' then cogo.validate_suspension(p_subtask.task_id, p_item -> 'suspend')
    when 'hand_over' then cogo.validate_hand_over(p_subtask.task_id, p_item -> 'hand_over')
    when 'again' then cogo.validate_next_run(p_subtask.task_id, p_item -> 'again')
  end;
  if v_problem is not null then
    return v_problem;
  end if;
  v_problem := cogo.validate_stamps(p_subtask.task_id, p_item);
  if v_problem is not null then
    return 'TQ007: ' || v_problem;
  elsif v_ends[1] = 'plan' then
    return 'TQ006: ' || cogo.validate_plan(p_item -> 'plan');
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_judgements(p_items jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select case
           when coalesce(jsonb_typeof(p_items), 'null') = 'null' then null
           when jsonb_typeof(p_items) <> 'array' then 'judgements must be a list'
           when jsonb_array_length(p_items) > 3000 then 'judgements must be at most 3000'
           when exists (
             select from jsonb_array_elements(p_items) i
              where (
                i ->> 'source' in ('approval', 'run', 'written_tests', 'review', 'agreement')
                and cogo.is_number_between(i -> 'score', 0, 1)
                and 'string' in (jsonb_typeof(i -> 'step'), jsonb_typeof(i -> 'model'))
              ) is not true
           ) then
             'judgements must each have a source (approval, run, written_tests, review or agreement), '
             'a score from 0 to 1, and the key of a step or the name of a model'
         end;
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
  with ranked as materialized (
    select a.subtask_id, a.attempt, a.model_id, s.owner, cogo.find_kind(s.id) as kind, j as was,
           w.strength, w.strength * j.score as good,
           row_number() over (
             partition by j.subtask_id, j.attempt order by w.strength desc, c.place
           ) = 1 as is_best
      from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
      join public.cogo_attempts a using (subtask_id, attempt)
      join cogo.subtasks s on s.id = a.subtask_id
      join cogo.judgements j on j.subtask_id = a.subtask_id and j.attempt = a.attempt
      join cogo.list_judgement_sources() c on c.source = j.source
     cross join lateral (select c.bad + (c.good - c.bad) * j.score as strength) as w
  ), best as materialized (
    select r.subtask_id, r.attempt, r.strength, r.good, (r.was).judged_at as at,
           (r.was).judged = 0 and r.strength > 0
             and r.owner <> '00000000-0000-0000-0000-000000000000' as is_new,
           row_number() over (
             partition by r.owner, r.model_id, r.kind, (r.was).source, (r.was).judged = 0
             order by (r.was).judged_at, r.subtask_id, r.attempt
           ) + coalesce(q.answers, 0) as place
      from ranked r
      left join cogo.judgement_quotas q
        on q.owner = r.owner and q.model_id = r.model_id and q.kind = r.kind
       and q.source = (r.was).source and q.day = (p_now at time zone 'UTC')::date
     where r.is_best
  )
  select r.subtask_id, r.attempt, (r.was).source, r.owner, r.model_id, r.kind,
         (r.was).score > 0.5, r.is_best and b.is_new,
         case when r.is_best then b.strength else 0 end,
         case when r.is_best then b.good else 0 end,
         case when r.is_best then 0 else b.good end,
         case when r.is_best then 0 else b.strength - b.good end, r.was, b.at
    from best b
    join ranked r using (subtask_id, attempt)
   where not b.is_new or b.place <= 50;
$function$;

create or replace function public.cogo_feedback(p_task_id uuid, p_score numeric, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_ratings
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_answer record;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select f.* into v_answer from cogo.find_answer(p_task_id) f;
  if v_answer.subtask_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (
    p_task_id, v_person, p_score, p_comment, v_answer.model_id,
    cogo.task_type(v_answer.subtask_id)
  )
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  perform cogo.record_judgement(
    v_answer.subtask_id, v_answer.attempt, 'feedback',
    (
      select avg(r.score)::float8 from public.cogo_ratings r
       where r.task_id = p_task_id and r.model_id = v_answer.model_id
    ),
    p_is_final => false
  );
  return v_new;
end;
$function$;

drop function public.cogo_model_knowledge(text);

create or replace function public.cogo_model_knowledge(p_agent_id text)
 RETURNS TABLE(outcomes jsonb, health jsonb, controls jsonb, policies jsonb, checks jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function public.cogo_model_outcomes()
 RETURNS TABLE(outcomes jsonb, checks jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select d.outcomes, d.checks from cogo.describe_outcomes() d;
$function$;

drop function cogo.find_verdict(uuid);

comment on table cogo.judgement_quotas is
  'How many answers of a model were counted by judgements of one owner on a day.';

comment on table cogo.judgements is
  'What is known of the worth of an answer, one row for each source of cogo.list_judgement_sources().
The strongest of an answer counts for its model, and says how far the others can be relied on.';

comment on table cogo.model_judgements is
  'The worth of a model''s answers by kind of work and source: sums that decay with a half-life of 7
days. An answer counts by its strongest judgement.';

comment on table cogo.model_outcomes is
  'What a model''s answers took, judged or not, by kind of work: sums that decay with a half-life of 7
days.';

comment on table cogo.outcomes is
  'Attempts that ended or were judged, and that the statistics do not include yet.';

comment on column cogo.judgements.counted_at is
  'The time from which the weights that follow decay; null: they are not in the sums.';

comment on column cogo.judgements.judge is
  'The model that judged, if one did.';

comment on column cogo.judgements.judged is
  'Its weight in cogo.model_judgements; 0: a stronger judgement counts, or its owner has judged enough.';

comment on column cogo.judgements.known_good is
  'Like known_bad its weight in cogo.model_judgements, by what the strongest judgement says.';

comment on column cogo.judgements.score is
  'From 0 (bad) to 1 (good).';

comment on column cogo.model_judgements.after is
  'The models whose answers to the same question failed before; {} counts every answer.';

comment on column cogo.model_judgements.good is
  'The sum of the strengths times the scores.';

comment on column cogo.model_judgements.judged is
  'The sum of the strengths.';

comment on column cogo.model_judgements.known_good is
  'Weight of the answers that the source judged too, and that a stronger judgement found good;
passed_good: of those that the source had accepted. known_bad and passed_bad likewise.';

comment on column cogo.model_outcomes.input_tokens is
  'Like cached_tokens and output_tokens a sum over metered attempts; of the whole prompt, the part that
was read from a cache included.';

comment on column cogo.outcomes.is_judgement is
  'Whether its answer was judged; false: the attempt has ended.';

comment on function cogo.add_decayed(double precision,double precision,double precision) is
  'Return a sum that has decayed to a weight, with what is added or (negative) taken back; at least 0.';

comment on function cogo.count_attempts(uuid[],integer[],timestamp with time zone) is
  'Add attempts that ended to what the answers of their models take, and to the health of their models.';

comment on function cogo.count_judgements(uuid[],integer[],timestamp with time zone) is
  'Bring the sums up to date with the judgements of these answers, each once.';

comment on function cogo.count_outcomes(integer) is
  'Add at most p_limit ended or judged attempts to the statistics and the health of their models; return
how many. The caller makes sure that only one transaction does so at a time.';

comment on function cogo.delete_subtask_records() is
  'Delete the outputs, attempts, turns and judgements of deleted subtasks.';

comment on function cogo.derive_judgements(uuid[],integer[]) is
  'Record what attempts that ended say of themselves: whether data follows its schema, whether calls of
tools were valid, what was wrong with the form, and that their executor has run what they wrote.';

comment on function cogo.describe_outcomes() is
  'Return the outcomes by model and kind of work (decayed sums and means), and how often checks accept
answers that are good and bad, by source and kind.';

comment on function cogo.find_answer(uuid,text) is
  'Return the attempt that wrote the result of a task, or the last of a model for it; null if there is
none.';

comment on function cogo.find_kind(uuid) is
  'Return the kind of work that a subtask''s model was selected for; the type of work, where the
selection is older than kinds.';

comment on function cogo.list_judgement_sources() is
  'Return the sources of judgements with the strength of one that says bad, and of one that says good:
feedback of a person; an approval; tests that were run; the edit of a cell of an AI column; whether data
follows its schema, and calls of tools the tools; the form; tests that a model wrote; a review by a model
of another maker; agreement of independent answers.';

comment on function cogo.list_refused(uuid,integer) is
  'Return the models whose answers to the same question had failed before, in order.';

comment on function cogo.record_judgement(uuid,integer,text,double precision,text,boolean) is
  'Record what a source says of an answer, to be counted soon; return whether that is news. p_is_final:
the first judgement of a source counts. Simulated answers are not judged.';

comment on function cogo.record_judgements(uuid,jsonb) is
  'Record what a workflow says of the answers of its steps.';

comment on function cogo.validate_judgements(jsonb) is
  'Return what is wrong with what a workflow says of answers, as a sentence; null if it is valid.';

comment on function cogo.weigh_judgements(uuid[],integer[],timestamp with time zone) is
  'Return the judgements of answers with the weights that they should have in the sums: of each answer
the strongest counts, unless its owner has judged enough for today, and shows how good the others are.';

comment on function public.cogo_feedback(uuid,numeric,text,uuid) is
  'Rate the answer of a task from 0 to 1: for its owner, who may change it, and for operators, who
may rate for p_person. Counts in the statistics of the model that wrote the answer, unless it was
simulated.';

comment on function public.cogo_model_knowledge(text) is
  'Return what orchestrators select models by: outcomes by model and kind of work (decayed sums and
means), models that are not ok, controls, policies, and how reliable checks are. Counts the attempts
that ended first.';

comment on function public.cogo_model_outcomes() is
  'For operators: what is known of models by kind of work, with the weight of the judgements by source,
and how far each source can be relied on.';

revoke all on table cogo.judgement_quotas from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.judgement_quotas to service_role;

revoke all on table cogo.judgements from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.judgements to service_role;

revoke all on table cogo.model_judgements from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.model_judgements to service_role;

revoke all on function cogo.add_decayed(double precision,double precision,double precision) from public, anon, authenticated, service_role;

grant execute on function cogo.add_decayed(double precision,double precision,double precision) to service_role;

revoke all on function cogo.count_attempts(uuid[],integer[],timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.count_attempts(uuid[],integer[],timestamp with time zone) to service_role;

revoke all on function cogo.count_judgements(uuid[],integer[],timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.count_judgements(uuid[],integer[],timestamp with time zone) to service_role;

revoke all on function cogo.derive_judgements(uuid[],integer[]) from public, anon, authenticated, service_role;

grant execute on function cogo.derive_judgements(uuid[],integer[]) to service_role;

revoke all on function cogo.describe_outcomes() from public, anon, authenticated, service_role;

grant execute on function cogo.describe_outcomes() to service_role;

revoke all on function cogo.find_answer(uuid,text) from public, anon, authenticated, service_role;

grant execute on function cogo.find_answer(uuid,text) to service_role;

revoke all on function cogo.find_kind(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.find_kind(uuid) to service_role;

revoke all on function cogo.list_judgement_sources() from public, anon, authenticated, service_role;

grant execute on function cogo.list_judgement_sources() to service_role;

revoke all on function cogo.list_refused(uuid,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.list_refused(uuid,integer) to service_role;

revoke all on function cogo.record_judgement(uuid,integer,text,double precision,text,boolean) from public, anon, authenticated, service_role;

grant execute on function cogo.record_judgement(uuid,integer,text,double precision,text,boolean) to service_role;

revoke all on function cogo.record_judgements(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.record_judgements(uuid,jsonb) to service_role;

revoke all on function cogo.validate_judgements(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_judgements(jsonb) to service_role;

revoke all on function cogo.weigh_judgements(uuid[],integer[],timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.weigh_judgements(uuid[],integer[],timestamp with time zone) to service_role;

revoke all on function public.cogo_model_knowledge(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_model_knowledge(text) to service_role;

revoke all on function public.cogo_model_outcomes() from public, anon, authenticated, service_role;

grant execute on function public.cogo_model_outcomes() to service_role;

insert into cogo.schema_versions (version) values ('20261129193135')
on conflict (version) do nothing;
