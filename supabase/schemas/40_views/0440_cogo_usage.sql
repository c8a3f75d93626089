create or replace view public.cogo_usage
  with (security_invoker = true)
as
  select (c.started_at at time zone 'utc')::date as day,
         c.owner,
         c.provider,
         c.model_id,
         count(distinct c.id) as calls,
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
   group by 1, 2, 3, 4, c.simulated;
comment on view public.cogo_usage is
  'What was used and spent per day (UTC), owner, provider and model. cost_usd leaves out the calls
that unpriced counts: what they cost is not known. Simulated calls have rows of their own.';

revoke all on public.cogo_usage from public, anon, authenticated, service_role;
grant select on public.cogo_usage to authenticated, service_role;
