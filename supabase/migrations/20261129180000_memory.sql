-- Memory.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.forgotten_sessions (
  session_seq bigint not null,
  forgotten_at timestamp with time zone default cogo.now() not null
);

alter table cogo.forgotten_sessions enable row level security;

create table cogo.session_summaries (
  session_seq bigint not null,
  owner uuid,
  through bigint not null,
  content text not null,
  model_id text,
  simulated boolean default false not null,
  created_at timestamp with time zone default cogo.now() not null
);

alter table cogo.session_summaries enable row level security;

alter table public.cogo_messages add column exchange jsonb;

alter table public.cogo_sessions add column forked_from uuid;

alter table public.cogo_sessions add column last_message bigint;

alter table public.cogo_sessions add column last_message_at timestamp with time zone;

alter table public.cogo_sessions add column messages integer default 0 not null;

alter table public.cogo_sessions add column revision integer default 0 not null;

alter table public.cogo_sessions add column unsummarised bigint default 0 not null;

alter table cogo.forgotten_sessions add constraint forgotten_sessions_pkey PRIMARY KEY (session_seq);

alter table cogo.session_summaries add constraint session_summaries_pkey PRIMARY KEY (session_seq);

alter table cogo.session_summaries add constraint session_summaries_session_seq_fkey FOREIGN KEY (session_seq) REFERENCES public.cogo_sessions(seq) ON DELETE CASCADE;

create index forgotten_sessions_time ON cogo.forgotten_sessions USING btree (forgotten_at);

create index cogo_sessions_unsummarised ON public.cogo_sessions USING btree (seq) WHERE (unsummarised >= 24000);

create or replace function cogo.accept_outputs(p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_messages boolean;
  v_plans boolean;
  v_passed uuid[];
begin
  select array_agg(k.id), array_agg(k.attempt),
         array_agg(
           coalesce(nullif(k.item -> 'output', 'null'), '{}')
           -- A flow that hands over at once has no row for its decisions.
           || case
             when k.kind = 'hand_over' and k.item -> 'hand_over' -> 'decisions' <> '{}' then
               jsonb_build_object('decisions', k.item -> 'hand_over' -> 'decisions')
             else '{}'
           end
         ),
         array_agg(k.item -> 'usage'),
         bool_or(k.item ? 'messages' and k.kind = 'sink'),
         bool_or(k.kind = 'plan' or k.kind = 'step' and k.item ? 'subtasks'),
         coalesce(array_agg(k.id) filter (where k.kind in ('plan', 'hand_over')), '{}')
    into v_ids, v_attempts, v_outputs, v_usages, v_messages, v_plans, v_passed
    from unnest(p_ids, p_attempts, p_items, p_kinds) as k (id, attempt, item, kind)
   where k.kind in ('plan', 'hand_over', 'sink', 'step');

  perform cogo.close_attempts(v_ids, v_attempts, 'completed', v_usages);
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select * from unnest(v_ids, v_attempts, v_outputs);
  -- A statement is costly even without rows, so skip those that no item needs.
  if v_messages then
    -- The sessions are locked: see cogo.lock_sessions().
    insert into public.cogo_messages (owner, session_id, role, content, task_id, exchange)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id,
           nullif(m.value -> 'exchange', 'null')
      from unnest(p_ids, p_items, p_kinds) with ordinality as k (id, item, kind, ordinal)
      join cogo.subtasks s on s.id = k.id
      join public.cogo_tasks t on t.id = s.task_id
      cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
        with ordinality as m (value, ordinal)
     where k.item ? 'messages' and k.kind = 'sink' and t.session_id is not null
     order by k.ordinal, m.ordinal;
  end if;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         sink = s.sink and s.id <> all (v_passed),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = any (v_ids);

  if v_plans then
    perform cogo.insert_plan(
              s.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
  end if;
  if 'hand_over' = any (p_kinds) then
    perform cogo.hand_over(s, k.item -> 'hand_over')
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'hand_over';
  end if;
  if 'step' = any (p_kinds) then
    v_ids := array(
      select k.id from unnest(p_ids, p_kinds) with ordinality as k (id, kind, nth)
       where k.kind = 'step' order by k.nth
    );
    perform cogo.release_dependents(v_ids);
    perform cogo.record_ends(v_ids);
  end if;
  if 'sink' = any (p_kinds) then
    select array_agg(s.task_id), array_agg(k.item -> 'output')
      into v_tasks, v_outputs
      from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
      join cogo.subtasks s on s.id = k.id
     where k.kind = 'sink';
    perform cogo.complete_tasks(v_tasks, v_outputs);
  end if;
end;
$function$;

create or replace function cogo.copy_session(p_owner uuid, p_source uuid, p_through bigint, p_target bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_source public.cogo_sessions;
  v_target public.cogo_sessions;
  v_through bigint;
begin
  select e.* into v_source from public.cogo_sessions e
   where e.id = p_source and (e.owner = p_owner or e.owner is null and p_owner is null);
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no session %s, or it is not yours', p_source);
  end if;
  perform cogo.check_size('the session to copy', v_source.messages, 20000, 'messages');
  -- A turn is copied whole.
  select max(m.seq) into v_through
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.role = 'assistant'
     and m.seq <= coalesce(
       (
         select min(n.seq) from public.cogo_messages n
          where n.session_id = v_source.id
            and (n.owner = p_owner or n.owner is null and p_owner is null)
            and n.role = 'assistant' and n.seq >= p_through
       ), 9223372036854775807
     );
  update public.cogo_sessions e
     set forked_from = v_source.id, title = v_source.title
   where e.seq = p_target returning e.* into v_target;
  insert into public.cogo_messages (
    owner, session_id, role, content, exchange, task_id, created_at
  )
  select m.owner, v_target.id, m.role, m.content, m.exchange, m.task_id, m.created_at
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.seq <= v_through
   order by m.seq;
  perform cogo.copy_summary(v_source, v_target, v_through);
end;
$function$;

create or replace function cogo.copy_summary(p_source public.cogo_sessions, p_target public.cogo_sessions, p_through bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_covered integer;
begin
  select count(*) into v_covered
    from cogo.session_summaries u
    join public.cogo_messages m
      on m.session_id = p_source.id
     and (m.owner = p_source.owner or m.owner is null and p_source.owner is null)
     and m.seq <= u.through
   where u.session_seq = p_source.seq and u.through <= p_through;
  if v_covered = 0 then
    return;
  end if;
  -- The messages have numbers of their own, in the same order.
  insert into cogo.session_summaries (
    session_seq, owner, through, content, model_id, simulated, created_at
  )
  select p_target.seq, p_target.owner, m.seq, u.content, u.model_id, u.simulated, u.created_at
    from cogo.session_summaries u
   cross join lateral (
     select n.seq from public.cogo_messages n
      where n.session_id = p_target.id
        and (n.owner = p_target.owner or n.owner is null and p_target.owner is null)
      order by n.seq offset v_covered - 1 limit 1
   ) as m
   where u.session_seq = p_source.seq;
  perform cogo.count_unsummarised(p_target.seq);
end;
$function$;

create or replace function cogo.count_messages()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  update public.cogo_sessions e
     set messages = e.messages + a.messages,
         last_message = greatest(e.last_message, a.last_message),
         last_message_at = cogo.now(),
         unsummarised = e.unsummarised + a.characters
    from (
      select n.owner, n.session_id, count(*) as messages, max(n.seq) as last_message,
             sum(length(n.content) + coalesce(length(n.exchange::text), 0)) as characters
        from new_rows n
       group by n.owner, n.session_id
    ) as a
   where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null);
  return null;
end;
$function$;

create or replace function cogo.count_unsummarised(p_session bigint)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  update public.cogo_sessions e
     set unsummarised = coalesce(
           (
             select sum(length(m.content) + coalesce(length(m.exchange::text), 0))
               from public.cogo_messages m
              where m.session_id = e.id
                and (m.owner = e.owner or m.owner is null and e.owner is null)
                and m.seq > coalesce(
                  (select u.through from cogo.session_summaries u where u.session_seq = e.seq), 0
                )
           ), 0
         )
   where e.seq = p_session;
$function$;

create or replace function cogo.describe_session(p_owner uuid, p_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select jsonb_build_object(
           'seq', e.seq, 'last_message', e.last_message, 'revision', e.revision
         )
    from public.cogo_sessions e
   where e.id = p_id and (e.owner = p_owner or e.owner is null and p_owner is null);
$function$;

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
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
           'session', cogo.describe_session(t.owner, t.session_id),
           'grants', case when exists (select from cogo.grants g where g.owner = s.owner) then
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
         case when s.kind in ('flow', 'call') or p.params ? 'tools' then
           cogo.granted_tools(s.owner)
         end
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

create or replace function cogo.lock_sessions(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform
     from public.cogo_sessions e
    where e.seq = any (
            array(
              select f.seq
                from cogo.subtasks s
                join public.cogo_tasks t on t.id = s.task_id and t.session_id is not null
                join public.cogo_sessions f
                  on f.id = t.session_id
                 and (f.owner = t.owner or f.owner is null and t.owner is null)
               where s.id = any (p_subtask_ids)
            )
          )
    order by e.seq
      for no key update;
end;
$function$;

create or replace function cogo.note_forgotten_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into cogo.forgotten_sessions (session_seq)
  select o.seq from old_rows o
  on conflict do nothing;
  delete from cogo.forgotten_sessions f
   where f.session_seq in (
           select g.session_seq from cogo.forgotten_sessions g
            where g.forgotten_at < cogo.now() - interval '1 day'
            order by g.forgotten_at limit 1000 for update skip locked
         );
  return null;
end;
$function$;

create or replace function cogo.prepare_task()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_fork jsonb;
  v_session bigint;
begin
  if not cogo.is_operator() then
    new.owner := auth.uid();
    if new.owner is null then
      raise exception using
        errcode = 'insufficient_privilege', message = 'the access token names no user';
    end if;
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.type := coalesce(new.type, 'GENERATE_CODE');
  new.params := coalesce(new.params, '{}');
  new.model := cogo.normalize_model(new.model);
  new.priority := coalesce(new.priority, 5);
  new.preferences := coalesce(new.preferences, '{}');
  new.stream := coalesce(new.stream, true);

  new.status := 'pending';
  new.result := null;
  new.error := null;
  new.cost_usd := 0;
  new.input_tokens := 0;
  new.cached_tokens := 0;
  new.output_tokens := 0;
  new.reasoning_tokens := 0;
  new.simulated := false;
  new.cancel_requested_at := null;
  new.paused_at := null;
  new.created_at := cogo.now();
  new.started_at := null;
  new.finished_at := null;

  v_fork := new.params -> 'fork_session';
  if v_fork ->> 'session_id' is not null then
    new.session_id := coalesce(new.session_id, gen_random_uuid());
  end if;
  if new.session_id is not null then
    insert into public.cogo_sessions (id, owner, title)
    values (new.session_id, new.owner, left(new.prompt, 80))
    on conflict (owner, id) do nothing
    returning seq into v_session;
    -- The next run of a task, and a session that goes on, do not fork again. What is not a session's
    -- id the orchestrator refuses.
    if v_session is not null and cogo.to_uuid(v_fork ->> 'session_id') is not null then
      perform cogo.copy_session(
        new.owner, cogo.to_uuid(v_fork ->> 'session_id'),
        case when jsonb_typeof(v_fork -> 'through') = 'number'
             then least((v_fork ->> 'through')::numeric, 9007199254740992)::bigint end,
        v_session
      );
    end if;
  end if;
  return new;
end;
$function$;

create or replace function cogo.revise_session()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.cogo_sessions e
     set revision = e.revision + 1,
         messages = e.messages - case tg_op when 'DELETE' then 1 else 0 end,
         last_message = (
           select max(m.seq) from public.cogo_messages m
            where m.session_id = e.id and (m.owner = e.owner or m.owner is null and e.owner is null)
         )
   where e.id = old.session_id and (e.owner = old.owner or e.owner is null and old.owner is null);
  return null;
end;
$function$;

create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_unreadable text;
begin
  -- Dependents, watchers and lists must be able to read these.
  select f.field || ' ' || cogo.validate_json(f.value) into v_unreadable
    from (
      values ('output', p_item -> 'output'), ('plan.subtasks', v_plan -> 'subtasks'),
             ('subtasks', v_added), ('route.params', v_route -> 'params'),
             ('route.metadata', v_route -> 'metadata'),
             ('suspend.steps', p_item -> 'suspend' -> 'steps'),
             ('suspend.decisions', p_item -> 'suspend' -> 'decisions'),
             ('suspend.drift', p_item -> 'suspend' -> 'drift'),
             ('hand_over.step', p_item -> 'hand_over' -> 'step'),
             ('hand_over.decisions', p_item -> 'hand_over' -> 'decisions'),
             ('again', p_item -> 'again'), ('wait', p_item -> 'wait'),
             ('messages', p_item -> 'messages')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  elsif jsonb_typeof(p_item -> 'messages') not in ('array', 'null') then
    return 'messages must be a list';
  elsif nullif(p_item -> 'wait', 'null') is not null then
    if coalesce(
      v_plan, v_route, v_added, nullif(p_item -> 'suspend', 'null'),
      nullif(p_item -> 'hand_over', 'null'), nullif(p_item -> 'again', 'null')
    ) is not null then
      return 'an attempt ends in one way, not with wait and another';
    end if;
    return cogo.validate_wait(p_subtask, p_item -> 'wait');
  end if;
  if p_subtask.kind = 'flow' then
    return cogo.validate_flow_end(p_subtask, p_item);
  elsif v_added is not null and (
    p_subtask.lane = 'cio' or p_subtask.sink
    or exists (select from cogo.flows f where f.task_id = p_subtask.task_id)
  ) then
    return 'only a completed subtask that is neither the sink nor a step of a workflow may add subtasks';
  end if;
  if v_route is not null or v_added is not null then
    v_grant := cogo.validate_stamps(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if coalesce(
    v_plan, nullif(p_item -> 'suspend', 'null'), nullif(p_item -> 'hand_over', 'null'),
    nullif(p_item -> 'again', 'null')
  ) is not null then
    return 'only a flow is completed with a plan, a suspension, a hand-over or its next run';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio') then
    return 'a rerouted subtask in lane cio must be completed with a route, others must not';
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') = '' or not cogo.is_model_lane(v_route ->> 'lane') then
      return 'route.lane must name a model';
    elsif jsonb_typeof(coalesce(nullif(v_route -> 'params', 'null'), '{}')) <> 'object'
       or jsonb_typeof(coalesce(nullif(v_route -> 'metadata', 'null'), '{}')) <> 'object' then
      return 'route.params and route.metadata must be objects';
    end if;
  elsif jsonb_typeof(p_item -> 'output') is distinct from 'object' then
    return 'output must be an object';
  elsif v_added is not null then
    return 'TQ006: ' || cogo.validate_plan(
      p_item, array(select s.key from cogo.subtasks s where s.task_id = p_subtask.task_id)
    );
  end if;
  return null;
end;
$function$;

create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  if p_items @? '$[*].messages[*]' then
    perform cogo.lock_sessions(
      array(
        select cogo.to_uuid(i.value ->> 'subtask_id')
          from jsonb_array_elements(p_items) i where i.value @? '$.messages[*]'
      )
    );
  end if;
  if p_items @? '$[*].suspend.steps[*] ? (@.kind == "task")' then
    perform cogo.lock_trees(
      array(
        select s.task_id
          from jsonb_array_elements(p_items) i
          join cogo.subtasks s on s.id = cogo.to_uuid(i.value ->> 'subtask_id')
         where i.value @? '$.suspend.steps[*] ? (@.kind == "task")'
      )
    );
  end if;
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$function$;

create or replace function public.cogo_forget_sessions(p_owner uuid DEFAULT NULL::uuid, p_every_owner boolean DEFAULT false, p_ids uuid[] DEFAULT NULL::uuid[], p_before timestamp with time zone DEFAULT NULL::timestamp with time zone, p_dry_run boolean DEFAULT false)
 RETURNS TABLE(sessions integer, messages bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_operator constant boolean := cogo.is_operator();
  v_owner constant uuid := case when v_operator then p_owner else auth.uid() end;
  v_seqs bigint[];
begin
  if num_nonnulls(p_ids, p_before) = 0 then
    raise exception using errcode = 'TQ004',
      message = 'name the sessions by p_ids or p_before (infinity: all of them)';
  end if;
  select coalesce(array_agg(e.seq order by e.seq), '{}') into v_seqs
    from public.cogo_sessions e
   where (
           e.owner = v_owner
           or v_operator and (coalesce(p_every_owner, false) or e.owner is null and v_owner is null)
         )
     and (p_ids is null or e.id = any (p_ids))
     and (p_before is null or coalesce(e.last_message_at, e.created_at) < p_before);
  if not coalesce(p_dry_run, false) then
    -- Tasks before sessions, as their completions do.
    perform from public.cogo_tasks t
     where exists (
             select from public.cogo_sessions e
              where e.seq = any (v_seqs) and e.id = t.session_id
                and (e.owner = t.owner or e.owner is null and t.owner is null)
           )
     order by t.seq
       for no key update;
  end if;
  select count(*), coalesce(sum(k.messages), 0) into sessions, messages
    from (
      select e.messages from public.cogo_sessions e where e.seq = any (v_seqs) order by e.seq
         for update
    ) as k;
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_sessions e where e.seq = any (v_seqs);
  end if;
  return next;
end;
$function$;

create or replace function public.cogo_forgotten_sessions(p_since interval DEFAULT '00:10:00'::interval)
 RETURNS SETOF bigint
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select f.session_seq from cogo.forgotten_sessions f
   where f.forgotten_at > cogo.now() - p_since order by f.forgotten_at limit 10000;
$function$;

create or replace function public.cogo_fork_session(p_owner uuid, p_session_id uuid, p_through bigint DEFAULT NULL::bigint, p_id uuid DEFAULT NULL::uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner constant uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_id constant uuid := coalesce(p_id, gen_random_uuid());
  v_seq bigint;
begin
  insert into public.cogo_sessions (id, owner) values (v_id, v_owner)
  on conflict (owner, id) do nothing
  returning seq into v_seq;
  if v_seq is null then
    raise exception using errcode = 'TQ003', message = format('there is a session %s already', v_id);
  end if;
  perform cogo.copy_session(v_owner, p_session_id, p_through, v_seq);
  return v_id;
end;
$function$;

create or replace function public.cogo_read_session(p_owner uuid, p_session_id uuid, p_before bigint DEFAULT NULL::bigint, p_after bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 100, p_characters integer DEFAULT 200000)
 RETURNS TABLE(seq bigint, last_message bigint, revision integer, summary jsonb, messages jsonb, is_more boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_owner constant uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_session public.cogo_sessions;
begin
  select e.* into v_session from public.cogo_sessions e
   where e.id = p_session_id and (e.owner = v_owner or e.owner is null and v_owner is null);
  if not found then
    return;
  end if;
  return query
  with newest as materialized (
    select m.*,
           row_number() over (order by m.seq desc) as nth,
           sum(length(m.content) + coalesce(length(m.exchange::text), 0))
             over (order by m.seq desc) as total
      from (
        select n.seq, n.role, n.content, n.exchange, n.task_id, n.created_at
          from public.cogo_messages n
         where n.session_id = v_session.id
           and (n.owner = v_session.owner or n.owner is null and v_session.owner is null)
           and n.seq < coalesce(p_before, 9223372036854775807)
           and n.seq > coalesce(p_after, 0)
         order by n.seq desc
         limit least(greatest(coalesce(p_limit, 100), 1), 1000) + 1
      ) as m
  ), page as (
    select w.* from newest w
     where w.nth <= least(greatest(coalesce(p_limit, 100), 1), 1000)
       and (w.nth = 1 or w.total <= coalesce(p_characters, 200000))
  )
  select v_session.seq, v_session.last_message, v_session.revision,
         (
           select jsonb_build_object(
                    'through', u.through, 'content', u.content, 'model_id', u.model_id,
                    'simulated', u.simulated, 'created_at', u.created_at
                  )
             from cogo.session_summaries u where u.session_seq = v_session.seq
         ),
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'seq', g.seq, 'role', g.role, 'content', g.content,
                        'exchange', g.exchange, 'task_id', g.task_id, 'created_at', g.created_at
                      ) order by g.seq desc
                    ), '[]'
                  )
             from page g
         ),
         (select count(*) from newest) > (select count(*) from page);
end;
$function$;

create or replace trigger count_messages AFTER INSERT ON public.cogo_messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.count_messages();

create or replace trigger revise_session AFTER UPDATE OF owner, session_id, seq, role, content, exchange ON public.cogo_messages FOR EACH ROW EXECUTE FUNCTION cogo.revise_session();

create or replace trigger revise_session_on_delete AFTER DELETE ON public.cogo_messages FOR EACH ROW EXECUTE FUNCTION cogo.revise_session();

create or replace trigger note_forgotten AFTER DELETE ON public.cogo_sessions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.note_forgotten_sessions();

comment on table cogo.forgotten_sessions is
  'Sessions that were deleted in the last day: no owner and no text, only the number of the row.';

comment on table cogo.session_summaries is
  'What models are told of the older messages of a session; each summary is made of the last one and the
messages since.';

comment on table public.cogo_messages is
  'The messages of a session, in order of seq. Each turn adds two in one transaction: what the user said
and the answer.';

comment on column cogo.session_summaries.through is
  'The seq of the newest message that it covers.';

comment on column public.cogo_messages.exchange is
  'Of an answer: the calls of tools that led to it, with their results, in order. A call of the caller''s
tools may have no result yet. It is one value, so that no reader sees half of it.';

comment on column public.cogo_sessions.forked_from is
  'The session, of the same owner, from which it was copied. It may have been deleted.';

comment on column public.cogo_sessions.last_message is
  'The seq of its newest message.';

comment on column public.cogo_sessions.revision is
  'Grows when a message is changed or deleted, which copies of the conversation do not notice.';

comment on column public.cogo_sessions.unsummarised is
  'Characters of the messages that its summary does not cover.';

comment on function cogo.copy_session(uuid,uuid,bigint,bigint) is
  'Copy the messages of a session, up to the turn with p_through, into an empty one, by its seq.';

comment on function cogo.copy_summary(public.cogo_sessions,public.cogo_sessions,bigint) is
  'Copy the summary of a session into a copy of it, unless it covers messages that were not copied.';

comment on function cogo.count_messages() is
  'Count new messages in the rows of their sessions.';

comment on function cogo.count_unsummarised(bigint) is
  'Count the characters of a session that its summary does not cover.';

comment on function cogo.describe_session(uuid,uuid) is
  'Return how far a session is, for the holder of a lease; null if there is no session.';

comment on function cogo.lock_sessions(uuid[]) is
  'Lock the sessions of subtasks, by seq, after their tasks.';

comment on function cogo.note_forgotten_sessions() is
  'Note deleted sessions for copies outside the database, and forget those of the day before.';

comment on function cogo.prepare_task() is
  'Set defaults, reset the system''s columns, and create the session, or a copy of another one.';

comment on function cogo.revise_session() is
  'Note in its session that a message was changed or deleted, which operators may do.';

comment on function public.cogo_forget_sessions(uuid,boolean,uuid[],timestamp with time zone,boolean) is
  'Delete sessions with their messages and summaries: those that match every given argument; p_before
is a time after their last message. Their tasks stay, without a session. Users delete their own;
operators those of an owner (null: of nobody) or, with p_every_owner, of all. p_dry_run only counts.';

comment on function public.cogo_forgotten_sessions(interval) is
  'Return the rows of the sessions that were deleted lately, for copies outside the database.';

comment on function public.cogo_fork_session(uuid,uuid,bigint,uuid) is
  'Copy a session up to the turn that holds the message p_through (null: all of it) into a new one, and
return its id. Raises TQ002 if there is no such session of that owner, TQ003 if p_id is taken.';

comment on function public.cogo_read_session(uuid,uuid,bigint,bigint,integer,integer) is
  'Return a page of the messages of a session, newest first, with its summary: those before and after a
seq, at most p_limit, 1000 at most, and no more than p_characters after the first; is_more says whether
there are older ones. No row if there is no such session of that owner.';

revoke all on table cogo.forgotten_sessions from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.forgotten_sessions to service_role;

revoke all on table cogo.session_summaries from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.session_summaries to service_role;

revoke all on function cogo.copy_session(uuid,uuid,bigint,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.copy_session(uuid,uuid,bigint,bigint) to service_role;

revoke all on function cogo.copy_summary(public.cogo_sessions,public.cogo_sessions,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.copy_summary(public.cogo_sessions,public.cogo_sessions,bigint) to service_role;

revoke all on function cogo.count_messages() from public, anon, authenticated, service_role;

grant execute on function cogo.count_messages() to service_role;

revoke all on function cogo.count_unsummarised(bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.count_unsummarised(bigint) to service_role;

revoke all on function cogo.describe_session(uuid,uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.describe_session(uuid,uuid) to service_role;

revoke all on function cogo.lock_sessions(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_sessions(uuid[]) to service_role;

revoke all on function cogo.note_forgotten_sessions() from public, anon, authenticated, service_role;

grant execute on function cogo.note_forgotten_sessions() to service_role;

revoke all on function cogo.revise_session() from public, anon, authenticated, service_role;

grant execute on function cogo.revise_session() to service_role;

revoke all on function public.cogo_forget_sessions(uuid,boolean,uuid[],timestamp with time zone,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_forget_sessions(uuid,boolean,uuid[],timestamp with time zone,boolean) to authenticated;

grant execute on function public.cogo_forget_sessions(uuid,boolean,uuid[],timestamp with time zone,boolean) to service_role;

revoke all on function public.cogo_forgotten_sessions(interval) from public, anon, authenticated, service_role;

grant execute on function public.cogo_forgotten_sessions(interval) to service_role;

revoke all on function public.cogo_fork_session(uuid,uuid,bigint,uuid) from public, anon, authenticated, service_role;

grant execute on function public.cogo_fork_session(uuid,uuid,bigint,uuid) to authenticated;

grant execute on function public.cogo_fork_session(uuid,uuid,bigint,uuid) to service_role;

revoke all on function public.cogo_read_session(uuid,uuid,bigint,bigint,integer,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_read_session(uuid,uuid,bigint,bigint,integer,integer) to authenticated;

grant execute on function public.cogo_read_session(uuid,uuid,bigint,bigint,integer,integer) to service_role;

insert into cogo.schema_versions (version) values ('20261129180000')
on conflict (version) do nothing;
