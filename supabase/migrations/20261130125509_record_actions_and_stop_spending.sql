-- Record actions and stop spending.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table public.cogo_actions (
  id bigint generated always as identity not null,
  at timestamp with time zone default cogo.now() not null,
  who text not null,
  kind text not null,
  subject text not null,
  before jsonb,
  after jsonb,
  reason text
);

alter table public.cogo_actions enable row level security;

alter table public.cogo_actions add constraint cogo_actions_pkey PRIMARY KEY (id);

create index cogo_actions_at ON public.cogo_actions USING btree (at);

create or replace function cogo.abort_calls()
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_subtask cogo.subtasks;
  v_ids uuid[];
  v_count integer := 0;
begin
  select array_agg(distinct r.subtask_id) into v_ids
    from cogo.reservations r
    join cogo.subtasks s on s.id = r.subtask_id and s.attempt = r.attempt
   where s.status = 'running';
  perform cogo.lock_tasks(v_ids);
  -- Read again, now that the tasks are locked. Those of cancelled tasks have been asked to stop.
  for v_subtask in
    select s.* from cogo.subtasks s
     where s.id = any (v_ids) and s.status = 'running' and s.cancel_requested_at is null
       and exists (
         select from cogo.reservations r where r.subtask_id = s.id and r.attempt = s.attempt
       )
     order by s.seq
  loop
    -- Their holders ask about their leases, and stop.
    perform cogo.announce_cancellation(v_subtask, 'spending was stopped');
    perform cogo.take_back_lease(
      v_subtask, 'released',
      '{"class": "released", "message": "spending was stopped, and the call was aborted"}', false
    );
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$function$;

create or replace function cogo.add_action(p_kind text, p_subject text, p_before jsonb, p_after jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into public.cogo_actions (who, kind, subject, before, after, reason)
  values (
    cogo.current_who(), p_kind, p_subject, p_before, p_after,
    left(cogo.read_operator() ->> 'reason', 2000)
  );
end;
$function$;

create or replace function cogo.authorize_task(p_task_id uuid, p_action text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_operator constant jsonb := cogo.read_operator();
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (cogo.is_operator() or t.owner = auth.uid())
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  end if;
  if v_operator ->> 'who' <> '' and v_task.owner is distinct from cogo.to_uuid(v_operator ->> 'owner')
  then
    perform cogo.add_action(
      'task', p_task_id::text, jsonb_build_object('owner', v_task.owner, 'status', v_task.status),
      jsonb_build_object('action', p_action)
    );
  end if;
  return v_task;
end;
$function$;

create or replace function cogo.build_owner_condition(p_via text, p_column text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select format(
    case p_via
      when 'owner' then 't.%I = $1'
      when 'text' then 't.%I = $1::text'
      when 'scope' then 't.%I = ''owner:'' || $1'
      when 'mention' then 'strpos(t::text, $1::text) > 0'
      when 'task' then 't.%I in (select k.id from public.cogo_tasks k where k.owner = $1)'
      when 'subtask' then
        't.%I in (select s.id from cogo.subtasks s join public.cogo_tasks k on k.id = s.task_id '
        'where k.owner = $1)'
      when 'session' then 't.%I in (select e.seq from public.cogo_sessions e where e.owner = $1)'
      when 'memory' then 't.%I in (select m.id from public.cogo_memories m where m.owner = $1)'
    end, p_column
  )
$function$;

create or replace function cogo.describe_stop()
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select format('spending was stopped by %s at %s', s.who, cogo.iso_timestamp(s.since))
         || coalesce(': ' || nullif(s.reason, ''), '')
    from cogo.spending_stop s;
$function$;

create or replace function cogo.erase_traces(p_owner uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_tables constant text[] := array[
    'public.cogo_ratings', 'public.cogo_approvals', 'public.cogo_sent_events',
    'public.cogo_model_switches', 'cogo.cached_answers', 'cogo.api_keys', 'cogo.grants',
    'cogo.policies', 'cogo.owners', 'cogo.reservations', 'cogo.budgets',
    'cogo.judgement_quotas', 'public.cogo_actions'
  ];
  v_counts constant jsonb := cogo.add_counts('{}', (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
      from jsonb_each(cogo.count_owned(p_owner)) c where c.key = any (v_tables)
  ));
begin
  delete from cogo.owners o where o.owner = p_owner;
  delete from cogo.judgement_quotas q where q.owner = p_owner;
  -- In tasks of others: what they were asked and what came of it stays.
  delete from public.cogo_ratings r where r.person = p_owner;
  update public.cogo_approvals a
     set answered_by = case when a.answered_by = p_owner then v_nobody else a.answered_by end,
         comment = case when a.answered_by = p_owner then null else a.comment end,
         by = case when a.by = p_owner::text then 'operators' else a.by end,
         escalate_to = case when a.escalate_to = p_owner::text then 'operators'
                            else a.escalate_to end
   where a.answered_by = p_owner or a.by = p_owner::text or a.escalate_to = p_owner::text;
  update public.cogo_sent_events e set sent_by = v_nobody where e.sent_by = p_owner;
  update public.cogo_model_switches w
     set scope = 'owner:erased' where w.scope = 'owner:' || p_owner;
  delete from cogo.cached_answers c where c.owner = p_owner;
  delete from cogo.api_keys k where k.owner = p_owner;
  delete from cogo.grants g where g.owner = p_owner;
  delete from cogo.policies p where p.owner = p_owner;
  delete from cogo.reservations r where r.owner = p_owner;
  delete from cogo.budgets b where b.scope = 'owner' and b.key = p_owner::text;
  -- Last: the above is recorded.
  perform cogo.forget_owner_in_actions(p_owner);
  return v_counts;
end;
$function$;

create or replace function cogo.forget_owner_in_actions(p_owner uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update public.cogo_actions a
     set who = replace(a.who, p_owner::text, 'erased'), subject = 'erased', before = null,
         after = null, reason = null
   where strpos(a::text, p_owner::text) > 0;
$function$;

create or replace function cogo.lane_capacity(p_lanes text[])
 RETURNS TABLE(lane text, room integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_stopped constant boolean := exists (select from cogo.spending_stop);
begin
  return query
  select wanted.lane,
         greatest(0, least(
           1000,
           l.max_running - case when l.max_running is not null then (
             select count(*) from cogo.subtasks s
              where s.status = 'running' and s.lane = wanted.lane
           ) end,
           floor(cogo.available_tokens(l.per_minute, l.tokens, l.refilled_at, cogo.now()))
         ))::integer
    from (select distinct unnest(p_lanes) as lane) as wanted
    left join cogo.lanes l on l.lane = wanted.lane
   where not coalesce(l.paused, false) and not (v_stopped and cogo.is_calling_lane(wanted.lane));
end;
$function$;

create or replace function cogo.lease_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric, p_request_id uuid, p_lane_limits jsonb, p_at_once boolean DEFAULT false)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
declare
  v_lanes text[] := p_lanes;
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_wakes boolean := false;
  v_next_expiry timestamptz;
  v_inherited bigint;
  v_ids uuid[];
  v_started uuid[] := '{}';
  v_now timestamptz := cogo.now();
  v_lane text;
  v_round bigint;
  v_served text[] := '{}';
  v_rounds bigint[] := '{}';
  v_nth integer;
begin
  perform cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;
  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    v_ids := array(
      select s.id from cogo.subtasks s
       where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id
    );
    if v_ids <> '{}' then
      return v_ids;
    end if;
  end if;

  -- In most cases there is none of these.
  v_owners := array(select o.owner from cogo.owners o);
  v_limited := v_owners <> '{}' or exists (select from cogo.lanes)
    or exists (select from cogo.spending_stop);
  v_due := exists (select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= v_now);
  if 'cio' = any (p_lanes) then
    v_wakes := exists (select from cogo.wakes);
  end if;
  select c.next_expiry into v_next_expiry from cogo.lease_clock c;
  v_inherited := cogo.find_inherited();
  if p_at_once and (
    v_due or v_wakes or v_inherited is not null or v_owners <> '{}'
    or (v_next_expiry < v_now) is not false
    or v_limited and exists (
      select from cogo.lanes l
       where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    )
  ) then
    return null;
  end if;
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_wakes then
    perform cogo.apply_wakes(20);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if (v_next_expiry < v_now) is not false then
    v_next_expiry := cogo.check_leases(20);
  end if;
  if v_inherited is not null then
    perform cogo.postpone_inherited(v_inherited, 1000);
  end if;
  if v_limited then
    select array_agg(o.lane order by o.lane),
           array_agg(
             greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))) order by o.lane
           )
      into v_lanes, v_rooms
      from cogo.lane_capacity(p_lanes) o;
  elsif cardinality(p_lanes) > 1 or p_lane_limits is not null then
    select array_agg(l.lane order by l.lane),
           array_agg(
             greatest(0, least(1000, cogo.to_integer(p_lane_limits ->> l.lane))) order by l.lane
           )
      into v_lanes, v_rooms
      from (select distinct unnest(p_lanes) as lane) as l;
  end if;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_inherited is not null then
    v_ids := array(
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.id = any (v_ids) and not cogo.waits_for_adoption(t, v_inherited)
    );
  end if;
  if v_ids = '{}' then
    return v_ids;
  end if;

  -- Recorded below. Read the clock after the rows are locked, so that it is not before the end of an
  -- attempt which another agent closes now.
  v_now := cogo.now();
  perform set_config('cogo.is_recorded', 'on', true);
  for v_lane, v_round in
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, v_now)
     where s.id = any (v_ids)
    returning s.lane, s.turn - 100 * s.level
  loop
    v_nth := array_position(v_served, v_lane);
    if v_nth is null then
      v_served := v_served || v_lane;
      v_rounds := v_rounds || v_round;
    elsif v_rounds[v_nth] < v_round then
      v_rounds[v_nth] := v_round;
    end if;
  end loop;
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
         case when cogo.is_model_lane(c.lane) then c.lane end, v_now
    from cogo.subtasks c
   where c.id = any (v_ids);
  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (v_served) then
    with started as (
      update public.cogo_tasks t
         set status = 'running', started_at = coalesce(t.started_at, v_now)
       where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
         and t.status = 'pending'
      returning t.id
    )
    select coalesce(array_agg(t.id), '{}') into v_started from started t;
  end if;
  perform set_config('cogo.is_recorded', '', true);
  perform cogo.record_changes(
    v_ids, array_fill('queued'::text, array[cardinality(v_ids)]),
    array_fill(p_agent_id, array[cardinality(v_ids)]),
    v_started, array_fill('pending'::text, array[cardinality(v_started)])
  );
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;
  if v_now + make_interval(secs => p_lease_seconds::float8) < v_next_expiry then
    perform cogo.note_expiry(v_now + make_interval(secs => p_lease_seconds::float8));
  end if;
  foreach v_lane in array v_lanes loop
    v_nth := array_position(v_served, v_lane);
    if v_nth is not null then
      perform cogo.advance_clock(v_lane, v_rounds[v_nth]);
    end if;
  end loop;
  return v_ids;
end;
$function$;

create or replace function cogo.list_erasure_rules()
 RETURNS TABLE(name text, via text, col text, fate text, is_exported boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('public.cogo_tasks', 'owner', 'owner', 'delete', true),
    ('cogo.subtasks', 'task', 'task_id', 'delete', true),
    ('cogo.subtask_payloads', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.subtask_outputs', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.checkpoints', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.turns', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.dependencies', 'task', 'task_id', 'delete', false),
    ('cogo.flows', 'task', 'task_id', 'delete', true),
    ('cogo.events', 'task', 'task_id', 'delete', true),
    ('public.cogo_attempts', 'task', 'task_id', 'delete', true),
    ('public.cogo_model_selections', 'task', 'task_id', 'delete', true),
    ('public.cogo_ratings', 'task', 'task_id', 'delete', true),
    ('public.cogo_approvals', 'task', 'task_id', 'delete', true),
    ('public.cogo_sent_events', 'task', 'task_id', 'delete', true),
    ('cogo.budget_waits', 'task', 'task_id', 'delete', false),
    ('cogo.child_tasks', 'task', 'child_id', 'delete', false),
    ('cogo.wakes', 'task', 'child_id', 'delete', false),
    ('cogo.outcomes', 'subtask', 'subtask_id', 'delete', false),
    ('cogo.judgements', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.judgement_quotas', 'owner', 'owner', 'delete', false),
    ('cogo.ai_refusals', 'task', 'task_id', 'delete', false),
    ('cogo.follow_ups', 'task', 'task_id', 'delete', false),
    ('cogo.extractions', 'task', 'task_id', 'delete', false),
    ('cogo.reservations', 'owner', 'owner', 'delete', false),
    ('public.cogo_sessions', 'owner', 'owner', 'delete', true),
    ('public.cogo_messages', 'owner', 'owner', 'delete', true),
    ('cogo.session_summaries', 'session', 'session_seq', 'delete', true),
    ('cogo.forgotten_sessions', 'session', 'session_seq', 'keep', false),
    ('public.cogo_documents', 'owner', 'owner', 'delete', true),
    ('cogo.document_parts', 'owner', 'owner', 'delete', true),
    ('public.cogo_memories', 'owner', 'owner', 'delete', true),
    ('cogo.memory_words', 'memory', 'memory_id', 'delete', false),
    ('cogo.memory_vectors', 'memory', 'id', 'delete', false),
    ('cogo.embedding_queue', 'memory', 'memory_id', 'delete', false),
    ('cogo.vector_changes', 'owner', 'owner', 'keep', false),
    ('public.cogo_embeddings', 'owner', 'owner', 'delete', true),
    ('cogo.unindexed_embeddings', 'owner', 'owner', 'delete', false),
    ('cogo.cached_answers', 'owner', 'owner', 'delete', true),
    ('cogo.api_keys', 'owner', 'owner', 'delete', true),
    ('cogo.grants', 'owner', 'owner', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false),
    ('public.cogo_actions', 'mention', 'subject', 'forget', true)
$function$;

create or replace function cogo.read_operator()
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_said jsonb;
begin
  if not cogo.is_operator() then
    return '{}';
  end if;
  v_said := (nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-cogo-operator')::jsonb;
  return case jsonb_typeof(v_said) when 'object' then v_said else '{}' end || jsonb_strip_nulls(
    jsonb_build_object(
      'who', nullif(current_setting('cogo.who', true), ''),
      'reason', nullif(current_setting('cogo.reason', true), '')
    )
  );
exception
  when data_exception then
    return '{}';
end;
$function$;

create or replace function cogo.record_action()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_hidden constant text[] := string_to_array(tg_argv[2], ',');
  v_before jsonb := to_jsonb(old);
  v_after jsonb := to_jsonb(new);
  v_subject text;
begin
  select coalesce(string_agg(p.part, ':' order by k.nth), 'all') into v_subject
    from unnest(string_to_array(tg_argv[1], ',')) with ordinality as k (name, nth)
   cross join lateral (
     select case coalesce(v_after, v_before) ->> k.name
              when '00000000-0000-0000-0000-000000000000' then 'none'
              else nullif(coalesce(v_after, v_before) ->> k.name, '')
            end as part
   ) as p;
  if v_before ->> 'hash' <> v_after ->> 'hash' then
    v_after := v_after || '{"key": "replaced"}';
  end if;
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(n.key, v_before -> n.key), jsonb_object_agg(n.key, n.value)
      into v_before, v_after
      from jsonb_each(v_after) n
     where n.value is distinct from v_before -> n.key and n.key <> all (v_hidden);
    if v_after is null then
      return null;
    end if;
  end if;
  perform cogo.add_action(tg_argv[0], v_subject, v_before - v_hidden, v_after - v_hidden);
  return null;
end;
$function$;

create or replace function cogo.record_switch(p_kind text, p_subject text, p_scope text, p_was text, p_became text, p_reason text, p_numbers jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_who constant text := case p_kind
    when 'health' then cogo.current_actor() else cogo.current_who()
  end;
begin
  insert into public.cogo_model_switches (kind, subject, scope, was, became, reason, numbers, who)
  values (
    p_kind, p_subject, p_scope, p_was, p_became, p_reason, coalesce(p_numbers, '{}'), v_who
  );
  perform cogo.notify(
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
      'who', v_who,
      'reason', p_reason,
      'numbers', coalesce(p_numbers, '{}'),
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    v_who, 'cogo-model-selection'
  );
end;
$function$;

create or replace function cogo.restamp_subtasks(p_action text, p_lanes text[], p_scope text, p_reason text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
       where cogo.is_model_lane(s.lane)
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- A task that names its model keeps it, unless the model is banned.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || cogo.task_type(s.id)
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
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0),
         cogo.current_who(),
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.notify_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$function$;

create or replace function cogo.set_operator(p_who text, p_reason text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select set_config(s.name, s.value, true)
    from (values ('cogo.who', p_who), ('cogo.reason', p_reason)) as s (name, value)
   where s.value <> '';
$function$;

create or replace function cogo.update_model_health(p_limit integer DEFAULT 2000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
  v_old cogo.model_health;
  v_new cogo.model_health;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.update_model_health', 0)) then
    return 0;
  end if;
  v_count := cogo.count_outcomes(p_limit);
  for v_old in
    select h.* from cogo.model_health h
     where h.health <> 'ok' or h.on_trial or h.counted_at > cogo.now() - interval '5 minutes'
        or h.model_id in (select d.model_id from cogo.deployments d where d.state <> 'closed')
     order by h.model_id
  loop
    v_new := cogo.evaluate_health(
      v_old, cogo.now(),
      coalesce(
        (
          select bool_and(d.state <> 'closed')
            from cogo.deployments d where d.model_id = v_old.model_id
        ), false
      )
    );
    continue when v_new is not distinct from v_old;
    update cogo.model_health h
       set health = v_new.health, reason = v_new.reason, since = v_new.since,
           on_trial = v_new.on_trial, trips = v_new.trips, retry_at = v_new.retry_at,
           answered = v_new.answered, failed = v_new.failed, in_a_row = v_new.in_a_row,
           paced = v_new.paced, pace = v_new.pace
     where h.model_id = v_new.model_id;
    if v_new.health <> v_old.health then
      perform cogo.record_switch(
        'health', v_new.model_id, 'everywhere', v_old.health, v_new.health, v_new.reason,
        jsonb_build_object(
          'answered', round(v_old.answered::numeric, 1),
          'failed', round(v_old.failed::numeric, 1),
          'in_a_row', v_old.in_a_row,
          'ms_per_token', round((v_old.pace / nullif(v_old.paced, 0))::numeric, 1),
          'usual_ms_per_token',
          round((v_old.usual_pace / nullif(v_old.usual_paced, 0))::numeric, 1),
          'retry_at', cogo.iso_timestamp(v_new.retry_at)
        )
      );
    end if;
  end loop;
  return v_count;
end;
$function$;

create or replace function public.cogo_adopt_instance(p_host text, p_who text DEFAULT NULL::text)
 RETURNS TABLE(hosts text[], is_new boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_hosts text[];
begin
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  perform cogo.set_operator(p_who, null);
  perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
  is_new := cogo.instance_problem(v_host) is not null or not exists (select from cogo.instance);
  if is_new then
    -- On the same server p_host may be one more address. That it may be a physical copy of the server,
    -- where nobody uses the others, does no harm.
    select array_remove(i.hosts, v_host) into v_hosts
      from cogo.instance i where i.system_identifier = v_identifier;
    delete from cogo.instance where true;
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    values (
      v_identifier, v_hosts || v_host, cogo.current_who(), cogo.now() + interval '5 minutes'
    );
  end if;
  return query select i.hosts, is_new from cogo.instance i;
end;
$function$;

create or replace function public.cogo_approve_subtask(p_subtask_id uuid, p_approved boolean DEFAULT true, p_comment text DEFAULT NULL::text)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_approval_id uuid;
  v_open text[];
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id, 'approve_subtask')
     from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  -- Without an open one the last, whose first answer counts.
  select a.id, array_agg(a.key) filter (where a.answered_at is null and a.withdrawn_at is null) over ()
    into v_approval_id, v_open
    from public.cogo_approvals a
   where a.subtask_id = p_subtask_id or a.id = (
     select w.approval_id from cogo.budget_waits w where w.subtask_id = p_subtask_id
   )
   order by a.answered_at is null and a.withdrawn_at is null desc, a.seq desc
   limit 1;
  if cardinality(v_open) > 1 then
    raise exception using errcode = 'TQ003',
      message = format(
        'subtask %s waits for %s approvals: %s', p_subtask_id, cardinality(v_open),
        array_to_string(v_open, ', ')
      ),
      hint = 'answer each of them with cogo_answer_approval()';
  elsif v_approval_id is null then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s waits for no approval', p_subtask_id);
  end if;
  perform public.cogo_answer_approval(v_approval_id, p_approved, p_comment);
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_item constant jsonb := cogo.sanitize_usage(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_item);
  v_usd numeric := case when v_call.simulated then 0 else (v_item ->> 'max_usd')::numeric end;
  v_budget record;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.set_actor(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if exists (select from cogo.spending_stop) then
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  v_call.column_id := cogo.find_task_column(v_call.task_id);
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      answer := 'stale';
      detail := 'the attempt is over';
      return next;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    answer := 'ok';
    return next;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'not_granted';
    return next;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'banned';
    return next;
    return;
  end if;

  if v_call.simulated is not true then
    perform cogo.lock_task_budgets(array[v_call.task_id]);
    for v_budget in select b.* from cogo.task_budgets(v_call.task_id) b order by b.height loop
      select p.* into answer, scope, detail, resets_at
        from cogo.evaluate_cap(
          'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, v_budget.spent_usd,
          v_budget.reserved_usd, v_usd
        ) p;
      if answer is not null then
        if v_budget.height > 0 then
          detail := replace(
            detail, 'the task''s budget', format('the budget of its parent task %s', v_budget.task_id)
          );
        end if;
        question := cogo.build_budget_question(
          answer, v_call, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd,
          v_budget.spent_usd, v_budget.reserved_usd, v_usd
        );
        perform cogo.note_refusal(
          v_call, answer, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, detail,
          null, v_usd
        );
        return next;
        return;
      end if;
    end loop;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(
      array[v_key], array[v_call.provider], array[v_call.column_id]
    ) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd, v_cap.allow_unpriced,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      ) p;
    if answer is not null then
      question := cogo.build_budget_question(
        answer, v_call, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      );
      perform cogo.note_refusal(
        v_call, answer, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.allow_unpriced, detail, resets_at, v_usd
      );
      return next;
      return;
    end if;
  end loop;

  -- It may have waited for the locks of budgets.
  if exists (select from cogo.spending_stop) then
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd,
    column_id
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd, v_call.column_id
  )
  on conflict do nothing;
  answer := 'ok';
  return next;
end;
$function$;

create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text DEFAULT NULL::text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'cancel');
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    -- So that all of them can be cancelled with it.
    perform cogo.lock_descendants(p_task_id);
    perform cogo.cancel_tasks(array[p_task_id], v_reason);
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$function$;

create or replace function public.cogo_control_model(p_action text, p_subject text, p_lanes text[] DEFAULT '{}'::text[], p_scope text DEFAULT 'everywhere'::text, p_reason text DEFAULT NULL::text, p_who text DEFAULT NULL::text)
 RETURNS TABLE(subject text, action text, scope text, was text, restamped integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_who text;
  v_reason text;
  v_old text;
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
  perform cogo.set_operator(p_who, p_reason);
  v_who := cogo.current_who();
  v_reason := coalesce(nullif(p_reason, ''), 'set by ' || v_who);
  -- Serializes operators, and orchestrators that received the same message.
  perform pg_advisory_xact_lock(hashtextextended('cogo.controls', 0));

  select c.action into v_old
    from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  if p_action = 'allow' then
    delete from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  elsif v_old is distinct from p_action then
    if p_action = 'pin' then
      delete from cogo.controls c where c.scope = p_scope and c.action = 'pin'
      returning c.subject into v_pinned;
    end if;
    insert into cogo.controls as c (scope, subject, action, reason, who)
    values (p_scope, p_subject, p_action, v_reason, v_who)
    on conflict (scope, subject) do update
      set action = excluded.action, reason = excluded.reason, who = excluded.who,
          set_at = cogo.now();
    v_restamped := cogo.restamp_subtasks(
      p_action, coalesce(nullif(p_lanes, '{}'), array[p_subject]), p_scope, v_reason
    );
  end if;
  if coalesce(v_old, 'allow') <> p_action then
    perform cogo.record_switch(
      'control', p_subject, p_scope, coalesce(v_old, 'allow'), p_action, v_reason,
      jsonb_strip_nulls(
        jsonb_build_object('restamped', v_restamped, 'pinned_before', v_pinned)
      )
    );
  end if;
  return query
    select p_subject, p_action, p_scope, coalesce(v_old, 'allow'), v_restamped;
end;
$function$;

create or replace function public.cogo_erase_owner(p_owner uuid, p_limit integer DEFAULT 100, p_requested_by text DEFAULT NULL::text, p_dry_run boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
  v_cancelled integer;
  v_counts jsonb;
  v_open bigint;
begin
  if p_owner is null or p_owner = '00000000-0000-0000-0000-000000000000' then
    raise exception using errcode = 'TQ004', message = 'p_owner must name an owner';
  elsif length(p_requested_by) > 200 then
    raise exception using errcode = 'TQ008', message = 'p_requested_by has more than 200 characters';
  elsif p_dry_run then
    return jsonb_build_object('is_done', false, 'erased', cogo.count_owned(p_owner));
  end if;
  perform cogo.set_operator(p_requested_by, null);
  insert into cogo.erasures (owner_sha256, requested_by)
  values (encode(sha256(convert_to(p_owner::text, 'UTF8')), 'hex'), p_requested_by)
  on conflict (owner_sha256) where finished_at is null do nothing;
  -- One kind a call, so that its locks are those of one kind.
  v_cancelled := cogo.cancel_owned(p_owner, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_counts := cogo.erase_memory(p_owner, v_limit * 10);
  if v_counts = '{}' then
    v_counts := cogo.erase_sessions(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    select count(*) into v_open from public.cogo_tasks t where t.owner = p_owner;
    if v_open > 0 then
      return jsonb_build_object('is_done', false, 'waiting', v_open, 'erased', '{}'::jsonb);
    end if;
    v_counts := cogo.forget_owner_of_records(p_owner, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_traces(p_owner);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.count_owned(p_owner);  -- of rows that somebody else has locked
    if v_counts = '{}' then
      return cogo.close_erasure(p_owner);
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  update cogo.erasures e
     set counts = cogo.add_counts(e.counts, v_counts)
   where e.owner_sha256 = encode(sha256(convert_to(p_owner::text, 'UTF8')), 'hex')
     and e.finished_at is null;
  return jsonb_build_object('is_done', false, 'erased', v_counts);
end;
$function$;

create or replace function public.cogo_feedback(p_task_id uuid, p_score numeric, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_ratings
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_answer record;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id, 'feedback');
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select f.* into v_answer from cogo.find_answer(p_task_id) f;
  if v_answer.subtask_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (
    p_task_id, v_person, p_score, p_comment, v_answer.model_id,
    cogo.task_type(v_answer.subtask_id)
  )
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  perform cogo.record_judgement(
    v_answer.subtask_id, v_answer.attempt, 'feedback',
    (
      select avg(r.score)::float8 from public.cogo_ratings r
       where r.task_id = p_task_id and r.model_id = v_answer.model_id
    ),
    p_is_final => false
  );
  return v_new;
end;
$function$;

create or replace function public.cogo_pause_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'pause');
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  perform cogo.pause_tasks(p_task_id || cogo.lock_descendants(p_task_id));
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_prune_records(p_limit integer DEFAULT 1000, p_switches_older_than interval DEFAULT NULL::interval, p_calls_older_than interval DEFAULT NULL::interval)
 RETURNS TABLE(pruned integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_calls integer;
  v_actions integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  -- Materialized: a plan that reads the rows again for each deleted one would skip those and take
  -- more than p_limit.
  with old as materialized (
    select o.seq from public.cogo_model_switches o
     where o.at < cogo.now() - p_switches_older_than
     order by o.at limit p_limit
       for update skip locked
  )
  delete from public.cogo_model_switches w using old where w.seq = old.seq;
  get diagnostics pruned = row_count;
  with old as materialized (
    select o.id, o.outcome
      from public.cogo_calls o
     where o.started_at < cogo.now() - p_calls_older_than
       and not exists (
         select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
       )
       and not exists (
         select from cogo.child_tasks k join public.cogo_tasks r on r.id = k.root_id
          where k.child_id = o.task_id and r.finished_at is null
       )
     order by o.started_at limit p_limit
       for update skip locked
  )
  delete from public.cogo_calls c using old where c.id = old.id and c.outcome = old.outcome;
  get diagnostics v_calls = row_count;
  with old as materialized (
    select o.id from public.cogo_actions o
     where o.at < cogo.now() - p_calls_older_than
     order by o.at limit p_limit
       for update skip locked
  )
  delete from public.cogo_actions a using old where a.id = old.id;
  get diagnostics v_actions = row_count;
  pruned := pruned + v_calls + v_actions;
  return next;
end;
$function$;

create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id, 'redrive_subtask') a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null
        and exists (select from cogo.flows f where f.task_id = v_subtask.task_id) then
    if v_task.status <> 'failed' then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'the workflow of task %s has recorded the failure of step %s: redrive it if the task fails',
          v_subtask.task_id, v_subtask.key
        );
    end if;
    perform public.cogo_redrive_task(v_subtask.task_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    perform cogo.reopen_waiting_steps(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'subtask %s is a dead letter and its task has continued without it', p_subtask_id
        );
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    if v_task.status = 'held' then
      update cogo.subtasks s set status = 'held' where s.id = p_subtask_id;
    end if;
  elsif v_subtask.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format(
        'subtask %s is %s: only a dead letter can be redriven', p_subtask_id, v_subtask.status
      );
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

create or replace function public.cogo_redrive_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'redrive');
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  elsif v_task.parent_task_id is not null and not cogo.is_awaited_child(p_task_id) then
    raise exception using errcode = 'TQ003',
      message = format(
        'task %s went on without its child task %s', v_task.parent_task_id, p_task_id
      ),
      hint = 'redriving the parent, if it failed, redrives the child';
  end if;

  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Subtasks that were asked to stop and still run lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    if v_subtask.not_needed then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
    else
      perform cogo.take_back_lease(v_subtask, 'cancelled', null, false);
    end if;
  end loop;

  -- Redriving a refused subtask approves it. Dead letters with on_failure continue stay, except those
  -- whose failure ended the workflow.
  perform cogo.revive_subtasks(
    array(
      select s.id from cogo.subtasks s
       where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task'
      union all
      select f.id from cogo.find_fatal_steps(v_task) as f (id)
    )
  );
  -- The flow is replayed, which finds out again what it waits for.
  update cogo.subtasks s
     set awaited = false, deps_left = case s.kind when 'flow' then 0 else s.deps_left end
   where s.task_id = p_task_id and (s.awaited or s.kind = 'flow');
  update cogo.flows f set deadline_passed_at = null where f.task_id = p_task_id;
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null
             and s.kind not in ('approve', 'event', 'task') then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled' and not s.not_needed;
  update cogo.subtasks s
     set status = cogo.resting_status('running', 0, s.needs_approval, s.run_at, v_now, s.kind)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;
  perform cogo.reopen_waiting_steps(p_task_id);

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_resume_spending(p_reason text DEFAULT NULL::text)
 RETURNS TABLE(resumed boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.check_size('p_reason', length(p_reason));
  perform cogo.set_operator(null, p_reason);
  delete from cogo.spending_stop where true;
  resumed := found;
  perform cogo.notify_lanes(
    array(
      select (
               select s.id from cogo.subtasks s where s.status = 'queued' and s.lane = l.lane limit 1
             )
        from (
          select distinct unnest(a.lanes) as lane
            from public.cogo_agents a
           where a.heartbeat_at > cogo.now() - interval '1 minute'
        ) as l
       where cogo.is_calling_lane(l.lane)
    )
  );
  return next;
end;
$function$;

create or replace function public.cogo_resume_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'resume');
  v_ids uuid[];
begin
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  v_ids := p_task_id || cogo.lock_descendants(p_task_id);
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = any (v_ids) and t.status = 'held';
  update cogo.subtasks s
     set status = cogo.resting_status(
           'running', s.deps_left, s.needs_approval, s.run_at, cogo.now(), s.kind
         )
   where s.task_id = any (v_ids) and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_send_event(p_task_id uuid, p_name text, p_payload jsonb DEFAULT 'null'::jsonb, p_idempotency_key text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_sent_events
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'send_event');
  v_payload jsonb := coalesce(p_payload, 'null');
  v_event public.cogo_sent_events;
  v_problem text := cogo.validate_json(v_payload);
begin
  if p_name is null or p_name !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_name must be 1 to 100 letters, digits and _ . : -';
  end if;
  perform cogo.check_size('p_payload', octet_length(v_payload::text), 65536, 'bytes'),
          cogo.check_size('p_idempotency_key', length(p_idempotency_key), 255);
  if v_problem is not null then
    raise exception using errcode = 'TQ009', message = 'p_payload ' || v_problem;
  end if;

  if p_idempotency_key is not null then
    select e.* into v_event
      from public.cogo_sent_events e
     where e.task_id = p_task_id and e.idempotency_key = p_idempotency_key;
    if found and (v_event.name, v_event.payload) = (p_name, v_payload) then
      return v_event;
    elsif found then
      raise exception using errcode = 'TQ004',
        message = format(
          'the idempotency key %L was used for another event', left(p_idempotency_key, 100)
        ),
        hint = 'repeat the first event as it was, or choose a new key';
    end if;
  end if;
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: nothing waits for events', p_task_id, v_task.status);
  end if;
  perform cogo.check_size(
    'the task', 1 + (
      select count(*) from public.cogo_sent_events e
       where e.task_id = p_task_id and e.taken_at is null
    ), 1000, 'events that no step has taken'
  );

  insert into public.cogo_sent_events (task_id, name, payload, idempotency_key, sent_by)
  values (
    p_task_id, p_name, v_payload, p_idempotency_key,
    case when cogo.is_operator() then p_person else auth.uid() end
  )
  returning * into v_event;
  perform cogo.take_events(p_task_id);
  select e.* into v_event from public.cogo_sent_events e where e.id = v_event.id;
  return v_event;
end;
$function$;

create or replace function public.cogo_set_grants(p_owner uuid, p_models text[] DEFAULT '{}'::text[], p_providers text[] DEFAULT '{}'::text[], p_aliases text[] DEFAULT '{}'::text[], p_priority integer DEFAULT NULL::integer, p_tools text[] DEFAULT NULL::text[])
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_wanted cogo.grants[];
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 removes it, null keeps it';
  elsif exists (
    select from unnest(p_tools) as t (name)
     where t.name is null or t.name !~ '^[A-Za-z0-9_.:/-]{1,200}(/\*)?$'
        or t.name = 'none' and cardinality(p_tools) > 1
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_tools must be names of tools, SOURCE/* for all of a source, or none alone';
  end if;
  -- Two calls at the same time would mix their rows.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  select coalesce(array_agg((w.owner, w.kind, w.name)::cogo.grants), '{}') into v_wanted
    from (
      select v_owner, 'model', unnest(p_models)
       union select v_owner, 'provider', unnest(p_providers)
       union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
       union select v_owner, 'priority', p_priority::text where p_priority >= 0
       union select v_owner, 'tool', unnest(p_tools)
    ) as w (owner, kind, name);
  -- What stays is not written again, so that only what has changed is recorded.
  delete from cogo.grants g
   where g.owner = v_owner and g <> all (v_wanted)
     and case g.kind
       when 'priority' then p_priority is not null
       when 'tool' then p_tools is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants select w.* from unnest(v_wanted) w on conflict do nothing;

  -- Queued subtasks get new levels. Tasks by seq, then their subtasks, as the lock order says.
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
  if p_priority is not null then
    perform cogo.reset_heads();
  end if;
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           ),
           cogo.granted_tools(p_owner)
      from (select cogo.granted_models(p_owner) as granted) g;
end;
$function$;

create or replace function public.cogo_set_policy(p_policy text, p_owner uuid DEFAULT NULL::uuid, p_who text DEFAULT NULL::text)
 RETURNS TABLE(policy text, owner uuid, was text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_who text;
  v_old text;
begin
  if p_policy = '' or length(p_policy) > 100 then
    raise exception using
      errcode = 'TQ004', message = 'p_policy must name a policy; null removes it';
  end if;
  perform cogo.set_operator(p_who, null);
  v_who := cogo.current_who();
  select p.policy into v_old from cogo.policies p where p.owner = v_owner;
  if p_policy is null then
    delete from cogo.policies p where p.owner = v_owner;
  else
    insert into cogo.policies as p (owner, policy, who)
    values (v_owner, p_policy, v_who)
    on conflict (owner) do update
      set policy = excluded.policy, who = excluded.who, set_at = cogo.now();
  end if;
  if v_old is distinct from p_policy then
    perform cogo.record_switch(
      'policy', 'policy', case when p_owner is null then 'everywhere' else 'owner:' || p_owner end,
      coalesce(v_old, 'default'), coalesce(p_policy, 'default'), 'set by ' || v_who, null
    );
  end if;
  return query select p_policy, p_owner, v_old;
end;
$function$;

create or replace function public.cogo_spending_stop()
 RETURNS TABLE(since timestamp with time zone, who text, reason text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select s.since, s.who, s.reason from cogo.spending_stop s;
$function$;

create or replace function public.cogo_stop_spending(p_reason text DEFAULT NULL::text, p_cancel_running boolean DEFAULT false)
 RETURNS TABLE(since timestamp with time zone, who text, reason text, is_new boolean, running integer, aborted integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  perform cogo.check_size('p_reason', length(p_reason));
  perform cogo.set_operator(null, p_reason);
  insert into cogo.spending_stop (reason) values (cogo.read_operator() ->> 'reason')
  on conflict do nothing;
  is_new := found;
  aborted := case when p_cancel_running then cogo.abort_calls() else 0 end;
  select count(*) into running from cogo.reservations;
  select s.since, s.who, s.reason into since, who, reason from cogo.spending_stop s;
  return next;
end;
$function$;

drop function cogo.authorize_task(uuid);

drop function cogo.record_switch(text,text,text,text,text,text,jsonb,text);

drop function cogo.restamp_subtasks(text,text[],text,text,text);

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF version, overwrite, open_tasks, max_usd_per_row, paused_at, owner_name ON cogo.ai_columns FOR EACH ROW EXECUTE FUNCTION cogo.record_action('column', 'id', 'table_oid,column_number,key_numbers,owner_number,error,error_at,errors,outages,outage,outage_at,layout,sweep_after,backfill_states,backfill_at,backfill_after,backfill_left,backfill_total,created_at,changed_at,paused_until,paused_limit');

create or replace trigger record_action AFTER INSERT OR UPDATE OF id, name, hash, owner, scopes, expires_at, revoked_at ON cogo.api_keys FOR EACH ROW EXECUTE FUNCTION cogo.record_action('key', 'id', 'id,hash,created_at,last_used_at');

create or replace trigger record_deletion AFTER DELETE ON cogo.api_keys FOR EACH ROW WHEN (((old.revoked_at IS NULL) AND COALESCE((old.expires_at > cogo.now()), true))) EXECUTE FUNCTION cogo.record_action('key', 'id', 'id,hash,created_at,last_used_at');

create or replace trigger record_action AFTER UPDATE OF scope, key, per, limit_usd, allow_unpriced, is_default ON cogo.budgets FOR EACH ROW WHEN ((NOT (old.is_default AND new.is_default))) EXECUTE FUNCTION cogo.record_action('budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start');

create or replace trigger record_deletion AFTER DELETE ON cogo.budgets FOR EACH ROW WHEN ((NOT old.is_default)) EXECUTE FUNCTION cogo.record_action('budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start');

create or replace trigger record_insertion AFTER INSERT ON cogo.budgets FOR EACH ROW WHEN ((NOT new.is_default)) EXECUTE FUNCTION cogo.record_action('budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start');

create or replace trigger record_raise AFTER UPDATE OF extra_usd ON cogo.budgets FOR EACH ROW WHEN ((new.extra_usd > old.extra_usd)) EXECUTE FUNCTION cogo.record_action('budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE ON cogo.controls FOR EACH ROW EXECUTE FUNCTION cogo.record_action('model', 'subject', 'subject,who,set_at');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF owner_sha256, requested_by ON cogo.erasures FOR EACH ROW EXECUTE FUNCTION cogo.record_action('erasure', 'id', 'id,counts,started_at,finished_at,receipt_sha256');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE ON cogo.grants FOR EACH ROW EXECUTE FUNCTION cogo.record_action('grant', 'owner', 'owner');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF hosts ON cogo.instance FOR EACH ROW EXECUTE FUNCTION cogo.record_action('instance', 'system_identifier', 'system_identifier,adopted_at,adopted_by,verified_until,inherited_to');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF lane, paused, max_running, per_minute ON cogo.lanes FOR EACH ROW EXECUTE FUNCTION cogo.record_action('lane', 'lane', 'lane,tokens,refilled_at');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF owner, paused, max_running, per_minute ON cogo.owners FOR EACH ROW EXECUTE FUNCTION cogo.record_action('owner', 'owner', 'owner,tokens,refilled_at');

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE ON cogo.policies FOR EACH ROW EXECUTE FUNCTION cogo.record_action('policy', 'owner', 'owner,who,set_at');

comment on table public.cogo_actions is
  'What operators have done: every change of a control, and what they did to tasks of others.
Append-only.';

comment on column public.cogo_actions.after is
  'What has changed, as it is now; null if it was removed.';

comment on column public.cogo_actions.before is
  'What has changed, as it was; null if it did not exist.';

comment on column public.cogo_actions.who is
  'key:ID or user:ID of a request to the gateway, cli:USER@HOST, an agent, or database:ROLE.';

comment on function cogo.abort_calls() is
  'Take the subtasks back that have a call under way, without a failure; return how many. What the calls
have cost is booked when their holders report it.';

comment on function cogo.add_action(text,text,jsonb,jsonb) is
  'Add a row to the log of actions, in the name of the caller.';

comment on function cogo.authorize_task(uuid,text) is
  'Lock and return a task of the caller, for operators any task; what one of them does to a task of
somebody else is recorded. Raises TQ002.';

comment on function cogo.describe_stop() is
  'Return since when spending is stopped, by whom and why, as a sentence; null if it is not.';

comment on function cogo.forget_owner_in_actions(uuid) is
  'Take an owner out of the log of actions: when it was, its kind and who did it stay.';

comment on function cogo.lane_capacity(text[]) is
  'Return the lanes that are not paused, by themselves or as spending is stopped, and how many more
subtasks each may start; 1000 without a limit. The caller has locked them in an earlier statement.';

comment on function cogo.read_operator() is
  'Return for whom a program acts, and why: {who, owner, reason}, from the header X-Cogo-Operator or the
settings cogo.who and cogo.reason; {} if it does not say.';

comment on function cogo.record_action() is
  'Record a change of a control, also one by plain SQL. Arguments: the kind, the columns that name the
subject, and those that are not shown. Of triggers.';

comment on function cogo.record_switch(text,text,text,text,text,text,jsonb) is
  'Store and announce a change of which models may be selected.';

comment on function cogo.restamp_subtasks(text,text[],text,text) is
  'Send waiting subtasks back to lane cio, those of p_lanes or, for a pin, all others; return how
many.';

comment on function cogo.set_operator(text,text) is
  'Say for whom the rest of this transaction acts, and why; null or empty leaves it as it is.';

comment on function public.cogo_begin_call(text,jsonb) is
  'Begin a call to a model: reserve its maximum cost (max_usd) under every cap that applies; none
applies to a simulated call. Answers ok, refused or wait (a cap, see scope and detail), not_granted,
banned, stopped (until spending is resumed), or stale; a refusal of a task with params.on_budget ask has
the question with which its holder may let the step wait. After ok report the end with cogo_end_call;
otherwise the call is lost with its attempt.';

comment on function public.cogo_control_model(text,text,text[],text,text,text) is
  'For operators: pin, ban, drain or allow a model or provider everywhere, for an owner:<uuid> or a
task_type:<type>. Running subtasks are finished; waiting ones (in p_lanes: the models of a provider) are
stamped again. Repeating a call changes nothing. Who did it is cogo.current_who(), or p_who.';

comment on function public.cogo_prune_records(integer,interval,interval) is
  'Delete model switches, and calls and actions of the audit logs, oldest first, at most p_limit of each;
null keeps all. Return how many; call it until it is 0.';

comment on function public.cogo_resume_spending(text) is
  'For operators: let calls to models begin again, and what waited for that go on. Says whether spending
was stopped.';

comment on function public.cogo_spending_stop() is
  'For operators: since when spending is stopped, by whom and why; no row if it is not.';

comment on function public.cogo_stop_spending(text,boolean) is
  'For operators: refuse every new call to a model, in the middle of a tool loop too, and claim nothing
that makes one, until cogo_resume_spending(). Nothing fails: what was refused is queued again. Calls
under way (running) end, or with p_cancel_running are aborted. Repeating it changes nothing.';

revoke all on table public.cogo_actions from public, anon, authenticated, service_role;

grant select on table public.cogo_actions to service_role;

revoke all on function cogo.abort_calls() from public, anon, authenticated, service_role;

grant execute on function cogo.abort_calls() to service_role;

revoke all on function cogo.add_action(text,text,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.add_action(text,text,jsonb,jsonb) to service_role;

revoke all on function cogo.authorize_task(uuid,text) from public, anon, authenticated, service_role;

grant execute on function cogo.authorize_task(uuid,text) to service_role;

revoke all on function cogo.describe_stop() from public, anon, authenticated, service_role;

grant execute on function cogo.describe_stop() to service_role;

revoke all on function cogo.forget_owner_in_actions(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.forget_owner_in_actions(uuid) to service_role;

revoke all on function cogo.read_operator() from public, anon, authenticated, service_role;

grant execute on function cogo.read_operator() to service_role;

revoke all on function cogo.record_action() from public, anon, authenticated, service_role;

grant execute on function cogo.record_action() to service_role;

revoke all on function cogo.record_switch(text,text,text,text,text,text,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.record_switch(text,text,text,text,text,text,jsonb) to service_role;

revoke all on function cogo.restamp_subtasks(text,text[],text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.restamp_subtasks(text,text[],text,text) to service_role;

revoke all on function cogo.set_operator(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.set_operator(text,text) to service_role;

revoke all on function public.cogo_resume_spending(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_resume_spending(text) to service_role;

revoke all on function public.cogo_spending_stop() from public, anon, authenticated, service_role;

grant execute on function public.cogo_spending_stop() to service_role;

revoke all on function public.cogo_stop_spending(text,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_stop_spending(text,boolean) to service_role;

create or replace function cogo.current_who()
 RETURNS text
 LANGUAGE sql
 STABLE
RETURN "left"(COALESCE(NULLIF((cogo.read_operator() ->> 'who'::text), ''::text), CASE WHEN cogo.is_operator() THEN NULLIF(current_setting('cogo.agent_id'::text, true), ''::text) ELSE ('user:'::text || auth.uid()) END, ('database:'::text || COALESCE(NULLIF(current_setting('role'::text, true), 'none'::text), (SESSION_USER)::text))), 200);

comment on function cogo.current_who() is
  'Return who acts: whom the program names, the user who has signed in, the agent that set_actor() named,
else the role in the database.';

revoke all on function cogo.current_who() from public, anon, authenticated, service_role;

grant execute on function cogo.current_who() to service_role;

create table cogo.spending_stop (
  id boolean default true not null,
  since timestamp with time zone default cogo.now() not null,
  who text default cogo.current_who() not null,
  reason text
);

alter table cogo.spending_stop enable row level security;

alter table cogo.spending_stop add constraint spending_stop_id_check CHECK (id);

alter table cogo.spending_stop add constraint spending_stop_pkey PRIMARY KEY (id);

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE ON cogo.spending_stop FOR EACH ROW EXECUTE FUNCTION cogo.record_action('spending', '', 'id');

comment on table cogo.spending_stop is
  'A row while spending is stopped: no call to a model begins, and nothing is claimed that makes one.';

revoke all on table cogo.spending_stop from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.spending_stop to service_role;

insert into cogo.schema_versions (version) values ('20261130125509')
on conflict (version) do nothing;
