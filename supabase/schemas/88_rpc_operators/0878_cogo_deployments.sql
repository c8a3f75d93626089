create or replace function public.cogo_deployments()
  returns table (
    deployment text, model_id text, provider text, state text, wait_seconds numeric,
    answered numeric, failed numeric, openings integer, last_error jsonb, last_error_at timestamptz,
    changed_at timestamptz, agents bigint, concurrency bigint, running bigint, unreachable_for bigint
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select d.deployment, d.model_id, d.provider,
         case when d.state = 'closed' and d.not_before > cogo.now() then 'resting' else d.state end,
         cogo.deployment_wait(d, cogo.now()),
         round((d.answered * w.weight)::numeric, 1), round((d.failed * w.weight)::numeric, 1),
         d.openings, d.last_error, d.last_error_at, d.changed_at,
         a.agents, a.concurrency, a.running, a.unreachable_for
    from cogo.deployments d
   cross join lateral (
     select exp(-greatest(0, extract(epoch from cogo.now() - d.counted_at)) / 60) as weight
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
comment on function public.cogo_deployments() is
  'For operators: the circuit of each deployment that was ever called, what the last minutes weigh, the
last error, and the room that living executors give it together.';

revoke all on function public.cogo_deployments()
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_deployments() to service_role;
