-- Usage and queue history.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.queue_samples (
  at timestamp with time zone not null,
  lane text not null,
  queued bigint not null,
  running bigint not null,
  waiting bigint not null,
  delayed bigint not null,
  dead bigint not null
);

alter table cogo.queue_samples enable row level security;

alter table cogo.queue_samples add constraint queue_samples_pkey PRIMARY KEY (at, lane);

create index cogo_calls_lost ON public.cogo_calls USING btree (id) WHERE (outcome = 'lost'::text);

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
    else
      select f.column_id, f.project, f.tags
        into v_call.column_id, v_call.project, v_call.tags
        from (
          select c.column_id, c.project, c.tags from public.cogo_calls c where c.id = v_call.id
           union all
          select l.* from cogo.find_task_labels(v_call.task_id) l
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
    -- Without its reservation (its attempt has ended) it began when the call that was lost did, or only
    -- the caller knows the duration.
    v_call.started_at := coalesce(
      v_reserved.made_at,
      (select c.started_at from public.cogo_calls c where c.id = v_call.id and c.outcome = 'lost'),
      cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
    );
    insert into public.cogo_calls select v_call.* on conflict do nothing;
    if found then
      v_recorded := v_recorded || v_call;
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  return v_recorded;
end;
$function$;

create or replace function cogo.sample_queue()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_at timestamptz := date_trunc('minute', cogo.now());
begin
  if exists (select from cogo.queue_samples q where q.at = v_at) then
    return;
  end if;
  with counts as (
    select s.lane, 'queued' as status, count(*) as n
      from cogo.subtasks s where s.status = 'queued' group by s.lane
     union all
    select s.lane, 'running', count(*) from cogo.subtasks s where s.status = 'running' group by s.lane
     union all
    select s.lane, 'waiting', count(*)
      from cogo.subtasks s where s.status in ('waiting', 'held') group by s.lane
     union all
    select s.lane, 'delayed', count(*) from cogo.subtasks s where s.status = 'delayed' group by s.lane
     union all
    select s.lane, 'dead', count(*)
      from cogo.subtasks s where s.dead_at is not null group by s.lane
  ), lanes as (
    select coalesce(c.lane, '') as lane,
           coalesce(sum(c.n) filter (where c.status = 'queued'), 0) as queued,
           coalesce(sum(c.n) filter (where c.status = 'running'), 0) as running,
           coalesce(sum(c.n) filter (where c.status = 'waiting'), 0) as waiting,
           coalesce(sum(c.n) filter (where c.status = 'delayed'), 0) as delayed,
           coalesce(sum(c.n) filter (where c.status = 'dead'), 0) as dead
      from counts c
     group by grouping sets ((c.lane), ())
  )
  insert into cogo.queue_samples (at, lane, queued, running, waiting, delayed, dead)
  select v_at, n.lane, n.queued, n.running, n.waiting, n.delayed, n.dead
    from lanes n
   order by n.lane = '' desc, n.queued + n.running + n.waiting + n.delayed desc, n.lane
   -- All lanes together, and those with the most work.
   limit 21
  on conflict do nothing;
  delete from cogo.queue_samples q where q.at < v_at - interval '30 days';
end;
$function$;

create or replace function public.cogo_queue_history(p_since timestamp with time zone DEFAULT NULL::timestamp with time zone, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_lane text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz := coalesce(p_since, v_until - interval '1 day');
  v_seconds integer;
  v_samples jsonb;
begin
  if v_since >= v_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  v_seconds := 60 * least(
    greatest(1, ceil(extract(epoch from v_until - v_since) / (60 * 360))), 44640
  );
  select jsonb_agg(to_jsonb(b) || jsonb_build_object('at', cogo.iso_timestamp(b.at))
                   order by b.at, b.lane nulls first)
    into v_samples
    from (
      select date_bin(make_interval(secs => v_seconds), q.at, 'epoch') as at,
             nullif(q.lane, '') as lane, max(q.queued) as queued, max(q.running) as running,
             max(q.waiting) as waiting, max(q.delayed) as delayed, max(q.dead) as dead
        from cogo.queue_samples q
       where q.at >= v_since and q.at < v_until and (p_lane is null or q.lane = p_lane)
       group by 1, q.lane
    ) as b;
  return jsonb_build_object(
    'since', cogo.iso_timestamp(v_since), 'until', cogo.iso_timestamp(v_until),
    'seconds', v_seconds, 'samples', coalesce(v_samples, '[]')
  );
end;
$function$;

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  perform cogo.find_late_subtasks();
  perform cogo.apply_wakes(p_limit);
  delete from cogo.wakes w
   where not exists (select from public.cogo_tasks t where t.id = w.parent_id);
  perform cogo.end_unserved_steps(p_limit);
  perform cogo.reroute_unserved_steps(p_limit);
  perform cogo.expire_approvals(p_limit);
  perform cogo.settle_budget_waits(p_limit);
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    -- The deadline of its parent may just have cancelled it.
    continue when exists (
      select from public.cogo_tasks t where t.id = v_task_id and t.finished_at is not null
    );
    -- A workflow with steps has 30 seconds to return what it has, unless a parent waits for it.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
        join public.cogo_tasks t on t.id = f.task_id
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
         and t.parent_task_id is null
    ) then
      perform cogo.pass_deadline(v_task_id);
    else
      perform cogo.fail_task(v_task_id, cogo.deadline_error());
    end if;
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  perform cogo.sample_queue();
  return next;
end;
$function$;

create or replace function public.cogo_usage(p_since timestamp with time zone DEFAULT NULL::timestamp with time zone, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_bucket text DEFAULT 'day'::text, p_by text[] DEFAULT '{}'::text[], p_zone text DEFAULT 'UTC'::text, p_owner uuid DEFAULT NULL::uuid, p_project text DEFAULT NULL::text, p_model text DEFAULT NULL::text, p_provider text DEFAULT NULL::text, p_visible jsonb DEFAULT NULL::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET work_mem TO '64MB'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_keys constant text[] := '{model,provider,provider_model,owner,type,project,tag}';
  v_by text[] := coalesce(p_by, '{}');
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz;
  v_local timestamp;
  v_is_limited boolean := coalesce(p_visible -> 'every_owner' <> 'true', p_visible is not null);
  v_viewer uuid := cogo.to_uuid(p_visible ->> 'owner');
  v_only text := p_visible ->> 'only_project';
  v_projects text[] := array(select jsonb_array_elements_text(p_visible -> 'projects'));
  v_reads_tasks boolean := v_by && '{type,project,tag}' or p_project is not null
    or v_only is not null or v_is_limited and v_projects <> '{}';
  v_rows jsonb;
begin
  if p_bucket is null or p_bucket not in ('hour', 'day', 'month', 'all') then
    raise exception using
      errcode = 'TQ004', message = 'p_bucket must be hour, day, month or all';
  end if;
  if array_position(v_by, null) is not null or not v_by <@ v_keys or cardinality(v_by) > 2 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_by must be at most two of ' || array_to_string(v_keys, ', ');
  end if;
  begin
    v_local := v_until at time zone p_zone;
  exception
    when invalid_parameter_value then
      v_local := null;
  end;
  if v_local is null then
    raise exception using
      errcode = 'TQ004', message = 'p_zone must name a time zone',
      hint = 'examples: UTC, Europe/Berlin';
  end if;
  v_since := coalesce(p_since, v_until - interval '30 days');
  if p_bucket <> 'all' then
    v_since := date_trunc(case p_bucket when 'hour' then 'hour' else 'day' end, v_since, p_zone);
  end if;
  if v_since >= v_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  if p_bucket = 'hour' and v_until - v_since > interval '32 days' then
    raise exception using
      errcode = 'TQ004', message = 'hours can be shown of 32 days at most',
      hint = 'ask for days, or for a shorter period';
  end if;

  with calls as (
    select case when p_bucket <> 'all' then date_trunc(p_bucket, c.started_at, p_zone) end as start,
           case when 'model' = any (v_by) then c.model_id end as model,
           case when 'provider' = any (v_by) then c.provider end as provider,
           case when 'provider_model' = any (v_by) then c.provider_model end as provider_model,
           case when 'owner' = any (v_by) then c.owner end as owner,
           case when 'type' = any (v_by) then t.type end as type,
           case when 'project' = any (v_by) then t.project end as project,
           case when 'tag' = any (v_by) then g.tag end as tag,
           c.task_id, c.outcome, c.simulated, c.first_token_ms, c.duration_ms, c.input_tokens,
           c.cached_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.cost_usd
      from public.cogo_calls c
      left join public.cogo_tasks t on t.id = c.task_id and v_reads_tasks
      left join lateral unnest(t.tags) g (tag) on 'tag' = any (v_by)
     where c.started_at >= v_since and c.started_at < v_until
       and (c.outcome <> 'lost' or c.id not in (select r.id from cogo.reported_calls r))
       and (not v_is_limited or c.owner is not distinct from v_viewer
            or t.project = any (v_projects))
       and (v_only is null or t.project = v_only)
       and (p_owner is null or c.owner is not distinct from nullif(p_owner, v_nobody))
       and (p_project is null or t.project is not distinct from nullif(p_project, ''))
       and (p_model is null or c.model_id = p_model)
       and (p_provider is null or c.provider = p_provider)
  ), sums as (
    select k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
           count(distinct k.task_id) as tasks,
           count(*) as calls,
           count(*) filter (where k.outcome in ('failed', 'lost')) as failed,
           coalesce(sum(k.input_tokens), 0) as input_tokens,
           coalesce(sum(k.cached_tokens), 0) as cached_tokens,
           coalesce(sum(k.cache_write_tokens), 0) as cache_write_tokens,
           coalesce(sum(k.output_tokens), 0) as output_tokens,
           coalesce(sum(k.reasoning_tokens), 0) as reasoning_tokens,
           sum(k.cost_usd) as cost_usd,
           count(*) filter (where k.cost_usd is null) as unknown_costs,
           percentile_cont(array[0.5, 0.95]) within group (order by k.first_token_ms)
             filter (where k.outcome = 'completed') as first_token_ms,
           percentile_cont(array[0.5, 0.95]) within group (order by k.duration_ms)
             filter (where k.outcome = 'completed') as duration_ms,
           k.simulated
      from calls k
     group by k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
              k.simulated
  )
  select jsonb_agg(
           to_jsonb(s) - array['start', 'first_token_ms', 'duration_ms']
             - array(select unnest(v_keys) except select unnest(v_by))
             || jsonb_build_object(
               'bucket', case p_bucket
                 when 'hour' then to_char(s.start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI"Z"')
                 when 'day' then to_char(s.start at time zone p_zone, 'YYYY-MM-DD')
                 when 'month' then to_char(s.start at time zone p_zone, 'YYYY-MM')
               end,
               'first_token_ms_p50', round(s.first_token_ms[1]),
               'first_token_ms_p95', round(s.first_token_ms[2]),
               'duration_ms_p50', round(s.duration_ms[1]),
               'duration_ms_p95', round(s.duration_ms[2])
             )
           order by s.start, s.cost_usd desc nulls last, s.calls desc, s.model, s.provider,
                    s.provider_model, s.owner, s.type, s.project, s.tag, s.simulated
         )
    into v_rows
    from sums s;
  return jsonb_build_object(
    'since', v_since, 'until', v_until, 'bucket', p_bucket, 'by', v_by, 'zone', p_zone,
    'rows', coalesce(v_rows, '[]')
  );
end;
$function$;

create or replace view cogo.reported_calls with (security_invoker=true) as
 SELECT id
   FROM public.cogo_calls l
  WHERE ((outcome = 'lost'::text) AND (EXISTS ( SELECT
           FROM public.cogo_calls r
          WHERE ((r.id = l.id) AND (r.outcome <> 'lost'::text)))));

create or replace view public.cogo_usage with (security_invoker=true) as
 SELECT ((started_at AT TIME ZONE 'utc'::text))::date AS day,
    owner,
    provider,
    model_id,
    count(*) AS calls,
    count(*) FILTER (WHERE (outcome = 'failed'::text)) AS failed,
    (COALESCE(sum(input_tokens), (0)::numeric))::bigint AS input_tokens,
    (COALESCE(sum(cached_tokens), (0)::numeric))::bigint AS cached_tokens,
    (COALESCE(sum(cache_write_tokens), (0)::numeric))::bigint AS cache_write_tokens,
    (COALESCE(sum(output_tokens), (0)::numeric))::bigint AS output_tokens,
    (COALESCE(sum(reasoning_tokens), (0)::numeric))::bigint AS reasoning_tokens,
    COALESCE(sum(cost_usd), (0)::numeric) AS cost_usd,
    count(*) FILTER (WHERE (cost_usd IS NULL)) AS unpriced,
    simulated
   FROM public.cogo_calls c
  WHERE ((outcome <> 'lost'::text) OR (NOT (id IN ( SELECT r.id
           FROM cogo.reported_calls r))))
  GROUP BY (((started_at AT TIME ZONE 'utc'::text))::date), owner, provider, model_id, simulated;

comment on table cogo.queue_samples is
  'How many subtasks lanes held, once a minute. See cogo.sample_queue().';

comment on column cogo.queue_samples.lane is
  'Empty: all lanes together.';

comment on column cogo.queue_samples.waiting is
  'Waiting or held.';

comment on view cogo.reported_calls is
  'The calls that were lost and reported later, so that they have two rows in the audit log.';

comment on view public.cogo_usage is
  'Usage and cost per day (UTC), owner, provider and model. cost_usd excludes the calls of unknown cost,
which unpriced counts. Simulated calls have rows of their own. cogo_usage() has more.';

comment on function cogo.sample_queue() is
  'Record how many subtasks lanes hold, once a minute: of all lanes together and of the 20 with the most
work. Samples are kept for 30 days.';

comment on function public.cogo_queue_history(timestamp with time zone,timestamp with time zone,text) is
  'For operators: how many subtasks lanes held from p_since (a day before p_until) to before p_until
(now), in at most about 360 steps of the same length (seconds), of each the highest numbers. lane is
null for all lanes together. p_lane: only this lane; empty for all together.';

comment on function public.cogo_reap(integer) is
  'Do the housekeeping: expired leases, due subtasks, ends of child tasks, deadlines, unserved lanes,
expired answers, questions to people, samples of the queue. Every agent calls this every few seconds.';

comment on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb) is
  'Sum the calls that the caller may see, from p_since (30 days before p_until) to before p_until (now),
by p_bucket (hour, day, month or all, in p_zone) and at most two of p_by (model, provider,
provider_model, owner, type, project, tag). cost_usd is the sum of what is known, and null if nothing
is; unknown_costs counts the other calls. Percentiles are those of completed calls. A task with several
tags counts for each. Simulated calls have rows of their own. p_owner: the nil uuid means tasks without
an owner; p_project: empty means without a project; p_visible: {owner, every_owner, projects,
only_project}, of whom a gateway asks.';

revoke all on table cogo.queue_samples from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.queue_samples to service_role;

revoke all on table cogo.reported_calls from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.reported_calls to service_role;

grant select on table cogo.reported_calls to authenticated;

revoke all on function cogo.sample_queue() from public, anon, authenticated, service_role;

grant execute on function cogo.sample_queue() to service_role;

revoke all on function public.cogo_queue_history(timestamp with time zone,timestamp with time zone,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_queue_history(timestamp with time zone,timestamp with time zone,text) to service_role;

revoke all on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb) to authenticated;

grant execute on function public.cogo_usage(timestamp with time zone,timestamp with time zone,text,text[],text,uuid,text,text,text,jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130125910')
on conflict (version) do nothing;
