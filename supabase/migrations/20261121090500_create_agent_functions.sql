-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0800_cogo_claim_subtasks.sql
-- Waits for no task and no subtask: what another agent is working on is skipped. Limits are
-- counted in a statement of their own, after they were locked: a snapshot from before the lock
-- would miss what the previous holder claimed.
create or replace function public.cogo_claim_subtasks(
  p_agent_id text,
  p_lanes text[],
  p_limit integer,
  p_lease_seconds numeric default 15,
  p_request_id uuid default null
)
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
  -- What is read here has an index that leads to it, and one plan is as good as another for few and
  -- for many. Statistics of a queue are out of date whenever they are used: a plan made while it was
  -- empty would read whole tables later, and planning costs more than these statements.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_lanes text[];
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_expired boolean;
  v_ids uuid[];
begin
  perform cogo.act_as(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;

  if p_request_id is not null then
    -- Waits only for a repetition of itself.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
     where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id;
    if v_ids is not null then
      return query select * from cogo.leases(v_ids);
      return;
    end if;
  end if;

  -- Mostly there is nothing of the kind, and one look at three indexes says so.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         )
    into v_limited, v_owners, v_due, v_expired;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_due then
    perform cogo.promote(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  select array_agg(o.lane), array_agg(o.room) into v_lanes, v_rooms from cogo.open_lanes(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_ids is null then
    return;
  end if;

  -- The clock is read when the rows are locked: read before, it could lie before the end of an
  -- attempt that another agent closes at this moment.
  with claimed as (
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = cogo.now() + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, cogo.now())
     where s.id = any (v_ids)
    returning s.id, s.task_id, s.attempt, s.lane
  )
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane, nullif(c.lane, 'cio'), cogo.now()
    from claimed c;
  if v_limited then
    perform cogo.spend_allowances(v_ids);
  end if;

  -- A task is pending until its PLAN is claimed, and planned only by lane cio.
  if 'cio' = any (p_lanes) then
    update public.cogo_tasks t
       set status = 'running', started_at = coalesce(t.started_at, cogo.now())
     where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
       and t.status = 'pending';
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.leases(v_ids);
end;
$$;
comment on function public.cogo_claim_subtasks(text, text[], integer, numeric, uuid) is
  'Leases up to p_limit queued subtasks of the lanes to an agent: by priority and age, fairly among
owners, as far as limits allow. The same p_request_id again gives the leases that still run.';

revoke all on function public.cogo_claim_subtasks(text, text[], integer, numeric, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_claim_subtasks(text, text[], integer, numeric, uuid)
  to service_role;

-- schemas/0810_cogo_extend_leases.sql
-- Takes no task lock and skips rows that somebody holds: their leases keep the time they have,
-- and the next extension finds out what became of them.
create or replace function public.cogo_extend_leases(
  p_agent_id text, p_leases jsonb, p_lease_seconds numeric default 15
)
  returns table (
    subtask_id uuid, attempt integer, answer text, lease_expires_at timestamptz
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_leases) is distinct from 'array' or p_lease_seconds is null
     or p_lease_seconds <= 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_leases must be a list of {subtask_id, attempt} and p_lease_seconds positive';
  end if;

  return query
    with asked as materialized (
      select l.ordinal,
             cogo.to_uuid(l.lease ->> 'subtask_id') as id,
             cogo.to_integer(l.lease ->> 'attempt') as attempt,
             l.lease -> 'checkpoint' as checkpoint
        from jsonb_array_elements(p_leases) with ordinality as l (lease, ordinal)
    ), locked as materialized (
      select s.id, s.attempt, s.cancel_requested_at is not null as is_cancelled
        from cogo.subtasks s
       where s.id in (select a.id from asked a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and not k.is_cancelled
         and exists (select from asked a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now
        from (
          select x.id, x.attempt from extended x
           union all
          -- The last text of a cancelled one is kept: somebody has seen it.
          select k.id, k.attempt from locked k where k.is_cancelled
        ) e
        join asked a on a.id = e.id and a.attempt = e.attempt
       where jsonb_typeof(a.checkpoint) = 'object'
      on conflict (subtask_id) do update
        set attempt = excluded.attempt,
            content = excluded.content,
            reasoning = excluded.reasoning,
            updated_at = excluded.updated_at
    )
    select a.id, a.attempt,
           case
             when e.id is not null then 'ok'
             when s.id is null then 'lost'
             when s.cancel_requested_at is not null then 'cancel'
             else 'ok'
           end,
           coalesce(e.lease_expires_at, s.lease_expires_at)
      from asked a
      left join extended e on e.id = a.id and e.attempt = a.attempt
      left join cogo.subtasks s
             on s.id = a.id and s.attempt = a.attempt and s.status = 'running'
            and s.agent_id = p_agent_id
     order by a.ordinal;
end;
$$;
comment on function public.cogo_extend_leases(text, jsonb, numeric) is
  'Extends leases and keeps their checkpoints. Per lease: ok, cancel (stop, the task is over) or
lost (stop, it is somebody else''s). A lease that expired and was not reaped is extended.';

revoke all on function public.cogo_extend_leases(text, jsonb, numeric)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_extend_leases(text, jsonb, numeric) to service_role;

-- schemas/0820_cogo_complete_subtasks.sql
create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
  -- What is read here has an index that leads to it, and one plan is as good as another for few and
  -- for many. Statistics of a queue are out of date whenever they are used: a plan made while it was
  -- empty would read whole tables later, and planning costs more than these statements.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  return query select * from cogo.settle_completions(p_agent_id, p_items);
end;
$$;
comment on function public.cogo_complete_subtasks(text, jsonb) is
  'Records what attempts made; one answer per item, in order, and no item spoils another. Repeat
it until it answers: ok, duplicate (already recorded), stale (no longer yours), closed (the task is
over), unknown, or invalid (nothing written, see detail).';

revoke all on function public.cogo_complete_subtasks(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_complete_subtasks(text, jsonb) to service_role;

-- schemas/0830_cogo_fail_subtask.sql
create or replace function public.cogo_fail_subtask(
  p_agent_id text,
  p_subtask_id uuid,
  p_attempt integer,
  p_error jsonb,
  p_action text default 'retry',
  p_retry_after_seconds numeric default null,
  p_usage jsonb default null
)
  returns table (
    subtask_id uuid, attempt integer, answer text, status text, run_at timestamptz, after_ms bigint
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_answer text;
  -- A failure can always be recorded: what nobody could read is left out of it.
  v_error constant jsonb := case when cogo.json_problem(p_error) is null then p_error
    else jsonb_build_object('class', p_error ->> 'class', 'message', p_error ->> 'message') end;
begin
  perform cogo.act_as(p_agent_id);
  if p_action is null or p_action not in ('retry', 'reroute', 'give_up', 'snooze') then
    raise exception using
      errcode = 'TQ004', message = 'p_action must be retry, reroute, give_up or snooze';
  elsif jsonb_typeof(p_error) is distinct from 'object' or p_error ->> 'class' is null then
    raise exception using
      errcode = 'TQ004', message = 'p_error must be an object with class and message';
  end if;

  perform cogo.lock_tasks(array[p_subtask_id]);
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;
  select a.* into v_attempt
    from public.cogo_attempts a where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
  v_answer := cogo.fence(p_agent_id, v_attempt, v_subtask);
  if v_answer = 'held' then
    perform cogo.end_in_failure(v_subtask, v_error, p_action, p_retry_after_seconds, p_usage);
  elsif v_answer = 'closing' then
    perform cogo.cancel_running(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'released' and v_attempt.error ->> 'class' <> 'released' then
    v_answer := 'snoozed';
  end if;

  return query
    select p_subtask_id, p_attempt,
           case
             when v_answer = 'held' then 'ok'
             when v_answer in ('failed', 'rerouted', 'snoozed') then 'duplicate'
             when v_answer in ('closing', 'cancelled') then 'closed'
             when v_answer = 'unknown' then 'unknown'
             else 'stale'
           end,
           s.status, s.run_at, cogo.milliseconds(cogo.now(), s.run_at)
      from (select) as always
      left join cogo.subtasks s on s.id = p_subtask_id;
end;
$$;
comment on function public.cogo_fail_subtask(text, uuid, integer, jsonb, text, numeric, jsonb) is
  'Ends an attempt that failed: retry (after p_retry_after_seconds, at most a day, else backoff with
full jitter), reroute (another model), give_up (dead letter, the task fails), snooze (later, spends
nothing).
Answers ok, duplicate, stale, closed or unknown, where the subtask stands, and in how many
milliseconds it may be claimed again.';

revoke all on function public.cogo_fail_subtask(text, uuid, integer, jsonb, text, numeric, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_fail_subtask(
  text, uuid, integer, jsonb, text, numeric, jsonb
) to service_role;

-- schemas/0840_cogo_release_subtasks.sql
create or replace function public.cogo_release_subtasks(
  p_agent_id text, p_leases jsonb default null, p_reason text default 'drain',
  p_died boolean default false
)
  returns table (subtask_id uuid, attempt integer, answer text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_leases jsonb := nullif(p_leases, 'null');
  v_lease jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
begin
  perform cogo.act_as(p_agent_id);
  if v_leases is null then
    select coalesce(
             jsonb_agg(
               jsonb_build_object('subtask_id', s.id, 'attempt', s.attempt) order by s.seq
             ), '[]'
           ) into v_leases
      from cogo.subtasks s
     where s.status = 'running' and s.agent_id = p_agent_id;
  elsif jsonb_typeof(v_leases) <> 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_leases must be a list of {subtask_id, attempt}, or null';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(l.value ->> 'subtask_id') from jsonb_array_elements(v_leases) l)
  );

  for v_lease in select l.value from jsonb_array_elements(v_leases) l loop
    subtask_id := cogo.to_uuid(v_lease ->> 'subtask_id');
    attempt := cogo.to_integer(v_lease ->> 'attempt');
    select s.* into v_subtask from cogo.subtasks s where s.id = subtask_id;
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_lease ->> 'attempt');
    answer := cogo.fence(p_agent_id, v_attempt, v_subtask);
    if answer = 'closing' then
      perform cogo.cancel_running(subtask_id, attempt, null);
    elsif answer = 'held' and p_died then
      perform cogo.hand_back(
        v_subtask, 'reaped',
        jsonb_build_object('class', 'worker_died', 'message', format('agent %s died', p_agent_id)),
        true
      );
    elsif answer = 'held' then
      perform cogo.hand_back(
        v_subtask, 'released', jsonb_build_object('class', 'released', 'message', p_reason), false
      );
    end if;
    answer := case
      when answer in ('held', 'closing') then 'ok' when answer = 'unknown' then 'unknown'
      else 'stale'
    end;
    return next;
  end loop;
end;
$$;
comment on function public.cogo_release_subtasks(text, jsonb, text, boolean) is
  'Gives leases back at once (null: all of the agent): ok, stale or unknown for each. A drain spends
nothing; p_died, for the supervisor of a process that died, counts as a reap.';

revoke all on function public.cogo_release_subtasks(text, jsonb, text, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_release_subtasks(text, jsonb, text, boolean) to service_role;

-- schemas/0841_note_switch.sql
create or replace function cogo.note_switch(
  p_kind text, p_subject text, p_scope text, p_was text, p_became text, p_reason text,
  p_numbers jsonb, p_who text
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  insert into public.cogo_model_switches (kind, subject, scope, was, became, reason, numbers, who)
  values (
    p_kind, p_subject, p_scope, p_was, p_became, p_reason, coalesce(p_numbers, '{}'), p_who
  );
  perform cogo.ring(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_subject,
      'status', case
        when p_became in ('open', 'ban', 'drain') then 'unavailable'
        when p_became = 'degraded' then 'degraded'
        else 'available'
      end,
      'kind', p_kind,
      'scope', p_scope,
      'was', p_was,
      'became', p_became,
      'who', p_who,
      'reason', p_reason,
      'numbers', coalesce(p_numbers, '{}'),
      'timestamp', cogo.iso(cogo.now())
    ),
    p_who, 'cogo-model-selection'
  );
end;
$$;
comment on function cogo.note_switch(text, text, text, text, text, text, jsonb, text) is
  'Keeps and announces one change of what may be chosen: who, why, and the numbers.';

revoke all on function cogo.note_switch(text, text, text, text, text, text, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.note_switch(text, text, text, text, text, text, jsonb, text)
  to service_role;

-- schemas/0842_count_outcomes.sql
-- A failure of the vendor counts against a model's quality only while the model is well: an outage
-- is a matter of health, and must not be remembered for weeks as bad answers.
-- So are the failures of a trial whether it is over.
create or replace function cogo.count_outcomes(p_limit integer)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  with taken as materialized (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt
  ), seen as materialized (
    select a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.output_tokens, a.cost_usd,
           coalesce(chosen.task_type, 'general') as task_type,
           coalesce(refused.models, '{}') as after,
           a.outcome = 'completed' as answered,
           coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty,
           case
             when a.error ->> 'class' = 'check_failed' then false
             when jsonb_array_length(answer.verification -> 'checks') > 0 then
               not answer.verification @? '$.checks[*] ? (@.passed == false)'
           end as passed,
           case
             when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
             when a.outcome <> 'completed' then null
             when answer.verification ->> 'status' = 'verified' then 1
             when answer.verification ->> 'status' = 'failed' then 0
             when answer.verification @? '$.checks[*] ? (@.passed == false)' then 0
             else 0.8
           end as good,
           coalesce(h.health = 'ok' and not h.on_trial, true) as well
      from taken t
      join public.cogo_attempts a using (subtask_id, attempt)
      left join cogo.model_health h on h.model_id = a.model_id
      left join lateral (
        select m.requirements ->> 'taskType' as task_type
          from public.cogo_model_selections m
         where m.subtask_id = a.subtask_id
         order by m.created_at desc
         limit 1
      ) as chosen on true
      left join lateral (
        select array_agg(e.model_id order by e.attempt) as models
          from public.cogo_attempts e
         where e.subtask_id = a.subtask_id and e.attempt < a.attempt
           and e.error ->> 'class' = 'check_failed'
      ) as refused on true
      left join lateral (
        select o.output -> 'verification' as verification
          from cogo.subtask_outputs o
         where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      ) as answer on true
     where a.model_id is not null
  ), judged as (
    select s.*, case when s.faulty and s.well then 0 else s.good end as verdict from seen s
  ), counted as (
    insert into cogo.model_outcomes as m (
      model_id, task_type, after, judged, good, checked, passed, passed_good, answered, total_ms,
      streamed, first_token_ms, priced, cost_usd, counted_at
    )
    select j.model_id, j.task_type, k.after,
           count(j.verdict), coalesce(sum(j.verdict), 0),
           count(j.passed), count(*) filter (where j.passed),
           coalesce(sum(j.verdict) filter (where j.passed), 0),
           count(*) filter (where j.answered),
           coalesce(sum(j.duration_ms) filter (where j.answered), 0),
           count(j.first_token_ms) filter (where j.answered),
           coalesce(sum(j.first_token_ms) filter (where j.answered), 0),
           count(j.cost_usd) filter (where j.answered),
           coalesce(sum(j.cost_usd) filter (where j.answered), 0), v_now
      from judged j
     cross join lateral (
       select '{}'::text[] as after union select j.after
     ) as k
     group by j.model_id, j.task_type, k.after
    having count(j.verdict) > 0
     order by 1, 2, 3
    on conflict (model_id, task_type, after) do update
      set judged = m.judged * cogo.fading(m.counted_at, v_now, 604800) + excluded.judged,
          good = m.good * cogo.fading(m.counted_at, v_now, 604800) + excluded.good,
          checked = m.checked * cogo.fading(m.counted_at, v_now, 604800) + excluded.checked,
          passed = m.passed * cogo.fading(m.counted_at, v_now, 604800) + excluded.passed,
          passed_good =
            m.passed_good * cogo.fading(m.counted_at, v_now, 604800) + excluded.passed_good,
          answered = m.answered * cogo.fading(m.counted_at, v_now, 604800) + excluded.answered,
          total_ms = m.total_ms * cogo.fading(m.counted_at, v_now, 604800) + excluded.total_ms,
          streamed = m.streamed * cogo.fading(m.counted_at, v_now, 604800) + excluded.streamed,
          first_token_ms =
            m.first_token_ms * cogo.fading(m.counted_at, v_now, 604800) + excluded.first_token_ms,
          priced = m.priced * cogo.fading(m.counted_at, v_now, 604800) + excluded.priced,
          cost_usd = m.cost_usd * cogo.fading(m.counted_at, v_now, 604800) + excluded.cost_usd,
          counted_at = v_now
  ), recent as (
    select s.model_id,
           count(*) filter (where s.answered) as answered,
           count(*) filter (where s.faulty) as failed,
           count(*) filter (
             where s.faulty and s.ended_at > coalesce(l.answered_at, '-infinity')
           ) as in_a_row,
           l.answered_at is not null as broke,
           count(*) filter (where s.answered and s.output_tokens > 0) as paced,
           coalesce(
             sum(s.duration_ms::float8 / greatest(s.output_tokens, 100))
               filter (where s.answered and s.output_tokens > 0), 0
           ) as pace
      from seen s
      join (
        select e.model_id, max(e.ended_at) filter (where e.answered) as answered_at
          from seen e group by e.model_id
      ) as l using (model_id)
     where s.answered or s.faulty
     group by s.model_id, l.answered_at
  ), felt as (
    insert into cogo.model_health as h (
      model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
    )
    select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, v_now
      from recent r
     order by r.model_id
    on conflict (model_id) do update
      set answered = h.answered * cogo.fading(h.counted_at, v_now, 30) + excluded.answered,
          failed = h.failed * cogo.fading(h.counted_at, v_now, 30) + excluded.failed,
          in_a_row =
            excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
          paced = h.paced * cogo.fading(h.counted_at, v_now, 30) + excluded.paced,
          pace = h.pace * cogo.fading(h.counted_at, v_now, 30) + excluded.pace,
          usual_paced = h.usual_paced * cogo.fading(h.counted_at, v_now, 3600)
            + case when h.health = 'ok' then excluded.usual_paced else 0 end,
          usual_pace = h.usual_pace * cogo.fading(h.counted_at, v_now, 3600)
            + case when h.health = 'ok' then excluded.usual_pace else 0 end,
          counted_at = v_now
  )
  select count(*) into v_count from taken;
  return v_count;
end;
$$;
comment on function cogo.count_outcomes(integer) is
  'Adds attempts that ended, up to a number of them, to the statistics and the health of their models.
Says how many. One at a time: the caller sees to that.';

revoke all on function cogo.count_outcomes(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.count_outcomes(integer) to service_role;

-- schemas/0843_judge_health.sql
-- Pure. Two thresholds for each measure, so that a model in between does not go to and fro: what is
-- unwell must be seen to be clearly well again. Who is passed over is not seen at all, so after a
-- while, twice as long each time up to a minute, it is tried again, and then two failures are enough.
-- However long an outage was, a minute after its end the model has its chance.
create or replace function cogo.judge_health(
  p_model cogo.model_health, p_now timestamptz, p_shut boolean
)
  returns cogo.model_health
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_model cogo.model_health := p_model;
  v_weight double precision := cogo.fading(p_model.counted_at, p_now, 30);
  v_calls double precision := (p_model.answered + p_model.failed) * v_weight;
  v_rate double precision := p_model.failed / nullif(p_model.answered + p_model.failed, 0);
  v_enough double precision := case when p_model.on_trial then 1.9 else 4.5 end;
  v_usual double precision;
  v_slower double precision;
  v_worse text;
begin
  -- The moving sum is part of the long one: what is usual is the rest.
  if p_model.usual_paced - p_model.paced * v_weight >= 10 then
    v_usual := (p_model.usual_pace - p_model.pace * v_weight)
               / (p_model.usual_paced - p_model.paced * v_weight);
  end if;
  if p_model.paced * v_weight >= v_enough then
    v_slower := p_model.pace / p_model.paced / nullif(v_usual, 0);
  end if;

  -- On trial somebody must be let through to see whether a circuit closes.
  if p_shut and (not p_model.on_trial or p_now > p_model.since + interval '30 seconds') then
    v_worse := 'open';
    v_model.reason := 'the circuits of all its deployments are open';
  elsif p_model.in_a_row >= 5 or (v_calls >= v_enough and v_rate >= 0.8) then
    v_worse := 'open';
    v_model.reason := format(
      'it does not answer: %s of the last %s calls failed, %s in a row',
      round((p_model.failed * v_weight)::numeric, 1), round(v_calls::numeric, 1), p_model.in_a_row
    );
  elsif v_calls >= v_enough and v_rate >= 0.3 then
    v_worse := 'degraded';
    v_model.reason := format(
      '%s%% of the last %s calls failed', round(v_rate * 100), round(v_calls::numeric, 1)
    );
  elsif v_slower >= 3 then
    v_worse := 'degraded';
    v_model.reason := format(
      'it takes %s ms for a token and usually %s ms',
      round((p_model.pace / p_model.paced)::numeric, 1), round(v_usual::numeric, 1)
    );
  end if;

  if p_model.health = 'ok' and v_worse is not null
     or p_model.health = 'degraded' and v_worse = 'open' then
    v_model.health := v_worse;
    v_model.since := p_now;
    v_model.on_trial := false;
    v_model.retry_at := p_now + make_interval(secs => least(60, 15 * 2 ^ least(p_model.trips, 2)));
    v_model.trips := p_model.trips + 1;
  elsif p_model.health = 'ok' then
    v_model.reason := p_model.reason;
    if p_model.on_trial and v_calls >= 4.5 and v_rate <= 0.1 then
      v_model.on_trial := false;
      v_model.trips := 0;
    end if;
  elsif not p_shut and p_model.answered * v_weight >= 2.5
    and v_rate <= 0.1 and coalesce(v_slower, 1) <= 1.5
  then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.trips := 0;
    v_model.retry_at := null;
    v_model.reason := format(
      'it answers again: %s of the last %s calls',
      round((p_model.answered * v_weight)::numeric, 1), round(v_calls::numeric, 1)
    );
  elsif p_now >= p_model.retry_at then
    v_model.health := 'ok';
    v_model.since := p_now;
    v_model.on_trial := true;
    v_model.retry_at := null;
    v_model.answered := 0;
    v_model.failed := 0;
    v_model.in_a_row := 0;
    v_model.paced := 0;
    v_model.pace := 0;
    v_model.reason := 'it is tried again after '
      || round(extract(epoch from p_now - p_model.since)) || ' s';
  else
    v_model.reason := p_model.reason;
  end if;
  return v_model;
end;
$$;
comment on function cogo.judge_health(cogo.model_health, timestamptz, boolean) is
  'The model with its health as it has to be now, from what its traffic showed; p_shut says that all its
circuits are open.';

revoke all on function cogo.judge_health(cogo.model_health, timestamptz, boolean)
  from public, anon, authenticated, service_role;
grant execute on function cogo.judge_health(cogo.model_health, timestamptz, boolean) to service_role;

-- schemas/0844_learn.sql
-- Every orchestrator asks; one learns at a time, and the others read what it has learned.
create or replace function cogo.learn(p_limit integer default 2000)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_count integer;
  v_was cogo.model_health;
  v_is cogo.model_health;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.learn', 0)) then
    return 0;
  end if;
  v_count := cogo.count_outcomes(p_limit);
  for v_was in
    select h.* from cogo.model_health h
     where h.health <> 'ok' or h.on_trial or h.counted_at > cogo.now() - interval '5 minutes'
        or h.model_id in (select d.model_id from cogo.deployments d where d.state <> 'closed')
     order by h.model_id
  loop
    v_is := cogo.judge_health(
      v_was, cogo.now(),
      coalesce(
        (
          select bool_and(d.state <> 'closed')
            from cogo.deployments d where d.model_id = v_was.model_id
        ), false
      )
    );
    continue when v_is is not distinct from v_was;
    update cogo.model_health h
       set health = v_is.health, reason = v_is.reason, since = v_is.since,
           on_trial = v_is.on_trial, trips = v_is.trips, retry_at = v_is.retry_at,
           answered = v_is.answered, failed = v_is.failed, in_a_row = v_is.in_a_row,
           paced = v_is.paced, pace = v_is.pace
     where h.model_id = v_is.model_id;
    if v_is.health <> v_was.health then
      perform cogo.note_switch(
        'health', v_is.model_id, 'everywhere', v_was.health, v_is.health, v_is.reason,
        jsonb_build_object(
          'answered', round(v_was.answered::numeric, 1),
          'failed', round(v_was.failed::numeric, 1),
          'in_a_row', v_was.in_a_row,
          'ms_per_token', round((v_was.pace / nullif(v_was.paced, 0))::numeric, 1),
          'usual_ms_per_token',
          round((v_was.usual_pace / nullif(v_was.usual_paced, 0))::numeric, 1),
          'retry_at', cogo.iso(v_is.retry_at)
        ),
        cogo.actor()
      );
    end if;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.learn(integer) is
  'Learns from attempts that ended since the last time, and switches models that became unwell or well.';

revoke all on function cogo.learn(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.learn(integer) to service_role;

-- schemas/0845_cogo_model_knowledge.sql
create or replace function public.cogo_model_knowledge(p_agent_id text)
  returns table (outcomes jsonb, health jsonb, controls jsonb, policies jsonb)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  perform cogo.act_as(p_agent_id);
  perform cogo.learn();
  return query
    select coalesce(
             (
               select jsonb_agg(
                        jsonb_build_object(
                          'model_id', m.model_id,
                          'task_type', m.task_type,
                          'after', to_jsonb(m.after),
                          'judged', m.judged * f.left_of,
                          'good', m.good * f.left_of,
                          'checked', m.checked * f.left_of,
                          'passed', m.passed * f.left_of,
                          'passed_good', m.passed_good * f.left_of,
                          'total_ms', m.total_ms / nullif(m.answered, 0),
                          'first_token_ms', m.first_token_ms / nullif(m.streamed, 0),
                          'cost_usd', m.cost_usd / nullif(m.priced, 0)
                        )
                      )
                 from cogo.model_outcomes m
                cross join lateral (
                  select cogo.fading(m.counted_at, cogo.now(), 604800) as left_of
                ) as f
                where m.judged * f.left_of >= 0.5
             ), '[]'
           ),
           coalesce(
             (
               select jsonb_object_agg(h.model_id, h.health)
                 from cogo.model_health h where h.health <> 'ok'
             ), '{}'
           ),
           coalesce((select jsonb_agg(to_jsonb(c) order by c.set_at) from cogo.controls c), '[]'),
           coalesce((select jsonb_object_agg(p.owner, p.policy) from cogo.policies p), '{}');
end;
$$;
comment on function public.cogo_model_knowledge(text) is
  'What orchestrators choose by: outcomes by model and type of task (sums that fade, and means), and
which models are unwell. Learns first from what ended meanwhile.';

revoke all on function public.cogo_model_knowledge(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_model_knowledge(text) to service_role;

-- schemas/0846_restamp.sql
-- Tasks are locked first, in the one order of all locks. What runs is not touched.
create or replace function cogo.restamp(
  p_action text, p_lanes text[], p_scope text, p_reason text, p_who text
)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_ids uuid[];
  v_owner uuid := cogo.to_uuid(substr(p_scope, length('owner:') + 1));
begin
  select array_agg(w.id) into v_ids
    from (
      select s.id, s.task_id
        from (
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status = 'queued'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'blocked'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'delayed'
           union all
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status in ('waiting', 'held')
        ) as s
        join public.cogo_tasks t on t.id = s.task_id
       where s.lane <> 'cio'
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- Who asked for a model by name keeps it, unless nobody may have it.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || coalesce(
             (
               select m.requirements ->> 'taskType' from public.cogo_model_selections m
                where m.subtask_id = s.id order by m.created_at desc limit 1
             ), 'general'
           )
           else true
         end
       order by t.seq
         for no key update of t
    ) as w;

  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids)
       and s.status in ('queued', 'blocked', 'delayed', 'waiting', 'held')
    returning s.*
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select m.task_id,
         row_number() over (partition by m.task_id order by m.seq) + coalesce(
           (
             select e.seq from cogo.events e where e.task_id = m.task_id
              order by e.seq desc limit 1
           ), 0
         ),
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0), p_who,
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.ring_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.restamp(text, text[], text, text, text) is
  'Sends waiting subtasks back to the orchestrators: those in p_lanes, for a pin those in all others.
Says how many.';

revoke all on function cogo.restamp(text, text[], text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.restamp(text, text[], text, text, text) to service_role;

-- schemas/0847_cogo_control_model.sql
create or replace function public.cogo_control_model(
  p_action text,
  p_subject text,
  p_lanes text[] default '{}',
  p_scope text default 'everywhere',
  p_reason text default null,
  p_who text default null
)
  returns table (subject text, action text, scope text, was text, restamped integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_reason text := coalesce(nullif(p_reason, ''), v_who || ' said so');
  v_was text;
  v_pinned text;
  v_restamped integer := 0;
begin
  if p_action is null or p_action not in ('pin', 'ban', 'drain', 'allow') then
    raise exception using errcode = 'TQ004', message = 'p_action must be pin, ban, drain or allow';
  elsif coalesce(p_subject, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_subject must name a model or a provider';
  elsif p_scope is null or not (
    p_scope = 'everywhere' or p_scope like 'task_type:_%'
    or p_scope like 'owner:%' and cogo.to_uuid(substr(p_scope, length('owner:') + 1)) is not null
  ) then
    raise exception using
      errcode = 'TQ004', message = 'p_scope must be everywhere, owner:<uuid> or task_type:<type>';
  end if;
  -- Two operators at once, or one message that several orchestrators heard.
  perform pg_advisory_xact_lock(hashtextextended('cogo.controls', 0));

  select c.action into v_was
    from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  if p_action = 'allow' then
    delete from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  elsif v_was is distinct from p_action then
    if p_action = 'pin' then
      delete from cogo.controls c where c.scope = p_scope and c.action = 'pin'
      returning c.subject into v_pinned;
    end if;
    insert into cogo.controls as c (scope, subject, action, reason, who)
    values (p_scope, p_subject, p_action, v_reason, v_who)
    on conflict (scope, subject) do update
      set action = excluded.action, reason = excluded.reason, who = excluded.who,
          set_at = cogo.now();
    v_restamped := cogo.restamp(
      p_action, coalesce(nullif(p_lanes, '{}'), array[p_subject]), p_scope, v_reason, v_who
    );
  end if;
  if coalesce(v_was, 'allow') <> p_action then
    perform cogo.note_switch(
      'control', p_subject, p_scope, coalesce(v_was, 'allow'), p_action, v_reason,
      jsonb_strip_nulls(
        jsonb_build_object('restamped', v_restamped, 'pinned_before', v_pinned)
      ), v_who
    );
  end if;
  return query
    select p_subject, p_action, p_scope, coalesce(v_was, 'allow'), v_restamped;
end;
$$;
comment on function public.cogo_control_model(text, text, text[], text, text, text) is
  'For operators: pin, ban, drain or allow a model or provider, everywhere, for an owner:<uuid> or a
task_type:<type>. What runs is finished; what waits (in p_lanes: the models of a provider) is stamped
anew. Saying the same again changes nothing.';

revoke all on function public.cogo_control_model(text, text, text[], text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_control_model(text, text, text[], text, text, text)
  to service_role;

-- schemas/0848_cogo_set_policy.sql
create or replace function public.cogo_set_policy(
  p_policy text, p_owner uuid default null, p_who text default null
)
  returns table (policy text, owner uuid, was text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_was text;
begin
  if p_policy = '' or length(p_policy) > 100 then
    raise exception using
      errcode = 'TQ004', message = 'p_policy must name a policy; null takes it away';
  end if;
  select p.policy into v_was from cogo.policies p where p.owner = v_owner;
  if p_policy is null then
    delete from cogo.policies p where p.owner = v_owner;
  else
    insert into cogo.policies as p (owner, policy, who)
    values (v_owner, p_policy, v_who)
    on conflict (owner) do update
      set policy = excluded.policy, who = excluded.who, set_at = cogo.now();
  end if;
  if v_was is distinct from p_policy then
    perform cogo.note_switch(
      'policy', 'policy', case when p_owner is null then 'everywhere' else 'owner:' || p_owner end,
      coalesce(v_was, 'default'), coalesce(p_policy, 'default'), v_who || ' said so', null, v_who
    );
  end if;
  return query select p_policy, p_owner, v_was;
end;
$$;
comment on function public.cogo_set_policy(text, uuid, text) is
  'For operators: the selection policy of an owner''s tasks, or without one of the deployment; null
takes it away. A task may still name its own.';

revoke all on function public.cogo_set_policy(text, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_policy(text, uuid, text) to service_role;

-- schemas/0849_cogo_model_report.sql
create or replace function public.cogo_model_report(p_since timestamptz default null)
  returns table (
    model_id text, health text, reason text, since timestamptz, selections bigint,
    attempts bigint, completed bigint, failed bigint, availability numeric,
    first_token_ms_p50 double precision, duration_ms_p50 double precision,
    duration_ms_p95 double precision, input_tokens bigint, output_tokens bigint,
    cost_usd numeric, ratings bigint, satisfaction numeric, simulated boolean
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  with bounds as (
    select coalesce(p_since, cogo.now() - interval '1 day') as since
  ), tried as (
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
    from tried t
    full join chosen c using (model_id, simulated)
    full join rated r using (model_id, simulated)
    left join cogo.model_health h using (model_id)
   order by model_id, simulated;
$$;
comment on function public.cogo_model_report(timestamptz) is
  'For operators, by model since then (a day ago): how it stands and why, how often it was chosen and
tried, how it answered, what that took and cost, and what people think of it. What the vendor simulator
answered in its place has rows of its own.';

revoke all on function public.cogo_model_report(timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_model_report(timestamptz) to service_role;

-- schemas/0850_cogo_record_agent.sql
create or replace function public.cogo_record_agent(p_agent jsonb)
  returns public.cogo_agents
  language sql
  volatile
  security invoker
  set search_path = ''
  -- A time without an offset is meant as UTC, whatever the session is set to.
  set timezone = 'UTC'
as $$
  insert into public.cogo_agents as a (
    id, kind, lanes, capacity, running, version, host, pid, details, started_at, heartbeat_at,
    stopped_at
  )
  select p_agent ->> 'id',
         p_agent ->> 'kind',
         array(
           select jsonb_array_elements_text(coalesce(nullif(p_agent -> 'lanes', 'null'), '[]'))
         ),
         coalesce((p_agent ->> 'capacity')::integer, 0),
         coalesce((p_agent ->> 'running')::integer, 0),
         p_agent ->> 'version',
         p_agent ->> 'host',
         (p_agent ->> 'pid')::integer,
         coalesce(nullif(p_agent -> 'details', 'null'), '{}'),
         coalesce((p_agent ->> 'started_at')::timestamptz, cogo.now()),
         cogo.now(),
         case when p_agent ->> 'stopped_at' is not null then cogo.now() end
  on conflict (id) do update
    set kind = excluded.kind,
        lanes = excluded.lanes,
        capacity = excluded.capacity,
        running = excluded.running,
        version = excluded.version,
        host = excluded.host,
        pid = excluded.pid,
        details = excluded.details,
        started_at = coalesce((p_agent ->> 'started_at')::timestamptz, a.started_at),
        heartbeat_at = excluded.heartbeat_at,
        stopped_at = excluded.stopped_at
  returning a.*;
$$;
comment on function public.cogo_record_agent(jsonb) is
  'Notes that an agent is alive, with what it can serve. The database says when.';

revoke all on function public.cogo_record_agent(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_agent(jsonb) to service_role;

-- schemas/0860_cogo_reap.sql
create or replace function public.cogo_reap(p_limit integer default 100)
  returns table (reaped integer, dead integer, promoted integer, cancelled integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time is enough.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    perform cogo.fail_task(
      v_task_id,
      jsonb_build_object('class', 'deadline', 'message', 'the deadline of the task has passed')
    );
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  return next;
end;
$$;
comment on function public.cogo_reap(integer) is
  'Housekeeping, called by every agent every few seconds: ended leases, due subtasks,
deadlines, stale answers.';

revoke all on function public.cogo_reap(integer) from public, anon, authenticated, service_role;
grant execute on function public.cogo_reap(integer) to service_role;

-- schemas/0861_must_open.sql
-- Pure: what is known of a deployment, judged. Failures that came all at once may be one event, so
-- a row of them must last; a rate needs enough calls; connections must have failed for several.
create or replace function cogo.must_open(
  p_consecutive integer,
  p_failing interval,
  p_answered double precision,
  p_failed double precision,
  p_unreachable_for integer
)
  returns boolean
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(p_consecutive >= 5 and p_failing >= interval '5 seconds', false)
      or (p_answered + p_failed >= 20 and p_failed >= p_answered)
      or p_unreachable_for >= 2;
$$;
comment on function cogo.must_open(
  integer, interval, double precision, double precision, integer
) is 'Whether a closed circuit opens.';

revoke all on function cogo.must_open(
  integer, interval, double precision, double precision, integer
)
  from public, anon, authenticated, service_role;
grant execute on function cogo.must_open(
  integer, interval, double precision, double precision, integer
) to service_role;

-- schemas/0862_tell_deployment.sql
create or replace function cogo.tell_deployment(p_deployment cogo.deployments)
  returns void
  language sql
  volatile
  set search_path = ''
as $$
  select cogo.ring(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_deployment.model_id,
      'provider', p_deployment.provider,
      'deployment', p_deployment.deployment,
      'status', case p_deployment.state when 'closed' then 'available' else 'unavailable' end,
      'reason', case p_deployment.state
        when 'closed' then 'it answers again'
        else 'its circuit is open: ' || coalesce(p_deployment.last_error ->> 'message', 'it fails')
      end,
      'until', case when p_deployment.state <> 'closed' then cogo.iso(p_deployment.open_until) end,
      'timestamp', cogo.iso(cogo.now())
    ),
    cogo.actor(), 'cogo-model-selection'
  );
$$;
comment on function cogo.tell_deployment(cogo.deployments) is
  'Announces that a circuit has opened or closed.';

revoke all on function cogo.tell_deployment(cogo.deployments)
  from public, anon, authenticated, service_role;
grant execute on function cogo.tell_deployment(cogo.deployments) to service_role;

-- schemas/0863_count_calls.sql
create or replace function cogo.count_calls(p_deployment cogo.deployments, p_item jsonb)
  returns cogo.deployments
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments := p_deployment;
  v_answered integer := coalesce((p_item ->> 'answered')::integer, 0);
  v_failed integer := coalesce((p_item ->> 'failed')::integer, 0);
  v_in_a_row integer := coalesce((p_item ->> 'in_a_row')::integer, v_failed);
  v_weight double precision;
begin
  v_weight := exp(-greatest(0, extract(epoch from v_now - v_deployment.counted_at)) / 60);
  v_deployment.answered := v_deployment.answered * v_weight + v_answered;
  v_deployment.failed := v_deployment.failed * v_weight + v_failed;
  v_deployment.counted_at := v_now;
  if v_answered > 0 then
    v_deployment.consecutive := 0;
    v_deployment.failing_since := null;
  end if;
  if v_in_a_row > 0 then
    v_deployment.consecutive := v_deployment.consecutive + v_in_a_row;
    v_deployment.failing_since := coalesce(v_deployment.failing_since, v_now);
  end if;
  if (p_item ->> 'retry_after_seconds')::numeric > 0 then
    v_deployment.not_before := greatest(
      v_deployment.not_before,
      v_now + cogo.retry_after((p_item ->> 'retry_after_seconds')::numeric)
    );
  end if;
  if jsonb_typeof(p_item -> 'error') = 'object' then
    v_deployment.last_error := p_item -> 'error';
    v_deployment.last_error_at := v_now;
  end if;
  return v_deployment;
end;
$$;
comment on function cogo.count_calls(cogo.deployments, jsonb) is
  'The deployment after some calls were counted; nothing is written.';

revoke all on function cogo.count_calls(cogo.deployments, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.count_calls(cogo.deployments, jsonb) to service_role;

-- schemas/0864_judge_deployment.sql
create or replace function cogo.judge_deployment(
  p_deployment cogo.deployments, p_trial text, p_trial_id uuid
)
  returns cogo.deployments
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments := p_deployment;
  v_is_trial boolean := p_trial is not null and v_deployment.trial_id = p_trial_id;
  v_opens boolean := false;
begin
  if v_deployment.state = 'closed' then
    v_opens := cogo.must_open(
      v_deployment.consecutive, v_now - v_deployment.failing_since,
      v_deployment.answered, v_deployment.failed,
      (
        select count(*)::integer from cogo.deployment_agents a
         where a.deployment = v_deployment.deployment
           and a.unreachable >= 3 and a.unreachable_at > v_now - interval '1 minute'
      )
    );
  elsif v_is_trial and p_trial = 'running' then
    v_deployment.trial_until := v_now + interval '15 seconds';
  elsif v_is_trial and p_trial = 'answered' then
    v_deployment.state := 'closed';
    v_deployment.openings := 0;
    v_deployment.answered := 1;
    v_deployment.failed := 0;
    v_deployment.consecutive := 0;
    v_deployment.failing_since := null;
    update cogo.deployment_agents a set unreachable = 0
     where a.deployment = v_deployment.deployment and a.unreachable > 0;
  elsif v_is_trial and p_trial = 'failed' then
    v_opens := true;
  elsif v_is_trial then
    v_deployment.state := 'open';
    v_deployment.open_until := v_now;
  end if;
  if v_opens then
    v_deployment.state := 'open';
    v_deployment.open_until :=
      v_now + make_interval(secs => least(60, 10 * 2 ^ least(v_deployment.openings, 3)));
    v_deployment.openings := v_deployment.openings + 1;
  end if;
  if v_deployment.state <> 'half_open' then
    v_deployment.trial_id := null;
    v_deployment.trial_agent := null;
    v_deployment.trial_until := null;
  end if;
  if v_deployment.state <> p_deployment.state then
    v_deployment.changed_at := v_now;
  end if;
  return v_deployment;
end;
$$;
comment on function cogo.judge_deployment(cogo.deployments, text, uuid) is
  'The deployment with its circuit as it has to be now. A trial that ended without a verdict, such as
a cancelled one, gives its place to the next.';

revoke all on function cogo.judge_deployment(cogo.deployments, text, uuid)
  from public, anon, authenticated, service_role;
grant execute on function cogo.judge_deployment(cogo.deployments, text, uuid) to service_role;

-- schemas/0865_deployment_wait.sql
-- How much longer no call may pass. While a trial runs its length is anybody's guess: look again soon.
create or replace function cogo.deployment_wait(p_deployment cogo.deployments, p_now timestamptz)
  returns numeric
  language sql
  immutable
  set search_path = ''
as $$
  select round(greatest(
    0,
    extract(epoch from p_deployment.not_before - p_now),
    case p_deployment.state
      when 'open' then extract(epoch from p_deployment.open_until - p_now)
      when 'half_open' then least(5, extract(epoch from p_deployment.trial_until - p_now))
    end
  )::numeric, 3);
$$;
comment on function cogo.deployment_wait(cogo.deployments, timestamptz) is
  'Seconds until a deployment may be asked again; 0: now.';

revoke all on function cogo.deployment_wait(cogo.deployments, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.deployment_wait(cogo.deployments, timestamptz) to service_role;

-- schemas/0866_note_report.sql
create or replace function cogo.note_report(p_agent_id text, p_report bigint, p_item jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_name text := p_item ->> 'deployment';
  v_unreachable integer := (p_item ->> 'unreachable')::integer;
  v_old cogo.deployments;
  v_new cogo.deployments;
  v_draw jsonb;
begin
  insert into cogo.deployments (deployment, model_id, provider)
  values (v_name, p_item ->> 'model_id', p_item ->> 'provider')
  on conflict do nothing;
  select d.* into v_old from cogo.deployments d where d.deployment = v_name for no key update;

  insert into cogo.deployment_agents as a (
    deployment, agent_id, report, unreachable, unreachable_at, concurrency, running
  ) values (
    v_name, p_agent_id, p_report, coalesce(v_unreachable, 0),
    case when v_unreachable > 0 then cogo.now() end,
    (p_item ->> 'concurrency')::integer, (p_item ->> 'running')::integer
  )
  on conflict (deployment, agent_id) do update
    set report = excluded.report,
        unreachable = coalesce(v_unreachable, a.unreachable),
        unreachable_at = case
          when v_unreachable > 0 then cogo.now() else a.unreachable_at
        end,
        concurrency = excluded.concurrency,
        running = excluded.running,
        reported_at = cogo.now()
  where a.report < excluded.report;
  if not found then
    return;
  end if;

  v_new := cogo.judge_deployment(
    cogo.count_calls(v_old, p_item), p_item ->> 'trial', (p_item ->> 'trial_id')::uuid
  );
  update cogo.deployments d
     set state = v_new.state, open_until = v_new.open_until, openings = v_new.openings,
         not_before = v_new.not_before, trial_id = v_new.trial_id,
         trial_agent = v_new.trial_agent, trial_until = v_new.trial_until,
         answered = v_new.answered, failed = v_new.failed, counted_at = v_new.counted_at,
         consecutive = v_new.consecutive, failing_since = v_new.failing_since,
         last_error = v_new.last_error, last_error_at = v_new.last_error_at,
         changed_at = v_new.changed_at,
         model_id = coalesce(p_item ->> 'model_id', d.model_id)
   where d.deployment = v_name;
  if (v_new.state = 'closed') is distinct from (v_old.state = 'closed') then
    perform cogo.tell_deployment(v_new);
  end if;
  for v_draw in select jsonb_array_elements(coalesce(nullif(p_item -> 'given_back', 'null'), '[]'))
  loop
    update cogo.buckets b set tokens = b.tokens + (v_draw ->> 'amount')::float8
     where b.bucket = v_draw ->> 'bucket';
  end loop;
end;
$$;
comment on function cogo.note_report(text, bigint, jsonb) is
  'Counts what one agent saw of one deployment, once, and gives back what it had drawn too much.';

revoke all on function cogo.note_report(text, bigint, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.note_report(text, bigint, jsonb) to service_role;

-- schemas/0867_cogo_report_calls.sql
create or replace function public.cogo_report_calls(
  p_agent_id text, p_report bigint, p_items jsonb default '[]'
)
  returns table (deployment text, state text, wait_seconds numeric, resting boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_item jsonb;
begin
  perform cogo.act_as(p_agent_id);
  if p_report is null or jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_report must be a number, p_items an array of objects';
  end if;
  -- In one order by everybody, so that two reports never wait for each other in a circle.
  for v_item in
    select i.item from jsonb_array_elements(p_items) as i (item)
     where i.item ->> 'deployment' is not null
     order by i.item ->> 'deployment'
  loop
    perform cogo.note_report(p_agent_id, p_report, v_item);
  end loop;
  return query
    select d.deployment, d.state, cogo.deployment_wait(d, cogo.now()), d.not_before > cogo.now()
      from cogo.deployments d
     where d.state <> 'closed' or d.not_before > cogo.now();
end;
$$;
comment on function public.cogo_report_calls(text, bigint, jsonb) is
  'Takes what an agent saw of its calls since its last report; gives all deployments that may not
simply be asked. Items: deployment, model_id, provider, answered, failed, in_a_row (failures since the
last answer), unreachable (connections that failed in a row), retry_after_seconds, error, concurrency,
running, trial (running, answered, failed, void) with trial_id, given_back (bucket, amount).';

revoke all on function public.cogo_report_calls(text, bigint, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_report_calls(text, bigint, jsonb) to service_role;

-- schemas/0868_cogo_take_trial.sql
create or replace function public.cogo_take_trial(
  p_agent_id text, p_deployment text, p_trial_id uuid
)
  returns table (granted boolean, state text, wait_seconds numeric)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments;
begin
  select d.* into v_deployment
    from cogo.deployments d where d.deployment = p_deployment for no key update;
  if v_deployment.not_before > v_now then
    return query
      select false, v_deployment.state, cogo.deployment_wait(v_deployment, v_now);
    return;
  end if;
  if v_deployment.state = 'open' and v_deployment.open_until <= v_now
     or v_deployment.state = 'half_open' and v_deployment.trial_until <= v_now then
    update cogo.deployments d
       set state = 'half_open',
           trial_id = p_trial_id,
           trial_agent = p_agent_id,
           trial_until = v_now + interval '15 seconds'
     where d.deployment = p_deployment
    returning d.* into v_deployment;
  end if;
  return query
    select coalesce(v_deployment.state, 'closed') = 'closed'
             or v_deployment.state = 'half_open'
                and v_deployment.trial_id is not distinct from p_trial_id,
           coalesce(v_deployment.state, 'closed'),
           coalesce(cogo.deployment_wait(v_deployment, v_now), 0);
end;
$$;
comment on function public.cogo_take_trial(text, text, uuid) is
  'Asks to make the one call that shows whether a deployment answers again. The holder keeps it by its
reports; 15 seconds after the last one another may take it. The same p_trial_id gets the same answer.';

revoke all on function public.cogo_take_trial(text, text, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_take_trial(text, text, uuid) to service_role;

-- schemas/0869_cogo_draw.sql
create or replace function public.cogo_draw(p_request_id uuid, p_draws jsonb)
  returns table (granted boolean, wait_seconds numeric)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  if p_request_id is null or jsonb_typeof(p_draws) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_request_id must be a uuid, p_draws an array of objects';
  end if;
  insert into cogo.buckets (bucket)
  select d ->> 'bucket' from jsonb_array_elements(p_draws) d order by 1
  on conflict do nothing;
  perform from cogo.buckets b
    where b.bucket in (select d ->> 'bucket' from jsonb_array_elements(p_draws) d)
    order by b.bucket
      for no key update;
  if exists (
    select from cogo.buckets b
      join jsonb_array_elements(p_draws) d on d ->> 'bucket' = b.bucket
     where b.request_id = p_request_id
  ) then
    return query select true, 0::numeric;
    return;
  end if;

  return query
    with draws as materialized (
      select b.bucket,
             (d ->> 'amount')::float8 as amount,
             (d ->> 'per_minute')::integer as per_minute,
             cogo.allowance((d ->> 'per_minute')::integer, b.tokens, b.refilled_at, v_now) as left,
             -- More than a full bucket is granted by a full one, and paid back by waiting.
             least(
               (d ->> 'amount')::float8,
               cogo.allowance((d ->> 'per_minute')::integer, null, null, v_now)
             ) as needed
        from jsonb_array_elements(p_draws) d
        join cogo.buckets b on b.bucket = d ->> 'bucket'
    ), verdict as materialized (
      select bool_and(w.left >= w.needed) as granted,
             max(greatest(0, (w.needed - w.left) * 60 / w.per_minute)) as seconds
        from draws w
    ), taken as (
      update cogo.buckets b
         set tokens = w.left - w.amount, refilled_at = v_now, request_id = p_request_id
        from draws w, verdict v
       where v.granted and b.bucket = w.bucket
    )
    select coalesce(v.granted, true), round(coalesce(v.seconds, 0)::numeric, 3) from verdict v;
end;
$$;
comment on function public.cogo_draw(uuid, jsonb) is
  'Takes from token buckets (bucket, per_minute, amount), from all or from none: then wait_seconds says
when it may be worth asking again. What was too much comes back with cogo_report_calls.';

revoke all on function public.cogo_draw(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_draw(uuid, jsonb) to service_role;

-- schemas/0870_cogo_record_selection.sql
create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_task_id uuid;
  v_subtask_id uuid;
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.act_as(p_selection ->> 'agent_id');
  end if;
  -- Whoever asks may name what is no task here, or not yet. A refusal is no choice for its task.
  select t.id into v_task_id
    from public.cogo_tasks t
   where t.id = cogo.to_uuid(p_selection ->> 'task_id')
     and p_selection ->> 'selected_model' is not null
     for key share;
  select s.id into v_subtask_id
    from cogo.subtasks s
   where s.id = cogo.to_uuid(p_selection ->> 'subtask_id') and s.task_id = v_task_id
     for key share;
  return cogo.record_selection(p_selection, v_task_id, v_subtask_id);
end;
$$;
comment on function public.cogo_record_selection(jsonb) is
  'Keeps and announces the answer to a request on model-selection: a model, or without selected_model the
reason why there is none. A task_id or subtask_id that does not exist is announced and not kept.';

revoke all on function public.cogo_record_selection(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_selection(jsonb) to service_role;

-- schemas/0872_cogo_begin_call.sql
-- Locks, in this order: the attempt (so that it cannot end unnoticed), the task's budget, the caps
-- by key. Spending is read after they are held: a snapshot from before would miss the last holder's.
create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
  returns table (answer text, scope text, detail text, resets_at timestamptz)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_said constant jsonb := cogo.plausible(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_said);
  v_usd numeric := case when v_call.simulated then 0 else (v_said ->> 'max_usd')::numeric end;
  v_budget numeric;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.act_as(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      return query select 'stale', null::text, 'the attempt is over', null::timestamptz;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    return query select 'ok', null::text, null::text, null::timestamptz;
    return;
  end if;
  detail := cogo.grant_problem(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'not_granted', null::text, detail, null::timestamptz;
    return;
  end if;
  detail := cogo.ban_problem(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'banned', null::text, detail, null::timestamptz;
    return;
  end if;

  select t.budget_usd into v_budget from public.cogo_tasks t where t.id = v_call.task_id;
  if v_budget is not null and v_call.simulated is not true then
    perform pg_advisory_xact_lock(hashtextextended('cogo.budget ' || v_call.task_id::text, 0));
    select p.* into answer, scope, detail, resets_at
      from cogo.cap_problem(
        'task', v_call.task_id::text, 'ever', v_budget, false,
        (
          select coalesce(sum(c.cost_usd), 0)
            from public.cogo_calls c where c.task_id = v_call.task_id
        ),
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(v_key, v_call.provider) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.cap_problem(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd, v_cap.allow_unpriced, v_cap.spent_usd,
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end loop;

  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_said - 'prompt', v_usd
  )
  on conflict do nothing;
  return query select 'ok', null::text, null::text, null::timestamptz;
end;
$$;
comment on function public.cogo_begin_call(text, jsonb) is
  'Before a call to a model: reserves what it may cost at most (max_usd) under every cap that holds.
No cap holds a simulated call, which costs nothing. Answers ok, refused or wait (a cap, see scope and
detail), not_granted, banned, or stale. Whoever got ok
says how it ended with cogo_end_call; what ends with its attempt instead is lost.';

revoke all on function public.cogo_begin_call(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_begin_call(text, jsonb) to service_role;

-- schemas/0874_cogo_end_call.sql
create or replace function public.cogo_end_call(p_agent_id text, p_call jsonb)
  returns table (booked boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_call public.cogo_calls := jsonb_populate_record(
    null::public.cogo_calls, cogo.plausible(p_call)
  );
  v_began timestamptz;
  v_caps cogo.budgets[];
begin
  perform cogo.act_as(p_agent_id);
  v_caps := array(
    select b from cogo.lock_budgets(cogo.budget_key(v_call.owner), v_call.provider) b
  );
  delete from cogo.reservations r where r.call_id = v_call.id returning r.made_at into v_began;

  v_call.agent_id := p_agent_id;
  v_call.simulated := coalesce(v_call.simulated, false);
  if v_call.simulated then
    v_call.cost_usd := 0;
  end if;
  v_call.ended_at := cogo.now();
  -- Without its reservation (its attempt ended meanwhile) only the caller knows how long it took.
  v_call.started_at := coalesce(
    v_began, cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
  );
  insert into public.cogo_calls select v_call.* on conflict do nothing;
  booked := found;
  if booked and v_call.cost_usd > 0 then
    update cogo.budgets b
       set spent_usd = b.spent_usd + v_call.cost_usd
      from unnest(v_caps) as held
     where (b.scope, b.key, b.per) = (held.scope, held.key, held.per);
  end if;
  return next;
end;
$$;
comment on function public.cogo_end_call(text, jsonb) is
  'After a call to a model: writes the audit row, books the cost under every cap and frees what was
reserved. booked is false when it had been written before.';

revoke all on function public.cogo_end_call(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_end_call(text, jsonb) to service_role;

-- schemas/0876_cogo_cached_answer.sql
create or replace function public.cogo_cached_answer(p_key text)
  returns table (answer jsonb, created_at timestamptz)
  language sql
  volatile
  security invoker
  set search_path = ''
as $$
  update cogo.cached_answers c
     set hits = c.hits + 1
   where c.key = p_key and c.expires_at > cogo.now()
  returning c.answer, c.created_at;
$$;
comment on function public.cogo_cached_answer(text) is
  'An answer that was kept under this key and is still fresh; no row when there is none.';

revoke all on function public.cogo_cached_answer(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_cached_answer(text) to service_role;

-- schemas/0877_cogo_cache_answer.sql
create or replace function public.cogo_cache_answer(
  p_key text, p_owner uuid, p_model_id text, p_answer jsonb, p_seconds integer
)
  returns table (key text, expires_at timestamptz)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  if coalesce(p_key, '') = '' or p_seconds is null or p_seconds <= 0
     or jsonb_typeof(p_answer) is distinct from 'object' then
    raise exception using
      errcode = 'TQ004', message = 'p_key must be given, p_answer an object, p_seconds 1 or more';
  end if;
  return query
    insert into cogo.cached_answers as c (key, owner, model_id, answer, expires_at)
    values (
      p_key, p_owner, p_model_id, p_answer, cogo.now() + make_interval(secs => p_seconds)
    )
    on conflict (key) do update
      set answer = excluded.answer,
          created_at = cogo.now(),
          expires_at = excluded.expires_at
    returning c.key, c.expires_at;
end;
$$;
comment on function public.cogo_cache_answer(text, uuid, text, jsonb, integer) is
  'Keeps an answer for so many seconds; housekeeping forgets it after that.';

revoke all on function public.cogo_cache_answer(text, uuid, text, jsonb, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_cache_answer(text, uuid, text, jsonb, integer) to service_role;

-- schemas/0878_cogo_deployments.sql
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

-- schemas/0880_cogo_prune.sql
-- Whole tasks: everything of a task goes with its row, or nothing does. A few at a time, so that
-- each transaction is short: a hundred tasks, or fewer when their histories are long. A task that
-- somebody holds is left for the next time.
create or replace function public.cogo_prune(
  p_limit integer default 100, p_older_than interval default '30 days'
)
  returns table (pruned integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if p_limit is null or p_limit < 0 or p_older_than is null or p_older_than < interval '0' then
    raise exception using
      errcode = 'TQ004', message = 'p_limit and p_older_than must be 0 or more';
  end if;
  with old as materialized (
    select t.id, t.finished_at
      from public.cogo_tasks t
     where t.finished_at < cogo.now() - p_older_than
       -- Its worker has been asked to stop and is still to be told what became of its lease.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
     order by t.finished_at
     limit p_limit
       for update skip locked
  ), measured as (
    select o.id, sum(h.events) over (order by o.finished_at, o.id) - h.events as before
      from old o
     cross join lateral (
       select coalesce(max(e.seq), 0) as events from cogo.events e where e.task_id = o.id
     ) as h
  )
  delete from public.cogo_tasks t
   using measured m
   where t.id = m.id and m.before < 5000;
  get diagnostics pruned = row_count;
  return next;
end;
$$;
comment on function public.cogo_prune(integer, interval) is
  'Forgets finished tasks and all that belongs to them, the oldest first, at most p_limit and after
5000 events no further one. Says how many: call it until it is 0.';

revoke all on function public.cogo_prune(integer, interval)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_prune(integer, interval) to service_role;

-- schemas/0881_cogo_budgets.sql
create or replace function public.cogo_budgets()
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select b.scope, b.key, b.per, b.limit_usd, b.allow_unpriced,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.spent_usd end,
         cogo.reserved_usd(b.scope, b.key),
         cogo.period_end(b.per, cogo.now()), b.is_default
    from cogo.budgets b
   order by b.scope, b.key, b.per;
$$;
comment on function public.cogo_budgets() is
  'The caps on spending: what is spent in this period, reserved by calls that run, and when it resets.
Owners without a cap of their own appear with the default one (is_default) from their first call on.';

revoke all on function public.cogo_budgets() from public, anon, authenticated, service_role;
grant execute on function public.cogo_budgets() to service_role;

-- schemas/0882_cogo_prune_records.sql
-- Security definer: nobody has the right to delete a row of the audit, and this is the only way to,
-- which takes nothing that is younger than 30 days. Calls of an open task are its spent budget.
create or replace function public.cogo_prune_records(
  p_limit integer default 1000,
  p_switches_older_than interval default null,
  p_calls_older_than interval default null
)
  returns table (pruned integer)
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_calls integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  delete from public.cogo_model_switches w
   where w.seq in (
     select o.seq from public.cogo_model_switches o
      where o.at < cogo.now() - p_switches_older_than
      order by o.at limit p_limit
        for update skip locked
   );
  get diagnostics pruned = row_count;
  delete from public.cogo_calls c
   where (c.id, c.outcome) in (
     select o.id, o.outcome
       from public.cogo_calls o
      where o.started_at < cogo.now() - p_calls_older_than
        and not exists (
          select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
        )
      order by o.started_at limit p_limit
        for update skip locked
   );
  get diagnostics v_calls = row_count;
  pruned := pruned + v_calls;
  return next;
end;
$$;
comment on function public.cogo_prune_records(integer, interval, interval) is
  'Forgets switches of models and calls of the audit, of each the oldest, at most p_limit; null keeps
all. Says how many: call it until it is 0.';

revoke all on function public.cogo_prune_records(integer, interval, interval)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_prune_records(integer, interval, interval) to service_role;

-- schemas/0882_cogo_set_budget.sql
create or replace function public.cogo_set_budget(
  p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean default false
)
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider')
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for whoever has none) or provider (its id), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  -- A new cap counts what its period has cost already.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false;
  if p_scope = 'owner' then
    -- Who has a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false)
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$$;
comment on function public.cogo_set_budget(text, text, text, numeric, boolean) is
  'Caps what may be spent in US dollars: by everybody, an owner or at a provider, per day, month
(UTC) or ever. Of owner, * caps each user without a cap of their own, and anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced.';

revoke all on function public.cogo_set_budget(text, text, text, numeric, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_budget(text, text, text, numeric, boolean)
  to service_role;

-- schemas/0883_cogo_remove_budget.sql
create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
  returns table (removed boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  return next;
end;
$$;
comment on function public.cogo_remove_budget(text, text, text) is
  'Takes a cap away; removed says whether there was one.';

revoke all on function public.cogo_remove_budget(text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_remove_budget(text, text, text) to service_role;

-- schemas/0884_cogo_grants.sql
create or replace function public.cogo_grants()
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted(o.owner) as granted) g
   order by o.owner;
$$;
comment on function public.cogo_grants() is
  'What operators granted to owners: models and providers (both empty: all), and how far their
priorities count among owners (null: not at all).';

revoke all on function public.cogo_grants() from public, anon, authenticated, service_role;
grant execute on function public.cogo_grants() to service_role;

-- schemas/0885_cogo_set_grants.sql
create or replace function public.cogo_set_grants(
  p_owner uuid, p_models text[] default '{}', p_providers text[] default '{}',
  p_aliases text[] default '{}', p_priority integer default null
)
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 takes it away, null leaves it';
  end if;
  -- Two at a time would leave a mixture.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0;

  -- What waits in line counts anew. Tasks by seq, then their subtasks: see 0100_cogo.sql.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set level = cogo.owner_level(v_owner, s.priority)
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and s.level <> cogo.owner_level(v_owner, s.priority);
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           )
      from (select cogo.granted(p_owner) as granted) g;
end;
$$;
comment on function public.cogo_set_grants(uuid, text[], text[], text[], integer) is
  'Lets an owner (null: tasks without one) use only these models, by canonical id, and all models of
these providers; both empty: everything again, both null: as it is. p_aliases are other names of the
models. Priorities of the owner count among owners down to p_priority; -1: they only order the
owner''s own work, as everybody''s do; null: as it is.';

revoke all on function public.cogo_set_grants(uuid, text[], text[], text[], integer)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_grants(uuid, text[], text[], text[], integer)
  to service_role;

-- schemas/0886_cogo_keep_embeddings.sql
create or replace function public.cogo_keep_embeddings(p_owner uuid, p_items jsonb)
  returns table (place integer, id uuid, is_new boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  if jsonb_typeof(p_items) is distinct from 'array' or exists (
    select from jsonb_array_elements(p_items) i
     where coalesce(i ->> 'model_id', '') = '' or i ->> 'content' is null
        or jsonb_typeof(i -> 'vector') is distinct from 'array'
        or jsonb_array_length(i -> 'vector') = 0
  ) then
    raise exception using
      errcode = 'TQ004',
      message = 'p_items must be an array of objects with model_id, content and vector';
  end if;
  perform cogo.check_size('model_id', length(i ->> 'model_id'), 255),
          cogo.check_size('content', octet_length(i ->> 'content'), 1048576, 'bytes'),
          cogo.check_size('source', length(i ->> 'source'), 4096)
     from jsonb_array_elements(p_items) i;
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'model_id' as model_id,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             coalesce((i.item ->> 'simulated')::boolean, false) as simulated,
             array(
               select n.number::real
                 from jsonb_array_elements_text(i.item -> 'vector')
                      with ordinality as n (number, place)
                order by n.place
             ) as vector
        from jsonb_array_elements(p_items) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_embeddings as e (
        owner, model_id, dimensions, simulated, content_sha256, content, source, vector
      )
      -- The same text twice is one row; in one order, so that two writers never wait in a circle.
      select distinct on (i.model_id, cardinality(i.vector), i.simulated, i.sha256)
             p_owner, i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.content,
             i.source, i.vector
        from items i
       order by i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.place
      on conflict on constraint cogo_embeddings_once do update
        set vector = excluded.vector, source = coalesce(excluded.source, e.source)
      returning e.id, e.model_id, e.dimensions, e.simulated, e.content_sha256, (e.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i
      join kept k
        on k.model_id = i.model_id and k.dimensions = cardinality(i.vector)
       and k.simulated = i.simulated and k.content_sha256 = i.sha256
     order by i.place;
end;
$$;
comment on function public.cogo_keep_embeddings(uuid, jsonb) is
  'Keeps vectors with their texts (model_id, content, vector, source, simulated), for an owner or for
nobody; answers with the id of each, by place. A text that is there already gets the new vector.';

revoke all on function public.cogo_keep_embeddings(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_keep_embeddings(uuid, jsonb) to service_role;

-- schemas/0887_cogo_nearest_embeddings.sql
create or replace function public.cogo_nearest_embeddings(
  p_owner uuid,
  p_model_id text,
  p_vector real[],
  p_limit integer default 10,
  p_simulated boolean default false
)
  returns table (
    id uuid, content text, source text, likeness double precision, created_at timestamptz
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select e.id, e.content, e.source, l.likeness, e.created_at
    from public.cogo_embeddings e
   cross join lateral (
     select sum(n.a::float8 * n.b)
              / nullif(sqrt(sum(n.a::float8 * n.a)) * sqrt(sum(n.b::float8 * n.b)), 0) as likeness
       from unnest(e.vector, p_vector) as n (a, b)
   ) as l
   where e.owner is not distinct from p_owner
     and e.model_id = p_model_id
     and e.dimensions = cardinality(p_vector)
     and e.simulated = p_simulated
   order by l.likeness desc nulls last, e.created_at, e.id
   limit greatest(0, least(coalesce(p_limit, 10), 1000));
$$;
comment on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean) is
  'The kept texts of an owner (null: of nobody) that are most like a vector of the same model and
dimensions: 1 is the same direction. Compares with every row: beyond some 100,000, index with pgvector.';

revoke all on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean)
  to service_role;

-- schemas/0890_cogo_set_lane.sql
create or replace function public.cogo_set_lane(
  p_lane text,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    lane text, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  if coalesce(p_lane, '') = '' or p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_lane must name a lane, p_max_running be 0 or more, p_per_minute 1 or more;'
        ' -1 takes a limit away';
  end if;
  insert into cogo.lanes as l (lane, paused, max_running, per_minute)
  values (
    p_lane, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (lane) do update
    set paused = coalesce(p_paused, l.paused),
        max_running = nullif(coalesce(p_max_running, l.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, l.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then l.refilled_at end;

  -- What waited may go on now; a ring for nothing costs little.
  perform cogo.ring_lanes(
    array(select s.id from cogo.subtasks s where s.status = 'queued' and s.lane = p_lane limit 1)
  );
  return query
    select l.lane, l.paused, l.max_running, l.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.lane = p_lane
           )
      from cogo.lanes l where l.lane = p_lane;
end;
$$;
comment on function public.cogo_set_lane(text, boolean, integer, integer) is
  'Pauses, resumes or limits a lane. What is null stays as it is, -1 takes a limit away. A paused
lane drains: nothing new is claimed, what runs is finished, and running says how much that is.';

revoke all on function public.cogo_set_lane(text, boolean, integer, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_lane(text, boolean, integer, integer) to service_role;

-- schemas/0892_cogo_set_owner.sql
create or replace function public.cogo_set_owner(
  p_owner uuid,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    owner uuid, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_max_running must be 0 or more, p_per_minute 1 or more; -1 takes a limit away';
  end if;
  insert into cogo.owners as o (owner, paused, max_running, per_minute)
  values (
    v_owner, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (owner) do update
    set paused = coalesce(p_paused, o.paused),
        max_running = nullif(coalesce(p_max_running, o.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, o.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then o.refilled_at end;

  -- What an insert of this moment leaves unnoted is claimed within the owner's limits all the
  -- same, only less cheaply.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set regulated = true
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.finished_at is null and not s.regulated;
  -- Turns that the lane passed by while the owner was held back are not made up for: that would be
  -- a crowd before everybody else.
  update cogo.subtasks s
     set level = s.level
    from public.cogo_tasks t, cogo.lane_clocks k
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and k.lane = s.lane and s.turn - 100 * s.level < k.round;
  -- What waited may go on now; a ring for nothing costs little.
  perform cogo.ring_lanes(
    array(
      select distinct on (s.lane) s.id
        from public.cogo_tasks t
        join cogo.subtasks s on s.task_id = t.id
       where t.owner is not distinct from p_owner and t.finished_at is null
         and s.status = 'queued'
       order by s.lane
    )
  );
  return query
    select nullif(o.owner, '00000000-0000-0000-0000-000000000000'), o.paused, o.max_running,
           o.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.owner = v_owner
           )
      from cogo.owners o where o.owner = v_owner;
end;
$$;
comment on function public.cogo_set_owner(uuid, boolean, integer, integer) is
  'Pauses, resumes or limits an owner (null: tasks without one). What is null stays as it is, -1
takes a limit away. When paused, what runs is finished, and running says how much that is.';

revoke all on function public.cogo_set_owner(uuid, boolean, integer, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_owner(uuid, boolean, integer, integer) to service_role;

-- schemas/0894_cogo_queue.sql
-- Reads only what is open (each branch has its partial index) and the last five minutes, so that
-- it may be asked however much is finished.
create or replace function public.cogo_queue()
  returns table (
    lane text, owner uuid, queued bigint, blocked bigint, delayed bigint, waiting bigint,
    held bigint, running bigint, dead bigint, oldest_at timestamptz, oldest_ms bigint,
    completed_per_minute numeric, failed_per_minute numeric,
    lane_paused boolean, lane_max_running integer, lane_per_minute integer,
    owner_paused boolean, owner_max_running integer, owner_per_minute integer
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  with open as (
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status = 'queued'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status = 'blocked'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status = 'running'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status = 'delayed'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status in ('waiting', 'held')
     union all
    select s.lane, s.owner, 'dead', null
      from cogo.subtasks s where s.dead_at is not null
  ), standing as (
    select o.lane, o.owner,
           count(*) filter (where o.status = 'queued') as queued,
           count(*) filter (where o.status = 'blocked') as blocked,
           count(*) filter (where o.status = 'delayed') as delayed,
           count(*) filter (where o.status = 'waiting') as waiting,
           count(*) filter (where o.status = 'held') as held,
           count(*) filter (where o.status = 'running') as running,
           count(*) filter (where o.status = 'dead') as dead,
           min(o.created_at) filter (where o.status = 'queued') as oldest_at
      from open o
     group by o.lane, o.owner
  ), rates as (
    select a.lane, s.owner,
           round(count(*) filter (where a.outcome = 'completed') / 5.0, 1) as completed,
           round(count(*) filter (where a.outcome in ('failed', 'reaped')) / 5.0, 1) as failed
      from public.cogo_attempts a
      join cogo.subtasks s on s.id = a.subtask_id
     where a.ended_at > (select cogo.now()) - interval '5 minutes'
     group by a.lane, s.owner
  )
  select lane, nullif(owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(q.queued, 0), coalesce(q.blocked, 0), coalesce(q.delayed, 0),
         coalesce(q.waiting, 0), coalesce(q.held, 0), coalesce(q.running, 0), coalesce(q.dead, 0),
         q.oldest_at, cogo.milliseconds(q.oldest_at, cogo.now()),
         coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from standing q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
$$;
comment on function public.cogo_queue() is
  'For operators, per lane and owner: how many subtasks stand where, since when and for how
long the oldest is queued, dead letters, attempts that ended per minute (over five minutes), limits.';

revoke all on function public.cogo_queue() from public, anon, authenticated, service_role;
grant execute on function public.cogo_queue() to service_role;

-- schemas/0896_cogo_api_keys.sql
create or replace function public.cogo_api_keys()
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select k.id, k.name, k.owner, k.scopes, k.created_at, k.expires_at, k.revoked_at,
         k.last_used_at,
         k.revoked_at is null and (k.expires_at is null or k.expires_at > cogo.now())
    from cogo.api_keys k
   order by k.created_at desc, k.id;
$$;
comment on function public.cogo_api_keys() is
  'For operators: the keys of the HTTP gateway, the newest first, without their hashes.';

revoke all on function public.cogo_api_keys() from public, anon, authenticated, service_role;
grant execute on function public.cogo_api_keys() to service_role;

-- schemas/0897_cogo_check_api_key.sql
-- The use is noted once a minute only: a key that is used a lot would else be one hot row.
create or replace function public.cogo_check_api_key(p_id text, p_hash text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  update cogo.api_keys k
     set last_used_at = cogo.now()
   where k.id = p_id and k.hash = p_hash
     and coalesce(k.last_used_at < cogo.now() - interval '1 minute', true);
  return query
    select k.* from public.cogo_api_keys() k
      join cogo.api_keys stored on stored.id = k.id
     where k.id = p_id and stored.hash = p_hash and k.usable;
end;
$$;
comment on function public.cogo_check_api_key(text, text) is
  'The key with this id and SHA-256 when it may be used now, else no row.';

revoke all on function public.cogo_check_api_key(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_check_api_key(text, text) to service_role;

-- schemas/0898_cogo_create_api_key.sql
create or replace function public.cogo_create_api_key(
  p_id text,
  p_hash text,
  p_name text,
  p_scopes text[],
  p_owner uuid default null,
  p_expires_at timestamptz default null,
  p_replaces text default null,
  p_grace_seconds integer default 0
)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  if p_hash !~ '^[0-9a-f]{64}$' or coalesce(p_id, '') = '' or coalesce(p_name, '') = '' then
    raise exception using
      errcode = 'TQ004', message = 'a key needs an id, a name and the SHA-256 of its text';
  end if;
  if p_replaces is not null then
    update cogo.api_keys k
       set expires_at = least(k.expires_at, cogo.now() + make_interval(secs => p_grace_seconds))
     where k.id = p_replaces and k.revoked_at is null;
    if not found then
      raise exception using
        errcode = 'TQ002', message = format('there is no key %s, or it was revoked', p_replaces);
    end if;
  end if;
  -- Each start makes a token for the console, and each browser a session.
  delete from cogo.api_keys k
   where least(k.expires_at, k.revoked_at) < cogo.now() - interval '30 days';
  insert into cogo.api_keys as k (id, hash, name, scopes, owner, expires_at)
  values (p_id, p_hash, p_name, coalesce(p_scopes, '{}'), p_owner, p_expires_at)
  on conflict (id) do nothing;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) is
  'Stores a key of the HTTP gateway by its SHA-256. p_replaces names one that ends after
p_grace_seconds. Keys that ended more than 30 days ago are deleted. Raises TQ002, TQ004.';

revoke all on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) from public, anon, authenticated, service_role;
grant execute on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) to service_role;

-- schemas/0899_cogo_revoke_api_key.sql
create or replace function public.cogo_revoke_api_key(p_id text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  update cogo.api_keys k set revoked_at = coalesce(k.revoked_at, cogo.now()) where k.id = p_id;
  if not found then
    raise exception using errcode = 'TQ002', message = format('there is no key %s', p_id);
  end if;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_revoke_api_key(text) is
  'Ends a key of the HTTP gateway now and for good. Raises TQ002.';

revoke all on function public.cogo_revoke_api_key(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_revoke_api_key(text) to service_role;

insert into cogo.schema_versions (version) values ('20261121090500')
on conflict (version) do nothing;
