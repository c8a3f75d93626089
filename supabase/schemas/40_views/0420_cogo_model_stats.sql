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
  'Observed latency, errors and cost per model over the last hour, day and week. What the
vendor simulator answered in its place has rows of its own.';

revoke all on public.cogo_model_stats from public, anon, authenticated, service_role;
grant select on public.cogo_model_stats to authenticated, service_role;
