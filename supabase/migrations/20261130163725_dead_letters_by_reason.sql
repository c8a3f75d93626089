-- Dead letters by reason.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_dead_letter_groups(p_since timestamp with time zone DEFAULT NULL::timestamp with time zone, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS TABLE(error_class text, lane text, type text, letters bigint, tasks bigint, last_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select d.error_class, d.lane, d.type, count(*), count(distinct d.task_id), max(d.dead_at)
    from public.cogo_dead_letters d
   where d.dead_at >= coalesce(p_since, '-infinity') and d.dead_at < coalesce(p_until, 'infinity')
   group by d.error_class, d.lane, d.type
   order by count(*) desc, d.error_class, d.lane, d.type
   limit 500;
$function$;

create or replace view public.cogo_dead_letters with (security_invoker=true) as
 SELECT id AS subtask_id,
    task_id,
    key,
    type,
    lane,
    on_failure,
    failures,
    reaps,
    dead_at,
    ( SELECT COALESCE(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane, 'model_id', a.model_id, 'claimed_at', a.claimed_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error) ORDER BY a.attempt), '[]'::jsonb) AS "coalesce"
           FROM public.cogo_attempts a
          WHERE (a.subtask_id = s.id)) AS attempts,
    kind,
    ( SELECT p.error
           FROM cogo.subtask_payloads p
          WHERE (p.subtask_id = s.id)) AS error,
    COALESCE(( SELECT (p.error ->> 'class'::text)
           FROM cogo.subtask_payloads p
          WHERE (p.subtask_id = s.id)), ( SELECT (a.error ->> 'class'::text)
           FROM public.cogo_attempts a
          WHERE (a.subtask_id = s.id)
          ORDER BY a.attempt DESC
         LIMIT 1), ( SELECT (t.error ->> 'class'::text)
           FROM public.cogo_tasks t
          WHERE ((t.id = s.task_id) AND ((t.error ->> 'subtask_id'::text) = (s.id)::text))), 'unknown'::text) AS error_class
   FROM cogo.subtasks s
  WHERE (dead_at IS NOT NULL);

comment on view public.cogo_dead_letters is
  'Subtasks that failed for good, with every attempt. error_class is that of its own error, of its last
attempt''s, or of its task''s if that names it, else unknown. Redriving removes them from here.';

comment on function public.cogo_dead_letter_groups(timestamp with time zone,timestamp with time zone) is
  'For operators: how many dead letters there are, and of how many tasks, by class of error, lane and
type, the most frequent first; of those that died from p_since to before p_until. At most 500 groups.';

revoke all on function public.cogo_dead_letter_groups(timestamp with time zone,timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function public.cogo_dead_letter_groups(timestamp with time zone,timestamp with time zone) to service_role;

insert into cogo.schema_versions (version) values ('20261130163725')
on conflict (version) do nothing;
