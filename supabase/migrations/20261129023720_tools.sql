-- Tools.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.turns (
  subtask_id uuid not null,
  seq integer not null,
  kind text not null,
  attempt integer not null,
  body jsonb not null,
  created_at timestamp with time zone default cogo.now() not null
);

alter table cogo.turns enable row level security;

alter table cogo.grants drop constraint grants_kind_check;

alter table cogo.grants add constraint grants_kind_check CHECK ((kind = ANY (ARRAY['model'::text, 'provider'::text, 'alias'::text, 'priority'::text, 'tool'::text])));

alter table cogo.turns add constraint turns_body_check CHECK ((jsonb_typeof(body) = 'object'::text));

alter table cogo.turns add constraint turns_kind_check CHECK ((kind = ANY (ARRAY['answer'::text, 'begun'::text, 'result'::text, 'approval'::text])));

alter table cogo.turns add constraint turns_pkey PRIMARY KEY (subtask_id, seq);

alter table cogo.turns add constraint turns_seq_check CHECK ((seq > 0));

create or replace function cogo.append_turns(p_subtask_id uuid, p_attempt integer, p_turns jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_last integer;
  v_problem text;
begin
  select coalesce(max(u.seq), 0) into v_last from cogo.turns u where u.subtask_id = p_subtask_id;
  v_problem := cogo.validate_turns(p_turns, v_last);
  if v_problem is not null then
    return v_problem;
  end if;
  select format('turn %s was stored with another content', u.seq) into v_problem
    from jsonb_array_elements(p_turns) as e (turn)
    join cogo.turns u on u.subtask_id = p_subtask_id and u.seq = (e.turn ->> 'seq')::integer
   where (u.kind, u.body) is distinct from (e.turn ->> 'kind', e.turn -> 'body')
   order by u.seq
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  insert into cogo.turns (subtask_id, seq, kind, attempt, body)
  select p_subtask_id, (e.turn ->> 'seq')::integer, e.turn ->> 'kind', p_attempt, e.turn -> 'body'
    from jsonb_array_elements(p_turns) as e (turn)
   where (e.turn ->> 'seq')::integer > v_last;
  return null;
end;
$function$;

create or replace function cogo.check_model_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind in ('model', 'provider', 'alias')
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.describe_grants(cogo.granted_models(new.owner))
      );
  end if;
  return null;
end;
$function$;

create or replace function cogo.delete_subtask_records()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  delete from cogo.turns u using old_rows o where u.subtask_id = o.id;
  return null;
end;
$function$;

create or replace function cogo.granted_models(p_owner uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind in ('model', 'provider', 'alias')
  having count(*) > 0;
$function$;

create or replace function cogo.granted_tools(p_owner uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select coalesce(jsonb_agg(g.name order by g.name) filter (where g.name <> 'none'), '[]')
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000') and g.kind = 'tool'
  having count(*) > 0;
$function$;

drop function cogo.load_leases(uuid[]);

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
#variable_conflict use_column
begin
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model, 'preferences', t.preferences,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'grants',
           case when exists (select from cogo.grants g where g.owner = s.owner) then
             cogo.granted_models(t.owner)
           end
         ),
         coalesce(parents.outputs, '{}'), coalesce(parents.errors, '{}'),
         case when s.attempt = 1 then '[]' else (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'model_id', a.model_id, 'provider', a.provider,
                        'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id and a.ended_at is not null and a.outcome <> 'suspended'
         ) end,
         s.kind,
         case s.kind when 'flow' then coalesce(
           (select cogo.load_flow(f) from cogo.flows f where f.task_id = s.task_id),
           jsonb_build_object('first_claimed_at', s.started_at)
         ) end,
         case when s.attempt = 1 then 0 else (
           select coalesce(max(u.seq), 0) from cogo.turns u where u.subtask_id = s.id
         ) end,
         case when s.kind = 'flow' or p.params ? 'tools' then cogo.granted_tools(s.owner) end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
    cross join lateral (
      -- Subqueries, because few parents are dead; a join would be planned for all.
      select jsonb_object_agg(parent.key, o.output) filter (where o.output is not null) as outputs,
             jsonb_object_agg(
               parent.key,
               coalesce(
                 (
                   select a.error from public.cogo_attempts a
                    where a.subtask_id = parent.id and a.attempt = parent.attempt
                 ),
                 (
                   select pp.metadata -> 'approval' -> 'error'
                     from cogo.subtask_payloads pp where pp.subtask_id = parent.id
                 ),
                 '{"class": "failed", "message": "no attempt recorded an error"}'
               )
             ) filter (where parent.dead_at is not null) as errors
        from cogo.dependencies d
        join cogo.subtasks parent on parent.id = d.parent_id
        left join cogo.subtask_outputs o on o.subtask_id = d.parent_id
       where d.child_id = s.id
    ) as parents
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.validate_turns(p_turns jsonb, p_last integer)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  v_turn jsonb;
  v_seq integer;
  v_next integer;
  v_problem text;
begin
  if jsonb_typeof(p_turns) is distinct from 'array' then
    return 'turns must be a list';
  end if;
  for v_turn in select e.value from jsonb_array_elements(p_turns) e loop
    v_seq := cogo.to_integer(v_turn ->> 'seq');
    if coalesce(v_seq, 0) < 1 then
      return format('every turn needs a seq of 1 or more: %s', left(v_turn::text, 200));
    elsif v_seq > 1000 then
      return 'a subtask may have 1000 turns';
    elsif v_seq > coalesce(v_next, p_last + 1) then
      return format('turn %s does not follow turn %s', v_seq, coalesce(v_next - 1, p_last));
    elsif v_seq < v_next then
      return 'turns must be in the order of their seq';
    elsif coalesce(v_turn ->> 'kind', '') <> all ('{answer,begun,result}') then
      return format('turn %s must be of the kind answer, begun or result', v_seq);
    elsif jsonb_typeof(v_turn -> 'body') is distinct from 'object' then
      return format('the body of turn %s must be an object', v_seq);
    elsif octet_length((v_turn -> 'body')::text) > 1048576 then
      return format('the body of turn %s has more than 1 MiB', v_seq);
    end if;
    v_problem := cogo.validate_json(v_turn -> 'body');
    if v_problem is not null then
      return format('the body of turn %s %s', v_seq, v_problem);
    end if;
    v_next := v_seq + 1;
  end loop;
  return null;
end;
$function$;

drop function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb);

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
  select array_agg(o.lane),
         array_agg(greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))))
    into v_lanes, v_rooms
    from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
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

drop function public.cogo_grants();

create or replace function public.cogo_grants()
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority,
         cogo.granted_tools(o.owner)
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted_models(o.owner) as granted) g
   order by o.owner;
$function$;

create or replace function public.cogo_set_grants(p_owner uuid, p_models text[] DEFAULT '{}'::text[], p_providers text[] DEFAULT '{}'::text[], p_aliases text[] DEFAULT '{}'::text[], p_priority integer DEFAULT NULL::integer, p_tools text[] DEFAULT NULL::text[])
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
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
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       when 'tool' then p_tools is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0
   union select v_owner, 'tool', unnest(p_tools);

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

create or replace function public.cogo_store_turns(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_item jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_state text;
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004',
      message = 'p_items must be a list of {subtask_id, attempt, turns}';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  for v_item in select i.value from jsonb_array_elements(p_items) i loop
    subtask_id := cogo.to_uuid(v_item ->> 'subtask_id');
    attempt := cogo.to_integer(v_item ->> 'attempt');
    detail := null;
    select s.* into v_subtask
      from cogo.subtasks s where s.id = cogo.to_uuid(v_item ->> 'subtask_id');
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_item ->> 'attempt');
    v_state := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
    if v_state = 'held' then
      detail := cogo.append_turns(v_subtask.id, v_attempt.attempt, v_item -> 'turns');
    end if;
    answer := case
      when detail is not null then 'invalid'
      when v_state = 'held' then 'ok'
      when v_state in ('closing', 'cancelled') then 'cancel'
      else 'stale'
    end;
    return next;
  end loop;
end;
$function$;

create or replace function public.cogo_subtask_turns(p_subtask_id uuid, p_after integer DEFAULT 0)
 RETURNS TABLE(seq integer, kind text, attempt integer, body jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_bytes bigint := 0;
begin
  for seq, kind, attempt, body in
    select u.seq, u.kind, u.attempt, u.body
      from cogo.turns u
     where u.subtask_id = p_subtask_id and u.seq > coalesce(p_after, 0)
     order by u.seq
  loop
    return next;
    v_bytes := v_bytes + octet_length(body::text);
    exit when v_bytes >= 4194304;
  end loop;
end;
$function$;

drop function public.cogo_set_grants(uuid,text[],text[],text[],integer);

create or replace view public.cogo_turns with (security_invoker=true) as
 SELECT s.task_id,
    u.subtask_id,
    s.key,
    u.seq,
    u.kind,
    u.attempt,
    u.body,
    u.created_at
   FROM (cogo.turns u
     JOIN cogo.subtasks s ON ((s.id = u.subtask_id)));

create policy "owners read their turns" on cogo.turns as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = turns.subtask_id))));

comment on table cogo.grants is
  'What operators granted an owner: models and providers (all, without such a row), tools (all, without
such a row) and a priority among owners. The nil uuid stands for tasks without an owner.';

comment on table cogo.turns is
  'The transcript of a subtask in which a model calls tools: the next attempt goes on after the last row.
Numbered without gaps from 1, and never changed.';

comment on column cogo.grants.kind is
  'model, provider; alias: another name of a granted model, in lower case; priority: the highest (lowest
number) that counts among owners, 5 without such a row; tool: the name of a tool as in params.tools, all
of a source, as mcp:docs/*, or none.';

comment on column cogo.turns.attempt is
  'The attempt that stored it, or that asked for the approval.';

comment on column cogo.turns.kind is
  'answer: an answer of the model; begun: a tool is about to run; result: what it gave; approval: what a
person answered.';

comment on view public.cogo_turns is
  'Answers of models that call tools, and what the calls gave. Each subtask has at most 1,000, of 1 MiB
at most each: read them in pages.';

comment on function cogo.append_turns(uuid,integer,jsonb) is
  'Store the turns that are not stored yet; return why not, with nothing written. The caller holds the
task lock.';

comment on function cogo.delete_subtask_records() is
  'Delete the outputs, attempts and turns of deleted subtasks.';

comment on function cogo.granted_tools(uuid) is
  'Return the names of the tools granted to an owner, in which SOURCE/* stands for all of a source; null:
all tools.';

comment on function cogo.load_leases(uuid[]) is
  'Return all that the holders of leases need for the work.';

comment on function cogo.validate_turns(jsonb,integer) is
  'Return why turns cannot be stored after the last one, as a sentence; null if they can.';

comment on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits, and at most p_lane_limits ->> lane of a lane. The same p_request_id again returns the
leases that still run.';

comment on function public.cogo_grants() is
  'Return the grants of owners: models and providers (both empty: all), the priority that counts among
owners (null: none), and tools (null: all).';

comment on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) is
  'Allow an owner (null: tasks without one) only these models, by canonical id, and all models of these
providers; both empty: everything, both null: as it is. p_aliases are other names of the models.
p_priority is the highest priority that counts among owners; -1: none, null: as it is. p_tools are the
tools that a task may use: names as in params.tools, SOURCE/* (all of a source), or none alone; empty:
all, null: as it is.';

comment on function public.cogo_store_turns(text,jsonb) is
  'Store turns of the holders of leases, each item independently, and answer for each, in order: ok (also
if they were stored before), stale (no longer yours), cancel (stop: the task is over) or invalid (nothing
of it was written, see detail). Repeat the call until it answers.';

comment on function public.cogo_subtask_turns(uuid,integer) is
  'Return the turns of a subtask after seq p_after, in order: all, or as many as have 4 MiB together.
Continue after the last one until there is none.';

revoke all on table cogo.turns from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.turns to service_role;

grant select on table cogo.turns to authenticated;

revoke all on table public.cogo_turns from public, anon, authenticated, service_role;

grant select on table public.cogo_turns to authenticated;

grant select on table public.cogo_turns to service_role;

revoke all on function cogo.append_turns(uuid,integer,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.append_turns(uuid,integer,jsonb) to service_role;

revoke all on function cogo.granted_tools(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.granted_tools(uuid) to service_role;

revoke all on function cogo.load_leases(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.load_leases(uuid[]) to service_role;

revoke all on function cogo.validate_turns(jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_turns(jsonb,integer) to service_role;

revoke all on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) to service_role;

revoke all on function public.cogo_grants() from public, anon, authenticated, service_role;

grant execute on function public.cogo_grants() to service_role;

revoke all on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) to service_role;

revoke all on function public.cogo_store_turns(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_store_turns(text,jsonb) to service_role;

revoke all on function public.cogo_subtask_turns(uuid,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_subtask_turns(uuid,integer) to service_role;

insert into cogo.schema_versions (version) values ('20261129023720')
on conflict (version) do nothing;
