-- Columns.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.instance (
  system_identifier text not null,
  hosts text[] not null,
  adopted_at timestamp with time zone default cogo.now() not null,
  adopted_by text not null,
  verified_until timestamp with time zone not null,
  inherited_to bigint
);

alter table cogo.instance enable row level security;

alter table cogo.instance add constraint instance_hosts CHECK ((cardinality(hosts) > 0));

alter table cogo.instance add constraint instance_pkey PRIMARY KEY (system_identifier);

create or replace function cogo.find_inherited()
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_is_copy boolean;
  v_inherited bigint;
begin
  select bool_or(i.system_identifier <> cogo.read_system_identifier() or i.inherited_to is not null),
         max(i.inherited_to)
    into v_is_copy, v_inherited
    from cogo.instance i;
  if v_is_copy and v_inherited is null then
    v_inherited := cogo.mark_copy();
  end if;
  return v_inherited;
end;
$function$;

create or replace function cogo.instance_problem(p_host text DEFAULT NULL::text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_others text;
  v_own cogo.instance;
begin
  select string_agg(array_to_string(i.hosts, ', '), ', ' order by i.adopted_at) into v_others
    from cogo.instance i where i.system_identifier <> v_identifier;
  if v_others is not null then
    return format(
      'this database was adopted on another server (address %s): it is a copy, or was restored or '
      'upgraded. If it may spend on its own: cogo adopt', v_others
    );
  end if;
  select i.* into v_own from cogo.instance i;
  if not found then
    return null;
  elsif v_host <> all (v_own.hosts) then
    return format(
      'this database was adopted at another address (%s) than %s: it is a copy, or this is a second '
      'address of it. If it may spend on its own: cogo adopt',
      array_to_string(v_own.hosts, ', '), v_host
    );
  elsif v_own.inherited_to is not null or v_host is null and v_own.verified_until < cogo.now() then
    return format(
      'no agent has lately reached this database at its address (%s). If it has another now: cogo adopt',
      array_to_string(v_own.hosts, ', ')
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.mark_copy()
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_inherited bigint;
begin
  select coalesce(max(t.seq), 0) into v_inherited from public.cogo_tasks t;
  -- Skips a locked row: agents call this while they hold locks, and another is doing the same.
  update cogo.instance i
     set inherited_to = v_inherited
   where i.system_identifier in (
     select o.system_identifier from cogo.instance o where o.inherited_to is null
        for no key update skip locked
   );
  return v_inherited;
end;
$function$;

create or replace function cogo.normalize_host(p_host text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (btrim(lower(p_host), ' []'::text) ~ '^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1|0\.0\.0\.0|::|host\.docker\.internal)\.?$'::text) THEN 'loopback'::text ELSE NULLIF(rtrim(btrim(lower(p_host), ' []'::text), '.'::text), ''::text) END;

create or replace function cogo.postpone_inherited(p_inherited bigint, p_limit integer)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
begin
  select array_agg(queued.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and cogo.waits_for_adoption(t, p_inherited)
       limit p_limit
         for no key update of t skip locked
    ) as queued;
  if v_ids is not null then
    update cogo.subtasks s
       set status = 'delayed', run_at = cogo.now()
     where s.id = any (v_ids) and s.status = 'queued';
  end if;
end;
$function$;

create or replace function cogo.promote_due(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_inherited constant bigint := cogo.find_inherited();
  v_ids uuid[];
  v_sleeps uuid[];
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  select array_agg(due.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'delayed' and s.run_at <= cogo.now()
         and (v_inherited is null or not cogo.waits_for_adoption(t, v_inherited))
       order by s.run_at
       limit p_limit
         for no key update of t skip locked
    ) as due;
  if v_ids is null then
    return 0;
  end if;
  -- Read their statuses again, now that the tasks are locked.
  select array_agg(s.id),
         array_agg(s.id order by s.run_at, s.seq) filter (where s.kind = 'sleep')
    into v_ids, v_sleeps
    from cogo.subtasks s
   where s.id = any (v_ids) and s.status = 'delayed' and s.run_at <= cogo.now();
  update cogo.subtasks s
     set status = 'queued', run_at = null
   where s.id = any (v_ids) and s.kind <> 'sleep' and s.status = 'delayed';
  if v_sleeps is not null then
    perform cogo.end_waiting_steps(
      v_sleeps, array_fill('{}'::jsonb, array[cardinality(v_sleeps)]),
      array_fill(null::jsonb, array[cardinality(v_sleeps)])
    );
  end if;
  return coalesce(cardinality(v_ids), 0);
end;
$function$;

create or replace function cogo.read_system_identifier()
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_identifier text;
begin
  begin
    select c.system_identifier::text into v_identifier from pg_catalog.pg_control_system() c;
  exception when insufficient_privilege or undefined_function then
    v_identifier := 'unknown';
  end;
  return concat_ws(
    '/', v_identifier,
    (select d.oid from pg_catalog.pg_database d where d.datname = current_database()),
    nullif(current_setting('cogo.place', true), '')
  );
end;
$function$;

create or replace function cogo.waits_for_adoption(p_task public.cogo_tasks, p_inherited bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN COALESCE((((p_task).seq <= p_inherited) OR ((p_inherited IS NOT NULL) AND (((p_task).run_at > (p_task).created_at) OR ((p_task).previous_task_id IS NOT NULL)))), false);

create or replace function public.cogo_adopt_instance(p_host text, p_who text DEFAULT NULL::text)
 RETURNS TABLE(hosts text[], is_new boolean)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_hosts text[];
begin
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
  is_new := cogo.instance_problem(v_host) is not null or not exists (select from cogo.instance);
  if is_new then
    -- On the same server p_host may be one more address. That it may be a physical copy of the server,
    -- where nobody uses the others, does no harm.
    select array_remove(i.hosts, v_host) into v_hosts
      from cogo.instance i where i.system_identifier = v_identifier;
    delete from cogo.instance;
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    values (
      v_identifier, v_hosts || v_host, coalesce(nullif(p_who, ''), 'an operator'),
      cogo.now() + interval '5 minutes'
    );
  end if;
  return query select i.hosts, is_new from cogo.instance i;
end;
$function$;

create or replace function public.cogo_claim_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_lanes text[];
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_expired boolean;
  v_wakes boolean;
  v_inherited bigint;
  v_ids uuid[];
begin
  perform cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;

  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
     where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id;
    if v_ids is not null then
      return query select * from cogo.load_leases(v_ids);
      return;
    end if;
  end if;

  -- In most cases there is none of these, which one query of a few indexes shows.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         ),
         'cio' = any (p_lanes) and exists (select from cogo.wakes)
    into v_limited, v_owners, v_due, v_expired, v_wakes;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_wakes then
    perform cogo.apply_wakes(20);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  v_inherited := cogo.find_inherited();
  if v_inherited is not null then
    perform cogo.postpone_inherited(v_inherited, 1000);
  end if;
  select array_agg(o.lane),
         array_agg(greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))))
    into v_lanes, v_rooms
    from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_inherited is not null then
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.id = any (v_ids) and not cogo.waits_for_adoption(t, v_inherited);
  end if;
  if v_ids is null then
    return;
  end if;

  -- Read the clock after the rows are locked, so that it is not before the end of an attempt which
  -- another agent closes now.
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
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
         case when cogo.is_model_lane(c.lane) then c.lane end, cogo.now()
    from claimed c;
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;

  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (p_lanes) then
    update public.cogo_tasks t
       set status = 'running', started_at = coalesce(t.started_at, cogo.now())
     where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
       and t.status = 'pending';
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.load_leases(v_ids);
end;
$function$;

create or replace function public.cogo_instance(p_host text DEFAULT NULL::text)
 RETURNS TABLE(reason text, hosts text[], adopted_at timestamp with time zone, adopted_by text, verified_until timestamp with time zone, waiting_tasks bigint, scheduled_tasks bigint, due_tasks bigint, yesterday_usd numeric)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_inherited bigint;
begin
  reason := cogo.instance_problem(p_host);
  select i.hosts, i.adopted_at, i.adopted_by, i.verified_until
    into hosts, adopted_at, adopted_by, verified_until
    from cogo.instance i
   order by i.system_identifier = cogo.read_system_identifier() desc, i.adopted_at
   limit 1;
  if reason is not null then
    -- Until an agent has marked a copy, all that is there came with it.
    select case when bool_or(i.system_identifier <> cogo.read_system_identifier())
             then coalesce(max(i.inherited_to), 9223372036854775807) else max(i.inherited_to)
           end
      into v_inherited
      from cogo.instance i;
    select count(*) filter (where not t.is_scheduled),
           count(*) filter (where t.is_scheduled and t.run_at > cogo.now()),
           count(*) filter (where t.is_scheduled and t.run_at <= cogo.now())
      into waiting_tasks, scheduled_tasks, due_tasks
      from (
        select o.run_at, o.status = 'pending' and coalesce(o.run_at > o.created_at, false)
          from public.cogo_tasks o
         where o.finished_at is null and cogo.waits_for_adoption(o, v_inherited)
      ) as t (run_at, is_scheduled);
    select coalesce(sum(c.cost_usd), 0) into yesterday_usd
      from public.cogo_calls c
     where c.started_at >= date_trunc('day', cogo.now(), 'UTC') - interval '1 day'
       and c.started_at < date_trunc('day', cogo.now(), 'UTC');
  end if;
  return next;
end;
$function$;

create or replace function public.cogo_verify_instance(p_agent_id text, p_host text, p_is_start boolean DEFAULT false)
 RETURNS TABLE(is_own boolean, reason text)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_host constant text := cogo.normalize_host(p_host);
begin
  perform cogo.set_actor(p_agent_id);
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  if not exists (select from cogo.instance) then
    perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    select cogo.read_system_identifier(), array[v_host], p_agent_id, cogo.now()
     where not exists (select from cogo.instance);
  end if;

  -- An agent at a known address clears the doubt that one at another address raised.
  update cogo.instance i
     set verified_until = cogo.now() + interval '5 minutes', inherited_to = null
   where v_host = any (i.hosts)
     and not exists (
       select from cogo.instance o where o.system_identifier <> cogo.read_system_identifier()
     );
  reason := cogo.instance_problem(v_host);
  is_own := reason is null;
  -- A copy of a server has agents only at addresses that it does not know.
  if not is_own and (
    p_is_start or not exists (select from cogo.instance i where i.verified_until > cogo.now())
  ) then
    perform cogo.mark_copy();
  end if;
  return next;
end;
$function$;

comment on table cogo.instance is
  'The server and the addresses under which this database runs columns and scheduled tasks. A copy has
others: it does so only after cogo_adopt_instance(). Empty until the first agent starts.';

comment on column cogo.instance.hosts is
  'The hosts of SUPABASE_URL under which agents may reach it; loopback for all names of this machine.';

comment on column cogo.instance.inherited_to is
  'Set while this is a copy: tasks up to this seq came with it.';

comment on column cogo.instance.system_identifier is
  'What cogo.read_system_identifier() returned.';

comment on function cogo.find_inherited() is
  'Return the seq of the last task that came with a copy; null if this is none.';

comment on function cogo.instance_problem(text) is
  'Return why nothing may run by itself here, as a sentence: this is not the server, or p_host not an
address, that was adopted. Null if it may. Without p_host, an agent must have verified it in the last five
minutes.';

comment on function cogo.mark_copy() is
  'Record that this is a copy, and that all present tasks came with it; return the seq of the last.';

comment on function cogo.normalize_host(text) is
  'Return the host of an address as cogo.instance has it: loopback for all names of this machine, null
for an empty one.';

comment on function cogo.postpone_inherited(bigint,integer) is
  'Delay queued subtasks that may not run in a copy, at most p_limit: cogo.promote_due() queues them after
its adoption. Skips locked tasks.';

comment on function cogo.promote_due(integer) is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks, and in a copy those that wait for its adoption.';

comment on function cogo.read_system_identifier() is
  'Return what distinguishes this database from a copy: the system identifier, the oid of the database,
and the place of the data, if the server tells it.';

comment on function cogo.waits_for_adoption(public.cogo_tasks,bigint) is
  'Return whether a task may not run in a copy: it came with it, was scheduled, or is the next run of
another.';

comment on function public.cogo_adopt_instance(text,text) is
  'Make this database at p_host the one that runs columns and scheduled tasks: a copy goes on with all that
came with it. On the same server, the address is added to the known ones. Repeating it changes nothing.';

comment on function public.cogo_instance(text) is
  'Return where this database was adopted; if nothing runs by itself here, why, and what waits for
cogo_adopt_instance(): tasks that came with a copy, scheduled ones, those among them that are due, and what
calls cost yesterday (UTC).';

comment on function public.cogo_verify_instance(text,text,boolean) is
  'Return whether this database is the one that was adopted at p_host, the host of an agent''s
SUPABASE_URL, and why not; the first agent ever adopts it. Agents call it when they start, and every
minute. At an unknown address, one that starts stops what runs by itself until one at a known address
calls.';

revoke all on table cogo.instance from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.instance to service_role;

revoke all on function cogo.find_inherited() from public, anon, authenticated, service_role;

grant execute on function cogo.find_inherited() to service_role;

revoke all on function cogo.instance_problem(text) from public, anon, authenticated, service_role;

grant execute on function cogo.instance_problem(text) to service_role;

revoke all on function cogo.mark_copy() from public, anon, authenticated, service_role;

grant execute on function cogo.mark_copy() to service_role;

revoke all on function cogo.normalize_host(text) from public, anon, authenticated, service_role;

grant execute on function cogo.normalize_host(text) to service_role;

revoke all on function cogo.postpone_inherited(bigint,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.postpone_inherited(bigint,integer) to service_role;

revoke all on function cogo.read_system_identifier() from public, anon, authenticated, service_role;

grant execute on function cogo.read_system_identifier() to service_role;

revoke all on function cogo.waits_for_adoption(public.cogo_tasks,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.waits_for_adoption(public.cogo_tasks,bigint) to service_role;

revoke all on function public.cogo_adopt_instance(text,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_adopt_instance(text,text) to service_role;

revoke all on function public.cogo_instance(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_instance(text) to service_role;

revoke all on function public.cogo_verify_instance(text,text,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_verify_instance(text,text,boolean) to service_role;

insert into cogo.schema_versions (version) values ('20261129120000')
on conflict (version) do nothing;
