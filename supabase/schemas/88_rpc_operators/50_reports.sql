create or replace function public.cogo_model_report(p_since timestamptz default null)
  returns table (
    model_id text, health text, reason text, since timestamptz, selections bigint,
    attempts bigint, completed bigint, failed bigint, availability numeric,
    first_token_ms_p50 double precision, duration_ms_p50 double precision,
    duration_ms_p95 double precision, input_tokens bigint, output_tokens bigint,
    cost_usd numeric, ratings bigint, satisfaction numeric, simulated boolean
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  with bounds as (
    select coalesce(p_since, cogo.now() - interval '1 day') as since
  ), attempted as (
    select a.model_id, a.simulated, count(*) as attempts,
           count(*) filter (where a.outcome = 'completed') as completed,
           count(*) filter (where a.outcome in ('failed', 'rerouted')) as failed,
           percentile_cont(0.5) within group (order by a.first_token_ms) as first_token_ms_p50,
           percentile_cont(0.5) within group (order by a.duration_ms) as duration_ms_p50,
           percentile_cont(0.95) within group (order by a.duration_ms) as duration_ms_p95,
           coalesce(sum(a.input_tokens + coalesce(a.cached_tokens, 0)), 0)::bigint as input_tokens,
           coalesce(sum(a.output_tokens), 0)::bigint as output_tokens,
           sum(a.cost_usd) as cost_usd
      from public.cogo_attempts a, bounds b
     where a.ended_at > b.since and a.model_id is not null
     group by a.model_id, a.simulated
  ), chosen as (
    select m.selected_model as model_id, coalesce(t.simulated, false) as simulated,
           count(*) as selections
      from bounds b
      join public.cogo_model_selections m on m.created_at > b.since
      left join public.cogo_tasks t on t.id = m.task_id
     where m.selected_model is not null
     group by m.selected_model, coalesce(t.simulated, false)
  ), rated as (
    select r.model_id, t.simulated, count(*) as ratings, round(avg(r.score), 3) as satisfaction
      from bounds b
      join public.cogo_ratings r on r.rated_at > b.since
      join public.cogo_tasks t on t.id = r.task_id
     group by r.model_id, t.simulated
  )
  select model_id, case when simulated then 'ok' else coalesce(h.health, 'ok') end,
         case when not simulated then h.reason end, case when not simulated then h.since end,
         coalesce(c.selections, 0),
         coalesce(t.attempts, 0), coalesce(t.completed, 0), coalesce(t.failed, 0),
         round(t.completed::numeric / nullif(t.completed + t.failed, 0), 4),
         t.first_token_ms_p50, t.duration_ms_p50, t.duration_ms_p95,
         coalesce(t.input_tokens, 0), coalesce(t.output_tokens, 0), t.cost_usd,
         coalesce(r.ratings, 0), r.satisfaction, simulated
    from attempted t
    full join chosen c using (model_id, simulated)
    full join rated r using (model_id, simulated)
    left join cogo.model_health h using (model_id)
   order by model_id, simulated;
$$;
comment on function public.cogo_model_report is
  'For operators, by model since p_since (a day ago): health, selections, attempts, latency, tokens,
cost and ratings. Simulated attempts have rows of their own.';

create or replace function public.cogo_deployments()
  returns table (
    deployment text, model_id text, provider text, state text, wait_seconds numeric,
    answered numeric, failed numeric, openings integer, last_error jsonb, last_error_at timestamptz,
    changed_at timestamptz, agents bigint, concurrency bigint, running bigint, unreachable_for bigint
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.deployment, d.model_id, d.provider,
         case when d.state = 'closed' and d.not_before > cogo.now() then 'resting' else d.state end,
         cogo.circuit_wait_seconds(d, cogo.now()),
         round((d.answered * w.weight)::numeric, 1), round((d.failed * w.weight)::numeric, 1),
         d.openings, d.last_error, d.last_error_at, d.changed_at,
         a.agents, a.concurrency, a.running, a.unreachable_for
    from cogo.deployments d
   cross join lateral (
     select cogo.decay(d.counted_at, cogo.now(), 60 * ln(2::float8)) as weight
   ) as w
   cross join lateral (
     select count(*) as agents,
            coalesce(sum(s.concurrency), 0) as concurrency,
            coalesce(sum(s.running), 0) as running,
            count(*) filter (where s.unreachable > 0) as unreachable_for
       from cogo.deployment_agents s
      where s.deployment = d.deployment and s.reported_at > cogo.now() - interval '1 minute'
   ) as a
   order by d.deployment;
$$;
comment on function public.cogo_deployments is
  'For operators: the circuit of each deployment that was ever called, its recent calls (decayed),
the last error, and the concurrency that live executors allow together.';
