-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0400_cogo_subtasks.sql
create or replace view public.cogo_subtasks
  with (security_invoker = true)
as
  select s.id, s.seq, s.task_id, s.key, s.type, s.lane, s.status, s.priority, s.deps_left,
         s.attempt, s.failures, s.max_failures, s.reaps, s.max_reaps, s.sink, s.needs_approval,
         s.run_at, s.lease_expires_at, s.agent_id, s.cancel_requested_at, s.dead_at,
         s.created_at, s.started_at, s.finished_at,
         coalesce(p.params, '{}') as params,
         coalesce(p.metadata, '{}') as metadata,
         o.output,
         a.error,
         case when c.subtask_id is not null then jsonb_build_object(
           'attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning
         ) end as checkpoint,
         array(
           select d.parent_id from cogo.dependencies d where d.child_id = s.id order by d.parent_id
         ) as dependencies,
         s.on_failure
    from cogo.subtasks s
    left join cogo.subtask_payloads p on p.subtask_id = s.id
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.checkpoints c on c.subtask_id = s.id
    left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt;
comment on view public.cogo_subtasks is
  'Subtasks with everything about them; error is that of the latest attempt.';

revoke all on public.cogo_subtasks from public, anon, authenticated, service_role;
grant select on public.cogo_subtasks to authenticated, service_role;

-- schemas/0402_cogo_task_previews.sql
create or replace view public.cogo_task_previews
  with (security_invoker = true)
as
  select t.id, t.seq, t.type, left(t.prompt, 300) as prompt, cogo.preview(t.params) as params,
         t.priority, t.owner, t.session_id, t.idempotency_key, t.model,
         cogo.preview(t.preferences) as preferences, t.budget_usd, t.deadline, t.run_at, t.stream,
         t.status, cogo.preview(t.result) as result, cogo.preview(t.error) as error, t.cost_usd,
         t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens, t.simulated,
         t.cancel_requested_at, t.paused_at, t.created_at, t.started_at, t.finished_at
    from public.cogo_tasks t;
comment on view public.cogo_task_previews is
  'Tasks for lists: the first 300 characters of the prompt, and of params and results beyond 4 KiB
only their short fields.';

revoke all on public.cogo_task_previews from public, anon, authenticated, service_role;
grant select on public.cogo_task_previews to authenticated, service_role;

-- schemas/0410_cogo_events.sql
create or replace view public.cogo_events
  with (security_invoker = true)
as
  select e.task_id, e.seq, e.at, e.kind, e.subtask_id, e.attempt, e.agent_id, e.detail
    from cogo.events e;
comment on view public.cogo_events is
  'The history of a task without gaps: whoever saw seq n reads on with seq > n.';

revoke all on public.cogo_events from public, anon, authenticated, service_role;
grant select on public.cogo_events to authenticated, service_role;

-- schemas/0415_cogo_silent_ms.sql
-- A computed column of the Data API: select=*,cogo_silent_ms.
create or replace function public.cogo_silent_ms(p_agent public.cogo_agents)
  returns bigint
  language sql
  volatile
  set search_path = ''
as $$
  select cogo.milliseconds(p_agent.heartbeat_at, cogo.now());
$$;
comment on function public.cogo_silent_ms(public.cogo_agents) is
  'For how long nothing was heard of an agent, by the clock that noted when it was.';

revoke all on function public.cogo_silent_ms(public.cogo_agents)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_silent_ms(public.cogo_agents) to service_role;

-- schemas/0420_cogo_model_stats.sql
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

-- schemas/0430_cogo_dead_letters.sql
create or replace view public.cogo_dead_letters
  with (security_invoker = true)
as
  select s.id as subtask_id, s.task_id, s.key, s.type, s.lane, s.on_failure, s.failures, s.reaps,
         s.dead_at,
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane,
                        'model_id', a.model_id, 'claimed_at', a.claimed_at,
                        'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id
         ) as attempts
    from cogo.subtasks s
   where s.dead_at is not null;
comment on view public.cogo_dead_letters is
  'Subtasks that failed for good, with every attempt at them. Redriving takes them out.';

revoke all on public.cogo_dead_letters from public, anon, authenticated, service_role;
grant select on public.cogo_dead_letters to authenticated, service_role;

-- schemas/0440_cogo_usage.sql
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

insert into cogo.schema_versions (version) values ('20261121090200')
on conflict (version) do nothing;
