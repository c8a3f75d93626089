-- Judged answers.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_judged_answers(p_after_subtask uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid, p_after_attempt integer DEFAULT 0, p_limit integer DEFAULT 500, p_with_prompts boolean DEFAULT false)
 RETURNS TABLE(subtask_id uuid, attempt integer, question text, model_id text, kind text, source text, score double precision, strength double precision, judged_at timestamp with time zone, has_form boolean, cost_usd numeric, prompt text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with answers as materialized (
    select distinct j.subtask_id, j.attempt
      from cogo.judgements j
     where (j.subtask_id, j.attempt) > (p_after_subtask, p_after_attempt)
     order by 1, 2
     limit least(greatest(coalesce(p_limit, 500), 1), 1000)
  )
  select n.subtask_id, n.attempt,
         md5(
           jsonb_build_array(
             p.params -> 'generation_prompt', p.params -> 'messages', p.params -> 'system',
             p.params -> 'code_context', p.params -> 'tests', p.params -> 'files', t.session_id
           )::text
         ),
         a.model_id, cogo.find_kind(n.subtask_id), best.source, best.score, best.strength,
         best.judged_at,
         (
           select f.score > 0.5
             from cogo.judgements f
            where f.subtask_id = n.subtask_id and f.attempt = n.attempt and f.source = 'form'
         ),
         a.cost_usd,
         case when p_with_prompts then left(p.params ->> 'generation_prompt', 100000) end
    from answers n
    join public.cogo_attempts a using (subtask_id, attempt)
    join public.cogo_tasks t on t.id = a.task_id
    join cogo.subtask_payloads p using (subtask_id)
   cross join lateral (
     select j.source, j.score, w.strength, j.judged_at
       from cogo.judgements j
       join cogo.list_judgement_sources() c on c.source = j.source
      cross join lateral (select c.bad + (c.good - c.bad) * j.score as strength) as w
      where j.subtask_id = n.subtask_id and j.attempt = n.attempt
      order by w.strength desc, c.place
      limit 1
   ) as best
   order by n.subtask_id, n.attempt;
$function$;

comment on function public.cogo_judged_answers(uuid,integer,integer,boolean) is
  'For operators: return answers that were judged, after the last one of the page before, each with its
strongest judgement. question is the same where models were asked the same; has_form says whether the
check of the form accepted the answer; prompt is null unless it is asked for.';

revoke all on function public.cogo_judged_answers(uuid,integer,integer,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_judged_answers(uuid,integer,integer,boolean) to service_role;

insert into cogo.schema_versions (version) values ('20261129224004')
on conflict (version) do nothing;
