create or replace function cogo.check_fence(
  p_agent_id text, p_attempt public.cogo_attempts, p_subtask cogo.subtasks
)
  returns text language sql immutable
  return case
    when (p_attempt).agent_id is null then 'unknown'
    when (p_attempt).agent_id <> p_agent_id then 'stale'
    when (p_attempt).ended_at is not null then (p_attempt).outcome
    when (p_subtask).cancel_requested_at is not null then 'closing'
    else 'held'
  end;
comment on function cogo.check_fence is
  'Return whether an agent holds an attempt: held (also after expiry until it is reaped), closing
(its task is over), stale (another agent''s), unknown (no such row), or the outcome that ended it.';

-- What was not reported is taken from the audit log. Without calls there, the cost is 0 if no model was
-- called (another lane, or an outcome that the holder reported, as a snooze with its own class of error)
-- and unknown if the holder vanished.
create or replace function cogo.close_attempts(
  p_subtask_ids uuid[],
  p_attempts integer[],
  p_outcome text,
  p_usages jsonb[] default '{}',
  p_error jsonb default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- From here on they begin no call. Calls are read in a later statement, which sees all of them.
  perform
     from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
     join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
    where coalesce(jsonb_typeof(n.usage), 'null') <> 'object' and a.ended_at is null
      and cogo.is_calling_lane(a.lane)
      for no key update of a;
  -- Materialized: what is read from JSON and from the audit log is computed once, not for each column.
  with given as materialized (
    select n.id, n.attempt, cogo.sanitize_usage(n.usage) as usage
      from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
  ), known as materialized (
    select u.id, u.attempt, u.usage,
           case
             when u.usage is not null then u.usage
             when cogo.is_calling_lane(b.lane) and b.ended_at is null then
               cogo.sum_calls(b.task_id, b.subtask_id, b.attempt)
           end as booked,
           -- What was booked when it was cancelled. Of one that runs all is null.
           b as before,
           case
             when u.usage is not null then coalesce(u.usage -> 'simulated' = 'true', false)
             else exists (
               select from public.cogo_attempts h
                 join public.cogo_agents g on g.id = h.agent_id
                where h.subtask_id = u.id and h.attempt = u.attempt
                  and cogo.is_calling_lane(h.lane)
                  and g.details @> '{"simulated": true}'
             )
           end as simulated
      from given u
      join public.cogo_attempts b on b.subtask_id = u.id and b.attempt = u.attempt
  ), closed as (
    update public.cogo_attempts a
       set ended_at = coalesce(a.ended_at, cogo.now()),
           outcome = p_outcome,
           error = coalesce(nullif(p_error, 'null'), a.error),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.booked ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.booked ->> 'input_tokens')::bigint,
           cached_tokens = (g.booked ->> 'cached_tokens')::bigint,
           output_tokens = (g.booked ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.booked ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.booked is not null then (g.booked ->> 'cost_usd')::numeric
             when not cogo.is_calling_lane(a.lane) then 0
             when p_outcome in ('completed', 'failed', 'rerouted', 'suspended') then 0
             when p_outcome = 'released' and p_error ->> 'class' <> 'released' then 0
             when g.simulated then 0
           end,
           simulated = g.simulated
      from known g
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.simulated, g.booked,
              a.cost_usd - coalesce((g.before).cost_usd, 0) as cost_usd,
              coalesce(a.input_tokens, 0) - coalesce((g.before).input_tokens, 0) as input,
              coalesce(a.cached_tokens, 0) - coalesce((g.before).cached_tokens, 0) as cached,
              coalesce(a.output_tokens, 0) - coalesce((g.before).output_tokens, 0) as output,
              coalesce(a.reasoning_tokens, 0) - coalesce((g.before).reasoning_tokens, 0) as reasoning
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where (cogo.is_model_lane(c.lane) or c.lane like 'sandbox:%') and not c.simulated
       and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           sum(c.input) as input,
           sum(c.cached) as cached,
           sum(c.output) as output,
           sum(c.reasoning) as reasoning,
           bool_or(c.simulated) as simulated
      from closed c
     where c.booked is not null or c.cost_usd is null or c.simulated
     group by c.task_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
         simulated = t.simulated or s.simulated
    from spent s
   where t.id = s.task_id;
end;
$$;
comment on function cogo.close_attempts is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked. Ended
attempts stay as they are, but cancelled ones without usage get it in place of what was booked. Simulated
ones are not counted in statistics.';
