-- Tool calls of models.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table cogo.model_outcomes add column called double precision default 0 not null;

alter table cogo.model_outcomes add column calls_as_text double precision default 0 not null;

alter table cogo.model_outcomes add column calls_failed double precision default 0 not null;

alter table cogo.model_outcomes add column calls_rejected double precision default 0 not null;

alter table cogo.model_outcomes add column calls_repaired double precision default 0 not null;

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
$function$;

create or replace function cogo.count_calls(p_count jsonb)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN cogo.is_number_between(p_count, (0)::numeric, (10000)::numeric) THEN (p_count)::double precision ELSE (0)::double precision END;

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
           when u.output -> 'invalid_calls' > '0' or a.error ->> 'class' = 'bad_tool_calls' then 0
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
$function$;

create or replace function cogo.read_calls(p_usage jsonb, p_error_class text)
 RETURNS TABLE(called integer, repaired double precision, rejected double precision, as_text double precision, failed integer)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with counted as (
    select cogo.count_calls(c.calls -> 'clean') as clean,
           cogo.count_calls(c.calls -> 'repaired') as repaired,
           (
             select coalesce(sum(cogo.count_calls(r.value)), 0)
               from jsonb_each(
                 case jsonb_typeof(c.calls -> 'rejected')
                   when 'object' then c.calls -> 'rejected' else '{}' end
               ) r
           ) as rejected,
           cogo.count_calls(c.calls -> 'text') as as_text
      from (select p_usage -> 'derived' -> 'calls' as calls) as c
  ), summed as (
    select c.*, c.clean + c.repaired + c.rejected as calls,
           coalesce(p_error_class = 'bad_tool_calls', false) as has_failed
      from counted c
  )
  select 1, s.repaired / greatest(s.calls, 1),
         case when s.calls > 0 then s.rejected / s.calls else 1 end,
         least(s.as_text / greatest(s.calls, 1), 1), s.has_failed::integer
    from summed s
   where s.calls > 0 or s.has_failed;
$function$;

comment on column cogo.model_outcomes.called is
  'Attempts in which the model called tools, answered or not. calls_repaired, calls_rejected and
calls_as_text are sums of the shares of their calls; calls_failed: those that ended with bad_tool_calls.';

comment on function cogo.count_calls(jsonb) is
  'Return a count of calls; 0 for what is none.';

comment on function cogo.read_calls(jsonb,text) is
  'Return the shares of the calls of tools in an attempt that were repaired, rejected and written as
text, and whether it failed because no call could be run; no row without calls.';

revoke all on function cogo.count_calls(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.count_calls(jsonb) to service_role;

revoke all on function cogo.read_calls(jsonb,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_calls(jsonb,text) to service_role;

insert into cogo.schema_versions (version) values ('20261130021938')
on conflict (version) do nothing;
