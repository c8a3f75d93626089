-- Sum usage by hour.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.usage_changes (
  id bigint generated always as identity not null,
  hour timestamp with time zone not null
);

alter table cogo.usage_changes enable row level security;

create table cogo.usage_clock (
  id boolean default true not null,
  begins_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  next_at timestamp with time zone not null,
  next_xid xid8
);

alter table cogo.usage_clock enable row level security;

create table cogo.usage_sums (
  id bigint generated always as identity not null,
  hour timestamp with time zone not null,
  grain text not null,
  model text,
  provider text,
  provider_model text,
  owner uuid,
  type text,
  project text,
  tag text,
  simulated boolean not null,
  calls bigint not null,
  failed bigint not null,
  input_tokens numeric not null,
  cached_tokens numeric not null,
  cache_write_tokens numeric not null,
  output_tokens numeric not null,
  reasoning_tokens numeric not null,
  cost_usd numeric,
  unknown_costs bigint not null,
  tasks uuid[],
  latency_counts bigint[],
  latency_ms double precision[]
);

alter table cogo.usage_sums enable row level security;

alter table cogo.usage_changes add constraint usage_changes_pkey PRIMARY KEY (id);

alter table cogo.usage_clock add constraint usage_clock_id_check CHECK (id);

alter table cogo.usage_clock add constraint usage_clock_pkey PRIMARY KEY (id);

alter table cogo.usage_sums add constraint usage_sums_grain_check CHECK ((grain = ANY (ARRAY['model'::text, 'type'::text, 'project'::text, 'owner'::text, 'model_type'::text, 'model_owner'::text])));

alter table cogo.usage_sums add constraint usage_sums_pkey PRIMARY KEY (id);

create index usage_changes_hour ON cogo.usage_changes USING btree (hour);

create index usage_sums_hour ON cogo.usage_sums USING btree (hour, grain);

create index usage_sums_owner ON cogo.usage_sums USING btree (owner) WHERE (owner IS NOT NULL);

create or replace function cogo.check_usage_question(p_since timestamp with time zone, p_until timestamp with time zone, p_bucket text, p_by text[], p_zone text, p_figures text[])
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_keys constant text[] := '{model,provider,provider_model,owner,type,project,tag}';
  v_since timestamptz := coalesce(p_since, p_until - interval '30 days');
  v_local timestamp;
begin
  if p_bucket is null or p_bucket not in ('hour', 'day', 'month', 'all') then
    raise exception using
      errcode = 'TQ004', message = 'p_bucket must be hour, day, month or all';
  end if;
  if array_position(p_by, null) is not null or not p_by <@ v_keys or cardinality(p_by) > 2 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_by must be at most two of ' || array_to_string(v_keys, ', ');
  end if;
  begin
    v_local := p_until at time zone p_zone;
  exception
    when invalid_parameter_value then
      v_local := null;
  end;
  if v_local is null then
    raise exception using
      errcode = 'TQ004', message = 'p_zone must name a time zone',
      hint = 'examples: UTC, Europe/Berlin';
  end if;
  if array_position(p_figures, null) is not null or p_figures <@ '{tasks,latencies}' is not true then
    raise exception using errcode = 'TQ004', message = 'p_figures must be of tasks, latencies';
  end if;
  if p_bucket <> 'all' then
    v_since := date_trunc(case p_bucket when 'hour' then 'hour' else 'day' end, v_since, p_zone);
  end if;
  if v_since >= p_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  if p_bucket = 'hour' and p_until - v_since > interval '32 days' then
    raise exception using
      errcode = 'TQ004', message = 'hours can be shown of 32 days at most',
      hint = 'ask for days, or for a shorter period';
  end if;
  return v_since;
end;
$function$;

create or replace function cogo.drop_changed_sums(p_owner uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_dropped integer;
begin
  -- What is being summed now is deleted too.
  perform from cogo.usage_clock c for update;
  with dropped as (
    delete from cogo.usage_sums s where s.hour in (select x.hour from cogo.usage_changes x)
    returning s.owner
  )
  select count(*) filter (where d.owner = p_owner) into v_dropped from dropped d;
  return v_dropped;
end;
$function$;

create or replace function cogo.forget_owner_of_records(p_owner uuid, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_cells integer;
  v_calls integer;
  v_sums integer := 0;
begin
  with found as materialized (
    select c.column_id, c.key from cogo.ai_cells c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update cogo.ai_cells c
     set owner = null, reason = null,
         -- One that is asked finds its task gone by this.
         task_id = case when c.state = 'asked' then c.task_id end
    from found f where c.column_id = f.column_id and c.key = f.key;
  get diagnostics v_cells = row_count;
  with found as materialized (
    select c.id, c.outcome from public.cogo_calls c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update public.cogo_calls c
     set owner = null, task_id = null, subtask_id = null, prompt = null, prompt_sha256 = null
    from found f where c.id = f.id and c.outcome = f.outcome;
  get diagnostics v_calls = row_count;
  if v_calls > 0 then
    v_sums := cogo.drop_changed_sums(p_owner);
  end if;
  return cogo.add_counts(
    '{}', jsonb_build_object(
      'cogo.ai_cells', v_cells, 'public.cogo_calls', v_calls, 'cogo.usage_sums', v_sums
    )
  );
end;
$function$;

create or replace function cogo.latency_bin(p_ms double precision)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
RETURN floor(CASE WHEN (p_ms < ('-8'::integer)::double precision) THEN (((8)::double precision * ln((('-1'::integer)::double precision - p_ms))) / ln((2)::double precision)) WHEN (p_ms < (0)::double precision) THEN (('-1'::integer)::double precision - p_ms) WHEN (p_ms < (8)::double precision) THEN p_ms ELSE (((8)::double precision * ln(p_ms)) / ln((2)::double precision)) END);

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
    ('cogo.task_words', 'task', 'task_id', 'delete', false),
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
    ('public.cogo_project_members', 'owner', 'user_id', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('cogo.usage_sums', 'owner', 'owner', 'delete', false),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false),
    ('public.cogo_actions', 'mention', 'subject', 'forget', true)
$function$;

create or replace function cogo.list_usage_grains()
 RETURNS TABLE(grain text, keys text[], place integer)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values ('type', '{type}'::text[], 1),
         ('model', '{model,provider,provider_model}', 2),
         ('project', '{project}', 3),
         ('owner', '{owner,project}', 4),
         ('model_type', '{model,provider,provider_model,type,project}', 5),
         ('model_owner', '{model,provider,provider_model,owner,project}', 6)
$function$;

create or replace function cogo.note_calls_of_deleted_tasks()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  perform cogo.note_usage_changes(
    array(
      select c.started_at from old_rows o join public.cogo_calls c on c.task_id = o.id
    )
  );
  return null;
end;
$function$;

create or replace function cogo.note_changed_calls()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.note_usage_changes(array(select o.started_at from old_rows o));
  return null;
end;
$function$;

create or replace function cogo.note_updated_calls()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.note_usage_changes(
    array(select o.started_at from old_rows o union all select n.started_at from new_rows n)
  );
  return null;
end;
$function$;

create or replace function cogo.note_usage_changes(p_times timestamp with time zone[])
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into cogo.usage_changes (hour)
  select distinct date_trunc('hour', t.at, 'UTC')
    from unnest(p_times) t (at)
   where t.at < (select c.next_at from cogo.usage_clock c);
$function$;

create or replace function cogo.read_usage_key(p_sum cogo.usage_sums, p_key text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE p_key WHEN 'model'::text THEN (p_sum).model WHEN 'provider'::text THEN (p_sum).provider WHEN 'provider_model'::text THEN (p_sum).provider_model WHEN 'owner'::text THEN ((p_sum).owner)::text WHEN 'type'::text THEN (p_sum).type WHEN 'project'::text THEN (p_sum).project WHEN 'tag'::text THEN (p_sum).tag ELSE NULL::text END;

create or replace function cogo.record_calls(p_agent_id text, p_calls jsonb, p_late uuid[])
 RETURNS public.cogo_calls[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_item jsonb;
  v_call public.cogo_calls;
  v_reserved cogo.reservations;
  v_recorded public.cogo_calls[] := '{}';
  v_first timestamptz;
begin
  -- A cap that is created later would find these calls in the audit log, and they would count twice.
  perform cogo.create_owner_caps(
    array(
      select cogo.budget_key(cogo.to_uuid(c.value ->> 'owner')) from jsonb_array_elements(p_calls) c
    )
  );
  for v_item in select c.value from jsonb_array_elements(p_calls) c loop
    v_call := jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(v_item));
    delete from cogo.reservations r where r.call_id = v_call.id returning r.* into v_reserved;
    -- Its task may have been deleted, and its attempt lost.
    if v_reserved.call_id is not null then
      v_call.column_id := v_reserved.column_id;
      v_call.project := v_reserved.project;
      v_call.tags := v_reserved.tags;
      v_call.started_at := v_reserved.made_at;
    else
      -- It began when what was lost did, else only the caller knows the duration.
      select f.column_id, f.project, f.tags, f.started_at
        into v_call.column_id, v_call.project, v_call.tags, v_call.started_at
        from (
          select c.column_id, c.project, c.tags, c.started_at
            from public.cogo_calls c where c.id = v_call.id
           union all
          select l.*, null from cogo.find_task_labels(v_call.task_id) l
        ) as f
       limit 1;
      v_call.tags := coalesce(v_call.tags, '{}');
    end if;
    v_call.agent_id := p_agent_id;
    v_call.simulated := coalesce(v_call.simulated, false);
    if v_call.simulated then
      v_call.cost_usd := 0;
    end if;
    v_call.ended_at := cogo.now();
    v_call.started_at := coalesce(
      v_call.started_at,
      cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
    );
    insert into public.cogo_calls select v_call.* on conflict do nothing;
    if found then
      v_recorded := v_recorded || v_call;
      v_first := least(v_first, v_call.started_at);
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  -- Usually false: it is that of hours ago.
  if v_first < (select c.next_at from cogo.usage_clock c) then
    perform cogo.note_usage_changes(array(select r.started_at from unnest(v_recorded) r));
  end if;
  return v_recorded;
end;
$function$;

create or replace function cogo.record_lost_calls(p_subtask_ids uuid[], p_attempts integer[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.split_usage(p_since timestamp with time zone, p_until timestamp with time zone, p_bucket text, p_zone text, p_keys text[], OUT grain text, OUT hours timestamp with time zone[], OUT starts timestamp with time zone[], OUT spans tstzmultirange)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_hour constant interval := '1 hour';
  v_clock cogo.usage_clock;
begin
  spans := tstzmultirange(tstzrange(p_since, p_until));
  -- With row level security the caller sees sums that have owners.
  select g.grain into grain
    from cogo.list_usage_grains() g
   where p_keys <@ g.keys
     and ('owner' = any (g.keys) or not row_security_active('public.cogo_calls'::regclass))
   order by g.place limit 1;
  select c.* into v_clock from cogo.usage_clock c;
  if grain is null or v_clock.id is null then
    return;
  end if;
  select array_agg(h.hour), array_agg(h.start),
         spans - coalesce(range_agg(tstzrange(h.hour, h.hour + v_hour)), '{}')
    into hours, starts, spans
    from (
      select g.hour,
             case when p_bucket <> 'all' then date_trunc(p_bucket, g.hour, p_zone) end as start
        from generate_series(
          greatest(v_clock.begins_at, date_trunc('hour', p_since, 'UTC')),
          least(v_clock.ends_at, p_until) - v_hour, v_hour
        ) g (hour)
       where g.hour >= p_since
         and not exists (select from cogo.usage_changes x where x.hour = g.hour)
    ) as h
   where p_bucket = 'all' or h.start = date_trunc(
           p_bucket, h.hour + v_hour - interval '1 microsecond', p_zone
         );
end;
$function$;

create or replace function cogo.sum_hour(p_hour timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- Calls that are written from here on leave a change that stays.
  delete from cogo.usage_changes x where x.hour = p_hour;
  delete from cogo.usage_sums s where s.hour = p_hour;
  insert into cogo.usage_sums (
    hour, grain, model, provider, provider_model, owner, type, project, simulated, calls, failed,
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_usd,
    unknown_costs, tasks, latency_counts, latency_ms
  )
  select p_hour, g.grain, c.model, c.provider, c.provider_model, c.owner, c.type, c.project,
         c.simulated, c.calls, c.failed, c.input_tokens, c.cached_tokens, c.cache_write_tokens,
         c.output_tokens, c.reasoning_tokens, c.cost_usd, c.unknown_costs, c.tasks, h.counts, h.ms
    from cogo.list_usage_grains() g
   cross join lateral cogo.sum_usage(
     p_hour, p_hour + interval '1 hour', 'all', 'UTC', g.keys, '{tasks,latencies}'
   ) c
   cross join lateral (
     select array_agg(b.n) as counts, array_agg(b.ms) as ms
       from (
         select count(*) as n, sum(m.ms) as ms
           from unnest(c.latency_ms) m (ms)
          group by m.ms < 0, cogo.latency_bin(m.ms)
       ) as b
   ) as h;
end;
$function$;

create or replace function cogo.sum_hours(p_limit integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_clock cogo.usage_clock;
  v_closed constant timestamptz := date_trunc('hour', cogo.now() - interval '1 hour', 'UTC');
  v_hour timestamptz;
  v_hours timestamptz[];
begin
  insert into cogo.usage_clock (begins_at, ends_at, next_at)
  select f.hour, f.hour, f.hour
    from (
      select date_trunc('hour', coalesce(min(c.started_at), cogo.now()), 'UTC') as hour
        from public.cogo_calls c
    ) as f
   where not exists (select from cogo.usage_clock)
  on conflict do nothing;
  select c.* into v_clock from cogo.usage_clock c for no key update skip locked;
  if not found then
    return false;
  end if;
  v_hours := array(
    select distinct x.hour from cogo.usage_changes x
     where x.hour < least(v_clock.ends_at, v_closed) order by x.hour limit p_limit
  );
  foreach v_hour in array v_hours loop
    perform cogo.sum_hour(v_hour);
  end loop;
  if v_clock.ends_at = v_clock.next_at then
    if v_closed > v_clock.next_at then
      update cogo.usage_clock c set next_at = v_closed, next_xid = null where c.id;
    end if;
    return cardinality(v_hours) = p_limit;
  end if;
  -- One of the future was copied from another server.
  if v_clock.next_xid is null or v_clock.next_xid > pg_snapshot_xmax(pg_current_snapshot()) then
    update cogo.usage_clock c
       set next_xid = pg_snapshot_xmax(pg_current_snapshot())
     where c.id;
    return true;
  end if;
  if v_clock.next_xid > pg_snapshot_xmin(pg_current_snapshot()) then
    return cardinality(v_hours) = p_limit;
  end if;
  for v_nth in cardinality(v_hours) + 1 .. p_limit loop
    select date_trunc('hour', min(c.started_at), 'UTC') into v_hour
      from public.cogo_calls c
     where c.started_at >= v_clock.ends_at and c.started_at < v_clock.next_at;
    if v_hour is not null then
      perform cogo.sum_hour(v_hour);
    end if;
    v_clock.ends_at := coalesce(v_hour + interval '1 hour', v_clock.next_at);
    exit when v_clock.ends_at >= v_clock.next_at;
  end loop;
  update cogo.usage_clock c set ends_at = v_clock.ends_at where c.id;
  return v_clock.ends_at < v_clock.next_at or cardinality(v_hours) = p_limit;
end;
$function$;

create or replace function cogo.sum_usage(p_since timestamp with time zone, p_until timestamp with time zone, p_bucket text, p_zone text, p_by text[], p_figures text[], p_filter jsonb DEFAULT '{}'::jsonb)
 RETURNS SETOF cogo.usage_sums
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET work_mem TO '64MB'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_is_limited constant boolean := coalesce((p_filter -> 'is_limited')::boolean, false);
  v_viewer constant uuid := cogo.to_uuid(p_filter ->> 'viewer');
  v_projects constant text[] := array(select jsonb_array_elements_text(p_filter -> 'projects'));
  v_only constant text := p_filter ->> 'only_project';
  v_owner constant uuid := cogo.to_uuid(p_filter ->> 'owner');
  v_project constant text := p_filter ->> 'project';
  v_model constant text := p_filter ->> 'model';
  v_provider constant text := p_filter ->> 'provider';
begin
  return query
  select null::bigint, k.start, null::text, k.model, k.provider, k.provider_model, k.owner, k.type,
         k.project, k.tag, k.simulated,
         count(*),
         count(*) filter (where k.outcome in ('failed', 'lost')),
         coalesce(sum(k.input_tokens), 0),
         coalesce(sum(k.cached_tokens), 0),
         coalesce(sum(k.cache_write_tokens), 0),
         coalesce(sum(k.output_tokens), 0),
         coalesce(sum(k.reasoning_tokens), 0),
         sum(k.cost_usd),
         count(*) filter (where k.cost_usd is null),
         array_agg(distinct k.task_id)
           filter (where k.task_id is not null and 'tasks' = any (p_figures)),
         null::bigint[],
         array_agg(greatest(k.duration_ms, 0)::float8)
           filter (where k.is_timed and k.duration_ms is not null)
           || array_agg(-1 - greatest(k.first_token_ms, 0)::float8)
             filter (where k.is_timed and k.first_token_ms is not null)
    from (
      select case when p_bucket <> 'all' then date_trunc(p_bucket, c.started_at, p_zone) end as start,
             case when 'model' = any (p_by) then c.model_id end as model,
             case when 'provider' = any (p_by) then c.provider end as provider,
             case when 'provider_model' = any (p_by) then c.provider_model end as provider_model,
             case when 'owner' = any (p_by) then c.owner end as owner,
             case when 'type' = any (p_by) then t.type end as type,
             case when 'project' = any (p_by) then c.project end as project,
             case when 'tag' = any (p_by) then g.tag end as tag,
             c.task_id, c.outcome, c.simulated,
             c.outcome = 'completed' and 'latencies' = any (p_figures) as is_timed,
             c.first_token_ms, c.duration_ms, c.input_tokens, c.cached_tokens,
             c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.cost_usd
        from public.cogo_calls c
        left join public.cogo_tasks t on t.id = c.task_id and 'type' = any (p_by)
        left join lateral unnest(c.tags) g (tag) on 'tag' = any (p_by)
       where c.started_at >= p_since and c.started_at < p_until
         and (c.outcome <> 'lost' or c.id not in (select r.id from cogo.reported_calls r))
         and (not v_is_limited or c.owner is not distinct from v_viewer
              or c.project = any (v_projects))
         and (v_only is null or c.project = v_only)
         and (v_owner is null or c.owner is not distinct from nullif(v_owner, v_nobody))
         and (v_project is null or c.project is not distinct from nullif(v_project, ''))
         and (v_model is null or c.model_id = v_model)
         and (v_provider is null or c.provider = v_provider)
    ) as k
   group by k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
            k.simulated;
end;
$function$;

create or replace function public.cogo_run_memory(p_agent_id text, p_embedding_model text DEFAULT NULL::text, p_limit integer DEFAULT 200)
 RETURNS TABLE(asked integer, applied integer, is_more boolean, problem text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
  v_applied record;
  v_moved record;
  v_rival text;
begin
  perform cogo.set_actor(p_agent_id);
  asked := 0;
  applied := 0;
  is_more := cogo.index_tasks(v_limit) >= v_limit;
  is_more := cogo.sum_hours(greatest(1, v_limit / 100)) or is_more;
  -- A copy of the database asks for nothing by itself.
  problem := cogo.instance_problem();
  if problem is not null then
    return next;
    return;
  end if;
  perform cogo.drop_old_parts();
  perform cogo.end_embeddings();
  -- Each result may have the vectors of 64 texts.
  select a.* into v_applied from cogo.apply_follow_ups(greatest(1, v_limit / 50)) a;
  applied := v_applied.applied;
  problem := v_applied.problem;
  select m.* into v_moved from cogo.move_vectors(v_limit) m;
  problem := coalesce(v_moved.problem, problem);
  begin
    v_rival := cogo.find_rival(p_agent_id, p_embedding_model);
    if v_rival is null then
      asked := cogo.ask_embeddings(p_embedding_model, v_limit);
    else
      problem := format(
        '%s, so this agent asks for no vectors of %s: give all orchestrators the same model of memory',
        left(v_rival, 500), left(p_embedding_model, 200)
      );
    end if;
  exception
    when others then
      problem := 'nothing can be embedded: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_summaries(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'nothing can be summarised: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_extractions(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'no facts can be asked for: ' || left(sqlerrm, 500);
  end;
  is_more := is_more or v_applied.seen > 0 or v_moved.moved > 0 or asked >= v_limit;
  return next;
end;
$function$;

create or replace function public.cogo_usage(p_since timestamp with time zone DEFAULT NULL::timestamp with time zone, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_bucket text DEFAULT 'day'::text, p_by text[] DEFAULT '{}'::text[], p_zone text DEFAULT 'UTC'::text, p_owner uuid DEFAULT NULL::uuid, p_project text DEFAULT NULL::text, p_model text DEFAULT NULL::text, p_provider text DEFAULT NULL::text, p_visible jsonb DEFAULT NULL::jsonb, p_figures text[] DEFAULT '{tasks,latencies}'::text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET work_mem TO '64MB'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_by text[] := coalesce(p_by, '{}');
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz := cogo.check_usage_question(
    p_since, v_until, p_bucket, v_by, p_zone, p_figures
  );
  v_is_limited boolean := coalesce(p_visible -> 'every_owner' <> 'true', p_visible is not null);
  v_viewer uuid := cogo.to_uuid(p_visible ->> 'owner');
  v_only text := p_visible ->> 'only_project';
  v_projects text[] := array(select jsonb_array_elements_text(p_visible -> 'projects'));
  v_has_tasks boolean := 'tasks' = any (p_figures);
  v_has_latencies boolean := 'latencies' = any (p_figures);
  v_unknown constant jsonb := '{"first_token_ms_p50": null, "first_token_ms_p95": null,
    "duration_ms_p50": null, "duration_ms_p95": null}';
  v_read record;
  v_rows jsonb;
begin
  select u.* into v_read
    from cogo.split_usage(
      v_since, v_until, p_bucket, p_zone,
      v_by || array_remove(
        array[
          case when p_owner is not null or v_is_limited then 'owner' end,
          case when p_project is not null or v_only is not null then 'project' end,
          case when p_model is not null then 'model' end,
          case when p_provider is not null then 'provider' end
        ], null
      )
    ) u;

  with parts as materialized (
    select h.start, cogo.read_usage_key(s, v_by[1]) as first, cogo.read_usage_key(s, v_by[2]) as second,
           s.simulated, s.calls, s.failed, s.input_tokens, s.cached_tokens, s.cache_write_tokens,
           s.output_tokens, s.reasoning_tokens, s.cost_usd, s.unknown_costs,
           case when v_has_tasks then s.tasks end as tasks,
           case when v_has_latencies then s.latency_counts end as latency_counts,
           case when v_has_latencies then s.latency_ms end as latency_ms
      from unnest(v_read.hours, v_read.starts) as h (hour, start)
      join cogo.usage_sums s on s.hour = h.hour and s.grain = v_read.grain
     where (not v_is_limited or s.owner is not distinct from v_viewer
            or s.project = any (v_projects))
       and (v_only is null or s.project = v_only)
       and (p_owner is null or s.owner is not distinct from nullif(p_owner, v_nobody))
       and (p_project is null or s.project is not distinct from nullif(p_project, ''))
       and (p_model is null or s.model = p_model)
       and (p_provider is null or s.provider = p_provider)
     union all
    select s.hour, cogo.read_usage_key(s, v_by[1]), cogo.read_usage_key(s, v_by[2]), s.simulated,
           s.calls, s.failed, s.input_tokens, s.cached_tokens, s.cache_write_tokens,
           s.output_tokens, s.reasoning_tokens, s.cost_usd, s.unknown_costs, s.tasks,
           s.latency_counts, s.latency_ms
      from unnest(v_read.spans) as r (span)
     cross join lateral cogo.sum_usage(
       lower(r.span), upper(r.span), p_bucket, p_zone, v_by, p_figures,
       jsonb_build_object(
         'is_limited', v_is_limited, 'viewer', v_viewer, 'projects', v_projects,
         'only_project', v_only, 'owner', p_owner, 'project', p_project, 'model', p_model,
         'provider', p_provider
       )
     ) s
  ), sums as (
    select array[p.start::text, p.first, p.second, p.simulated::text] as id,
           p.start, p.first, p.second, p.simulated, sum(p.calls) as calls, sum(p.failed) as failed,
           sum(p.input_tokens) as input_tokens, sum(p.cached_tokens) as cached_tokens,
           sum(p.cache_write_tokens) as cache_write_tokens, sum(p.output_tokens) as output_tokens,
           sum(p.reasoning_tokens) as reasoning_tokens, sum(p.cost_usd) as cost_usd,
           sum(p.unknown_costs) as unknown_costs
      from parts p
     group by p.start, p.first, p.second, p.simulated
  ), tasks as (
    select array[d.start::text, d.first, d.second, d.simulated::text] as id,
           count(*) as tasks
      from (
        select distinct p.start, p.first, p.second, p.simulated, t.id
          from parts p cross join lateral unnest(p.tasks) t (id)
      ) as d
     group by d.start, d.first, d.second, d.simulated
  ), bins as (
    select p.start, p.first, p.second, p.simulated, b.ms < 0 as is_first,
           sum(coalesce(b.n, 1)) as n, sum(b.ms) as ms
      from parts p
     cross join lateral unnest(p.latency_counts, p.latency_ms) b (n, ms)
     group by p.start, p.first, p.second, p.simulated, b.ms < 0,
              cogo.latency_bin(b.ms / coalesce(b.n, 1))
  ), ranked as (
    select array[b.start::text, b.first, b.second, b.simulated::text] as id, b.is_first,
           case when b.is_first then -1 - b.ms / b.n else b.ms / b.n end as mean,
           sum(b.n) over (w order by abs(b.ms / b.n)) as upto,
           (sum(b.n) over w)::float8 - 1 as last
      from bins b
    window w as (partition by b.start, b.first, b.second, b.simulated, b.is_first)
  ), percentiles as (
    select r.id, case when r.is_first then 'first_token_ms' else 'duration_ms' end || q.name as name,
           min(r.mean) filter (where r.upto > floor(q.share * r.last)) as low,
           min(r.mean) filter (where r.upto > ceil(q.share * r.last)) as high,
           min(q.share * r.last - floor(q.share * r.last)) as part
      from ranked r cross join (values ('_p50', 0.5::float8), ('_p95', 0.95)) as q (name, share)
     group by r.id, r.is_first, q.name
  ), latencies as (
    select p.id, jsonb_object_agg(p.name, round(p.low + (p.high - p.low) * p.part)) as figures
      from percentiles p group by p.id
  )
  select jsonb_agg(
           to_jsonb(s) - '{id,start,first,second}'::text[]
             || jsonb_object(v_by, (array[s.first, s.second])[:cardinality(v_by)])
             || jsonb_build_object('bucket', case p_bucket
               when 'hour' then to_char(s.start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI"Z"')
               when 'day' then to_char(s.start at time zone p_zone, 'YYYY-MM-DD')
               when 'month' then to_char(s.start at time zone p_zone, 'YYYY-MM')
             end)
             || case when v_has_tasks then jsonb_build_object('tasks', coalesce(t.tasks, 0))
                     else '{}' end
             || case when v_has_latencies then v_unknown || coalesce(l.figures, '{}') else '{}' end
           order by s.start, s.cost_usd desc nulls last, s.calls desc, s.first, s.second, s.simulated
         )
    into v_rows
    from sums s
    left join tasks t on t.id = s.id
    left join latencies l on l.id = s.id;
  return jsonb_build_object(
    'since', v_since, 'until', v_until, 'bucket', p_bucket, 'by', v_by, 'zone', p_zone,
    'rows', coalesce(v_rows, '[]')
  );
end;
$function$;

drop function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb);

create or replace trigger note_deleted AFTER DELETE ON public.cogo_calls REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.note_changed_calls();

create or replace trigger note_updated AFTER UPDATE ON public.cogo_calls REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.note_updated_calls();

create or replace trigger note_calls AFTER DELETE ON public.cogo_tasks REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.note_calls_of_deleted_tasks();

create policy "everybody reads hours" on cogo.usage_changes as PERMISSIVE for SELECT to authenticated using (true);

create policy "everybody reads the clock" on cogo.usage_clock as PERMISSIVE for SELECT to authenticated using (true);

create policy "owners and members read sums" on cogo.usage_sums as PERMISSIVE for SELECT to authenticated using (((grain = ANY (ARRAY['owner'::text, 'model_owner'::text])) AND ((owner = ( SELECT auth.uid() AS uid)) OR (project = ANY (( SELECT cogo.visible_projects() AS visible_projects)::text[])))));

comment on table cogo.usage_changes is
  'Hours whose calls have changed since they were summed, or may have: they are read themselves.';

comment on table cogo.usage_clock is
  'From and to which hour all calls are in cogo.usage_sums, but for cogo.usage_changes. One row.';

comment on table cogo.usage_sums is
  'What the calls of an hour add up to, by each grain of cogo.list_usage_grains(). They count unless
cogo.usage_changes names their hour.';

comment on column cogo.usage_clock.next_at is
  'Up to which hour sums may be made: who writes a call before it notes a change.';

comment on column cogo.usage_clock.next_xid is
  'When all transactions before this one have ended, the others have seen next_at. Null: not known yet.';

comment on column cogo.usage_sums.latency_ms is
  'The histograms of completed calls: for each cogo.latency_bin() the sum of its durations, or of -1
minus the times to the first token, in milliseconds. Of how many calls is in latency_counts.';

comment on column cogo.usage_sums.tasks is
  'The tasks of the calls, each once.';

comment on function cogo.check_usage_question(timestamp with time zone,timestamp with time zone,text,text[],text,text[]) is
  'Return when the first bucket of a question begins. Raises TQ004 if it cannot be meant.';

comment on function cogo.drop_changed_sums(uuid) is
  'Delete the sums that do not count, which may name whom the calls do not name any more; return how many
were of an owner. What the transaction locks after it must be its own.';

comment on function cogo.latency_bin(double precision) is
  'Return the bin of a histogram to which a duration, or -1 minus the time to a first token, belongs:
eight for each doubling, so that the values of one differ by 9 per cent at most.';

comment on function cogo.list_usage_grains() is
  'Return by what cogo.usage_sums are kept, the fewest rows first. Tags are not: each would be a row.';

comment on function cogo.note_calls_of_deleted_tasks() is
  'Note the hours of calls of deleted tasks.';

comment on function cogo.note_changed_calls() is
  'Note the hours of deleted calls.';

comment on function cogo.note_updated_calls() is
  'Note the hours of changed calls.';

comment on function cogo.note_usage_changes(timestamp with time zone[]) is
  'Note that calls which began at these times are not in the sums of usage as they are now.';

comment on function cogo.read_usage_key(cogo.usage_sums,text) is
  'Return the value of a key in sums.';

comment on function cogo.split_usage(timestamp with time zone,timestamp with time zone,text,text,text[]) is
  'Return by which hours of cogo.usage_sums of which grain a question can be answered, in which bucket
each lies, and of which spans the calls themselves are read.';

comment on function cogo.sum_hour(timestamp with time zone) is
  'Sum the calls that began in an hour, in place of what was summed.';

comment on function cogo.sum_hours(integer) is
  'Sum the calls of hours that ended an hour ago, and again those of hours that have changed since: at
most p_limit. Return whether there may be more to do.';

comment on function cogo.sum_usage(timestamp with time zone,timestamp with time zone,text,text,text[],text[],jsonb) is
  'Sum the calls that began in a period, by bucket (its start is in hour) and keys. p_figures: tasks,
latencies. p_filter: what cogo_usage() is asked for. Sums of different periods can be added up.';

comment on function public.cogo_run_memory(text,text,integer) is
  'Apply the results of finished follow-up tasks of memory and submit new ones, such as EMBED tasks for
memories without a vector; add words of ended tasks to the search; sum usage by hour. is_more: call it
again at once. Orchestrators call this.';

comment on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb,text[]) is
  'Sum the calls that the caller may see, from p_since (30 days before p_until) to before p_until (now),
by p_bucket (hour, day, month or all, in p_zone) and at most two of p_by (model, provider,
provider_model, owner, type, project, tag). cost_usd is the sum of what is known, and null if nothing
is; unknown_costs counts the other calls. Percentiles are those of completed calls, at most 9 per cent
off. A task with several tags counts for each. Simulated calls have rows of their own. p_owner: the nil
uuid means tasks without an owner; p_project: empty means without a project; p_visible: {owner,
every_owner, projects, only_project}, of whom a gateway asks; p_figures: which of tasks (their number)
and latencies to add to the sums, which take less time.';

revoke all on table cogo.usage_changes from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.usage_changes to service_role;

grant select on table cogo.usage_changes to authenticated;

revoke all on table cogo.usage_clock from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.usage_clock to service_role;

grant select on table cogo.usage_clock to authenticated;

revoke all on table cogo.usage_sums from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.usage_sums to service_role;

grant select on table cogo.usage_sums to authenticated;

revoke all on function cogo.check_usage_question(timestamp with time zone,timestamp with time zone,text,text[],text,text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.check_usage_question(timestamp with time zone,timestamp with time zone,text,text[],text,text[]) to authenticated;

grant execute on function cogo.check_usage_question(timestamp with time zone,timestamp with time zone,text,text[],text,text[]) to service_role;

revoke all on function cogo.drop_changed_sums(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.drop_changed_sums(uuid) to service_role;

revoke all on function cogo.latency_bin(double precision) from public, anon, authenticated, service_role;

grant execute on function cogo.latency_bin(double precision) to authenticated;

grant execute on function cogo.latency_bin(double precision) to service_role;

revoke all on function cogo.list_usage_grains() from public, anon, authenticated, service_role;

grant execute on function cogo.list_usage_grains() to authenticated;

grant execute on function cogo.list_usage_grains() to service_role;

revoke all on function cogo.note_calls_of_deleted_tasks() from public, anon, authenticated, service_role;

grant execute on function cogo.note_calls_of_deleted_tasks() to service_role;

revoke all on function cogo.note_changed_calls() from public, anon, authenticated, service_role;

grant execute on function cogo.note_changed_calls() to service_role;

revoke all on function cogo.note_updated_calls() from public, anon, authenticated, service_role;

grant execute on function cogo.note_updated_calls() to service_role;

revoke all on function cogo.note_usage_changes(timestamp with time zone[]) from public, anon, authenticated, service_role;

grant execute on function cogo.note_usage_changes(timestamp with time zone[]) to service_role;

revoke all on function cogo.read_usage_key(cogo.usage_sums,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_usage_key(cogo.usage_sums,text) to authenticated;

grant execute on function cogo.read_usage_key(cogo.usage_sums,text) to service_role;

revoke all on function cogo.split_usage(timestamp with time zone,timestamp with time zone,text,text,text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.split_usage(timestamp with time zone,timestamp with time zone,text,text,text[]) to authenticated;

grant execute on function cogo.split_usage(timestamp with time zone,timestamp with time zone,text,text,text[]) to service_role;

revoke all on function cogo.sum_hour(timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.sum_hour(timestamp with time zone) to service_role;

revoke all on function cogo.sum_hours(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.sum_hours(integer) to service_role;

revoke all on function cogo.sum_usage(timestamp with time zone,timestamp with time zone,text,text,text[],text[],jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.sum_usage(timestamp with time zone,timestamp with time zone,text,text,text[],text[],jsonb) to authenticated;

grant execute on function cogo.sum_usage(timestamp with time zone,timestamp with time zone,text,text,text[],text[],jsonb) to service_role;

revoke all on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb,text[]) to authenticated;

grant execute on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb,text[]) to service_role;

insert into cogo.schema_versions (version) values ('20261130164351')
on conflict (version) do nothing;
