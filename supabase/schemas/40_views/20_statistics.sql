create or replace view public.cogo_model_stats
  with (security_invoker = true)
as
  select w.name as period,
         a.model_id,
         a.provider,
         count(*) as attempts,
         count(*) filter (where a.outcome = 'completed') as completed,
         count(*) filter (where a.outcome in ('failed', 'rerouted')) as failed,
         round(
           count(*) filter (where a.outcome in ('failed', 'rerouted'))::numeric
           / nullif(count(*) filter (where a.outcome in ('completed', 'failed', 'rerouted')), 0), 4
         ) as error_rate,
         percentile_cont(0.5) within group (order by a.first_token_ms) as first_token_ms_p50,
         percentile_cont(0.95) within group (order by a.first_token_ms) as first_token_ms_p95,
         percentile_cont(0.5) within group (order by a.duration_ms) as duration_ms_p50,
         percentile_cont(0.95) within group (order by a.duration_ms) as duration_ms_p95,
         sum(a.input_tokens) as input_tokens,
         sum(a.output_tokens) as output_tokens,
         avg(a.cost_usd) as cost_usd_mean,
         a.simulated
    from (
      values ('hour', interval '1 hour'), ('day', interval '1 day'), ('week', interval '7 days')
    ) as w (name, span)
    join public.cogo_attempts a on a.ended_at > (select cogo.now()) - w.span
   where a.model_id is not null
   group by w.name, a.model_id, a.provider, a.simulated;
comment on view public.cogo_model_stats is
  'Latency, errors and cost per model over the last hour, day and week. Simulated attempts have rows of
their own.';

create or replace view cogo.reported_calls
  with (security_invoker = true)
as
  select l.id
    from public.cogo_calls l
   where l.outcome = 'lost'
     and exists (select from public.cogo_calls r where r.id = l.id and r.outcome <> 'lost');
comment on view cogo.reported_calls is
  'The calls that were lost and reported later, so that they have two rows in the audit log.';

create or replace view public.cogo_usage
  with (security_invoker = true)
as
  select (c.started_at at time zone 'utc')::date as day,
         c.owner,
         c.provider,
         c.model_id,
         count(*) as calls,
         count(*) filter (where c.outcome = 'failed') as failed,
         coalesce(sum(c.input_tokens), 0)::bigint as input_tokens,
         coalesce(sum(c.cached_tokens), 0)::bigint as cached_tokens,
         coalesce(sum(c.cache_write_tokens), 0)::bigint as cache_write_tokens,
         coalesce(sum(c.output_tokens), 0)::bigint as output_tokens,
         coalesce(sum(c.reasoning_tokens), 0)::bigint as reasoning_tokens,
         coalesce(sum(c.cost_usd), 0) as cost_usd,
         count(*) filter (where c.cost_usd is null) as unpriced,
         c.simulated
    from public.cogo_calls c
   where c.outcome <> 'lost' or c.id not in (select r.id from cogo.reported_calls r)
   group by 1, 2, 3, 4, c.simulated;
comment on view public.cogo_usage is
  'Usage and cost per day (UTC), owner, provider and model. cost_usd excludes the calls of unknown cost,
which unpriced counts. Simulated calls have rows of their own. cogo_usage() has more.';

-- A computed column of the Data API: select=*,cogo_silent_ms.
create or replace function public.cogo_silent_ms(p_agent public.cogo_agents)
  returns bigint language sql set search_path = pg_catalog, pg_temp
as $$
  select cogo.elapsed_ms(p_agent.heartbeat_at, cogo.now());
$$;
comment on function public.cogo_silent_ms is
  'Return the milliseconds since an agent''s last heartbeat, by the clock of the database.';
