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

create or replace function cogo.record_lost_calls(p_subtask_ids uuid[], p_attempts integer[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_times timestamptz[];
begin
  with lost as (
    delete from cogo.reservations r
     using unnest(p_subtask_ids, p_attempts) as n (id, attempt)
      join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
     where r.subtask_id = n.id and r.attempt = n.attempt and a.ended_at is not null
    returning r.*
  ), recorded as (
    insert into public.cogo_calls (
      id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider,
      provider_model, regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys,
      prompt_sha256, column_id, project, tags
    )
    select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
           nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
           g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
           g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys,
           c.prompt_sha256, g.column_id, g.project, g.tags
      from lost g
      cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
    on conflict do nothing
    returning started_at
  )
  select array_agg(r.started_at) into v_times from recorded r;
  if v_times is not null then
    perform cogo.note_usage_changes(v_times);
  end if;
end;
$$;
comment on function cogo.record_lost_calls is
  'Free the reservations of ended attempts and log their unreported calls as lost.';

-- What was not reported is taken from the audit log. Without calls there, the cost is 0 if no model was
-- called (another lane, or an outcome that the holder reported, as a snooze with its own class of error)
-- and unknown if the holder vanished.
create or replace function cogo.close_attempts(
  p_subtask_ids uuid[],
  p_attempts integer[],
  p_outcome text,
  p_usages jsonb[] default '{}',
  p_error jsonb default null,
  p_completed uuid[] default '{}',
  p_results jsonb[] default '{}'
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_usages jsonb[] := array(
    select cogo.sanitize_usage(n.usage)
      from unnest(p_subtask_ids, p_usages) with ordinality as n (id, usage, nth) order by n.nth
  );
  v_booked jsonb[] := v_usages;
  v_simulated boolean[];
  v_before public.cogo_attempts[];
  v_done text;
begin
  if p_outcome = 'cancelled' then
    -- What was booked when they were cancelled.
    select array_agg(b order by n.nth) into v_before
      from unnest(p_subtask_ids, p_attempts) with ordinality as n (id, attempt, nth)
      left join public.cogo_attempts b on b.subtask_id = n.id and b.attempt = n.attempt;
  end if;
  if array_position(v_usages, null) is not null then
    -- From here on they begin no call. Calls are read in a later statement, which sees all of them.
    perform
       from unnest(p_subtask_ids, p_attempts, v_usages) as n (id, attempt, usage)
       join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
      -- By outcome, since the index of those that have not ended keeps entries while any transaction
      -- may still see them.
      where n.usage is null and a.outcome is null and cogo.is_calling_lane(a.lane)
        for no key update of a;
    select array_agg(
             case
               when n.usage is not null then n.usage
               when cogo.is_calling_lane(a.lane) and a.ended_at is null then
                 cogo.sum_calls(a.task_id, a.subtask_id, a.attempt)
             end order by n.nth
           ),
           array_agg(
             case when n.usage is null then
               cogo.is_calling_lane(a.lane) and exists (
                 select from public.cogo_agents g
                  where g.id = a.agent_id and g.details @> '{"simulated": true}'
               )
             end order by n.nth
           )
      into v_booked, v_simulated
      from unnest(p_subtask_ids, p_attempts, v_usages) with ordinality as n (id, attempt, usage, nth)
      left join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt;
  end if;

  v_done := set_config('cogo.is_recorded', 'on', true);
  with closed as (
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
           simulated = coalesce(g.simulated, g.usage -> 'simulated' = 'true', false)
      from unnest(p_subtask_ids, p_attempts, v_usages, v_booked, v_simulated)
             with ordinality as g (id, attempt, usage, booked, simulated, nth)
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.simulated, g.booked,
              a.cost_usd - coalesce((v_before[g.nth]).cost_usd, 0) as cost_usd,
              coalesce(a.input_tokens, 0) - coalesce((v_before[g.nth]).input_tokens, 0) as input,
              coalesce(a.cached_tokens, 0) - coalesce((v_before[g.nth]).cached_tokens, 0) as cached,
              coalesce(a.output_tokens, 0) - coalesce((v_before[g.nth]).output_tokens, 0) as output,
              coalesce(a.reasoning_tokens, 0) - coalesce((v_before[g.nth]).reasoning_tokens, 0)
                as reasoning
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
        or c.task_id = any (p_completed)
     group by c.task_id
  )
  -- A row that is updated twice costs twice, so what ends a task also books its last attempt.
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
         simulated = t.simulated or s.simulated,
         status = case when t.id = any (p_completed) then 'completed' else t.status end,
         result = case
           when t.id = any (p_completed) then p_results[array_position(p_completed, t.id)]
           else t.result
         end,
         finished_at = case when t.id = any (p_completed) then cogo.now() else t.finished_at end
    from spent s
   where t.id = s.task_id;
  v_done := set_config('cogo.is_recorded', '', true);
  -- In most cases the holder has reported how its calls ended.
  if exists (select from cogo.reservations r where r.subtask_id = any (p_subtask_ids)) then
    perform cogo.record_lost_calls(p_subtask_ids, p_attempts);
  end if;
end;
$$;
comment on function cogo.close_attempts is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked; complete
p_completed, the tasks of some of them, with p_results. The caller records that: cogo.record_changes().
Ended attempts stay as they are, but cancelled ones without usage get it in place of what was booked.
Simulated ones are not counted in statistics.';
