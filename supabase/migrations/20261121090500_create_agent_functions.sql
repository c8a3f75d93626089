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
  v_room integer[];
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
  select exists (select from cogo.lanes) or exists (select from cogo.owners),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         )
    into v_limited, v_due, v_expired;
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_due then
    perform cogo.promote(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  select array_agg(o.lane), array_agg(o.room) into v_lanes, v_room from cogo.open_lanes(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_room, p_limit);
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
      from cogo.subtasks s
     where s.id = any (v_ids) and t.id = s.task_id and t.status = 'pending';
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
      select s.id
        from cogo.subtasks s
       where s.id in (select a.id from asked a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         and s.cancel_requested_at is null
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and exists (select from asked a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now
        from extended e
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
declare
  v_answers text[];
  v_details text[];
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  select array_agg(c.answer), array_agg(c.detail) into v_answers, v_details
    from cogo.settle_completions(p_agent_id, p_items) c;
  return query
    select cogo.to_uuid(i.item ->> 'subtask_id'), cogo.to_integer(i.item ->> 'attempt'),
           v_answers[i.ordinal], v_details[i.ordinal]
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
     order by i.ordinal;
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
    subtask_id uuid, attempt integer, answer text, status text, run_at timestamptz
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_subtask cogo.subtasks;
  v_answer text;
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
  v_answer := cogo.fence(p_agent_id, p_subtask_id, p_attempt);
  if v_answer = 'held' then
    perform cogo.end_in_failure(v_subtask, p_error, p_action, p_retry_after_seconds, p_usage);
  elsif v_answer = 'closing' then
    perform cogo.cancel_running(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'released' and exists (
    select from public.cogo_attempts a
     where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.error ->> 'class' <> 'released'
  ) then
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
           s.status, s.run_at
      from (select) as always
      left join cogo.subtasks s on s.id = p_subtask_id;
end;
$$;
comment on function public.cogo_fail_subtask(text, uuid, integer, jsonb, text, numeric, jsonb) is
  'Ends an attempt that failed: retry (after p_retry_after_seconds, else backoff with full jitter),
reroute (another model), give_up (dead letter, the task fails), snooze (later, spends nothing).
Answers ok, duplicate, stale, closed or unknown, and where the subtask stands.';

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
    answer := cogo.fence(p_agent_id, subtask_id, attempt);
    select s.* into v_subtask from cogo.subtasks s where s.id = subtask_id;
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

-- schemas/0850_cogo_record_agent.sql
create or replace function public.cogo_record_agent(p_agent jsonb)
  returns public.cogo_agents
  language sql
  volatile
  security invoker
  set search_path = ''
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
         (p_agent ->> 'stopped_at')::timestamptz
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
  return next;
end;
$$;
comment on function public.cogo_reap(integer) is
  'Housekeeping, called by every agent every few seconds: ended leases, due subtasks, deadlines.';

revoke all on function public.cogo_reap(integer) from public, anon, authenticated, service_role;
grant execute on function public.cogo_reap(integer) to service_role;

-- schemas/0870_cogo_record_selection.sql
create or replace function public.cogo_record_selection(p_selection jsonb)
  returns public.cogo_model_selections
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if p_selection ->> 'agent_id' is not null then
    perform cogo.act_as(p_selection ->> 'agent_id');
  end if;
  return cogo.record_selection(
    p_selection, cogo.to_uuid(p_selection ->> 'task_id'), cogo.to_uuid(p_selection ->> 'subtask_id')
  );
end;
$$;
comment on function public.cogo_record_selection(jsonb) is
  'Keeps and announces the answer to a request on model-selection; its task_id may be null.';

revoke all on function public.cogo_record_selection(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_record_selection(jsonb) to service_role;

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
    held bigint, running bigint, dead bigint, oldest_at timestamptz,
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
      from cogo.subtasks s where s.status in ('queued', 'blocked')
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
         q.oldest_at, coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from standing q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
$$;
comment on function public.cogo_queue() is
  'For operators, per lane and owner: how many subtasks stand where, since when the oldest is
queued, dead letters, attempts that ended per minute (over five minutes), and the limits.';

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
p_grace_seconds. Raises TQ002, TQ004.';

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
