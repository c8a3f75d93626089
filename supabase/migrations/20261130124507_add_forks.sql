-- Add forks.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table cogo.flows add column fork jsonb;

alter table public.cogo_tasks add column forked_from uuid;

create index cogo_tasks_forked ON public.cogo_tasks USING btree (forked_from) WHERE (forked_from IS NOT NULL);

create or replace function cogo.copy_steps(p_task public.cogo_tasks, p_step cogo.subtasks, p_target public.cogo_tasks, p_fork jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids constant uuid[] := array(
    select f.id from cogo.find_reusable_steps(p_task, p_step) as f (id)
  );
  v_flow cogo.flows;
  v_record jsonb;
  v_shift interval;
begin
  perform cogo.check_size('what would be reused', sum(pg_column_size(o.output)), 67108864, 'bytes')
     from cogo.subtask_outputs o where o.subtask_id = any (v_ids);
  select cogo.now() - coalesce(
           (p.metadata -> 'reused' ->> 'begun_at')::timestamptz, p_step.created_at
         ) into v_shift
    from cogo.subtask_payloads p where p.subtask_id = p_step.id;
  select f.* into v_flow from cogo.flows f where f.task_id = p_task.id;
  if found then
    v_record := cogo.load_flow(v_flow);
  end if;
  insert into cogo.flows (task_id, first_claimed_at, ends, decisions, fork)
  values (
    p_target.id, coalesce(v_flow.first_claimed_at + v_shift, cogo.now()), cardinality(v_ids),
    coalesce(v_flow.decisions, '{}'),
    p_fork || jsonb_build_object('seed', coalesce(v_flow.fork ->> 'seed', p_task.id::text))
  );
  with found as materialized (
    select s.*, gen_random_uuid() as new_id, row_number() over (order by s.end_no) as nth,
           e.record - '{output,is_output_left_out,error,end_no,key,kind,digest,status}'::text[] as record
      from cogo.subtasks s
      join jsonb_array_elements(v_record -> 'steps') as e (record) on e.record ->> 'key' = s.key
     where s.task_id = p_task.id and s.id = any (v_ids)
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, kind, status, priority, max_failures, on_failure, finished_at,
      end_no
    )
    select f.new_id, p_target.id, f.key, f.type, f.lane, f.kind, f.status, f.priority,
           f.max_failures, 'continue', cogo.now(), f.nth
      from found f
     order by f.seq
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata, error)
    select f.new_id, p.params,
           p.metadata || jsonb_build_object(
             'reused',
             jsonb_build_object(
               'task_id', p_task.id, 'subtask_id', f.id,
               'begun_at', v_shift + coalesce(
                 (p.metadata -> 'reused' ->> 'begun_at')::timestamptz, f.created_at
               ),
               'record', f.record || jsonb_build_object(
                 'is_reused', true, 'ended_at', v_shift + (f.record ->> 'ended_at')::timestamptz
               )
             )
           ),
           case when f.status = 'failed' then coalesce(
             p.error,
             (
               select a.error from public.cogo_attempts a
                where a.subtask_id = f.id and a.attempt = f.attempt
             )
           ) end
      from found f
      join cogo.subtask_payloads p on p.subtask_id = f.id
  )
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select f.new_id, 0, o.output from found f join cogo.subtask_outputs o on o.subtask_id = f.id;
end;
$function$;

create or replace function cogo.find_fork_step(p_task public.cogo_tasks, p_key text, p_changes jsonb)
 RETURNS cogo.subtasks
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_step cogo.subtasks;
begin
  if p_task.finished_at is null then
    raise exception using errcode = 'TQ003',
      message = format(
        'task %s is %s: it can be forked from a step when it has ended', p_task.id, p_task.status
      ),
      hint = 'cancel it first, or ask the whole task again, which needs no step';
  end if;
  select s.* into v_step
    from cogo.subtasks s where s.task_id = p_task.id and s.key = p_key and s.kind <> 'flow';
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('task %s has no step %s', p_task.id, left(p_key, 200)),
      hint = (
        select 'its steps are ' || left(string_agg(s.key, ', ' order by s.seq), 500)
          from cogo.subtasks s where s.task_id = p_task.id and s.kind <> 'flow'
      );
  elsif not exists (select from cogo.flows f where f.task_id = p_task.id)
        and exists (
          select from cogo.subtasks s
           where s.task_id = p_task.id and s.kind <> 'flow' and s.id <> v_step.id
        ) then
    raise exception using errcode = 'TQ003',
      message = format('task %s was planned by COGO 0.1: its steps cannot be reused', p_task.id),
      hint = 'ask the whole task again, which needs no step';
  elsif v_step.kind <> 'ask' and p_changes ?| array['prompt', 'model'] then
    raise exception using errcode = 'TQ004',
      message = format(
        'step %s is a %s: only a step that asks a model can have another prompt or model', v_step.key,
        v_step.kind
      );
  elsif p_changes ->> 'type' <> p_task.type then
    raise exception using errcode = 'TQ004',
      message = 'the type cannot change, because another workflow has other steps',
      hint = 'ask the whole task again, which needs no step';
  end if;
  return v_step;
end;
$function$;

create or replace function cogo.find_reusable_steps(p_task public.cogo_tasks, p_step cogo.subtasks)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with steps as materialized (
    -- A step that was itself taken over has the times of its original.
    select s.id, s.key, s.kind, s.status, s.sink, s.end_no, p.error,
           coalesce((p.metadata -> 'reused' ->> 'begun_at')::timestamptz, s.created_at) as begun_at,
           coalesce(
             (p.metadata -> 'reused' -> 'record' ->> 'ended_at')::timestamptz, s.finished_at
           ) as ended_at
      from cogo.subtasks s
      join cogo.subtask_payloads p on p.subtask_id = s.id
     where s.task_id = p_task.id and s.kind <> 'flow'
  )
  select s.id
    from steps s
    join steps k on k.id = p_step.id
   where s.id <> k.id and s.end_no is not null and not s.sink and s.kind <> 'approve'
     and s.begun_at < coalesce(k.ended_at, 'infinity')
     and (
       s.status = 'completed'
       or s.error ->> 'class' is distinct from 'deadline'
          and s.id not in (select f.id from cogo.find_fatal_steps(p_task) as f (id))
     );
$function$;

create or replace function cogo.load_flow(p_flow cogo.flows)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select jsonb_build_object(
           'first_claimed_at', p_flow.first_claimed_at,
           'deadline_passed', p_flow.deadline_passed_at is not null,
           'decisions', p_flow.decisions,
           'fork', p_flow.fork,
           'steps', coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'key', f.key, 'kind', f.kind, 'digest', f.digest, 'status', f.status,
                 'end_no', f.end_no, 'ended_at', f.finished_at, 'attempt', f.attempt,
                 'model_id', f.model_id, 'cost_usd', f.cost_usd, 'not_needed', f.not_needed
               ) || coalesce(f.reused, '{}') || case
                 when f.status = 'failed' then jsonb_build_object('error', f.error)
                 when f.output is null then '{}'
                 when f.size <= 65536 then jsonb_build_object('output', f.output)
                 else '{"is_output_left_out": true}'
               end order by f.seq
             ), '[]'
           )
         )
    from (
      select m.*,
             case when m.stored <= 65536 then
               sum(case when m.stored <= 65536 then octet_length(m.output::text) end)
                 over (order by m.end_no desc nulls last)
             end as size
        from (
          select s.key, s.kind, s.status, s.end_no, s.finished_at, s.attempt, s.not_needed, s.seq,
                 p.metadata ->> 'digest' as digest, p.metadata -> 'reused' -> 'record' as reused,
                 o.output,
                 case when cogo.is_model_lane(s.lane) then s.lane end as model_id,
                 case s.kind
                   when 'task' then (
                     select case when bool_and(k.cost_usd is not null) is not false then
                              coalesce(sum(k.cost_usd), 0)
                            end
                       from cogo.child_tasks k where k.subtask_id = s.id
                   )
                   else (
                     select case when bool_and(a.cost_usd is not null) is not false then
                              coalesce(sum(a.cost_usd), 0)
                            end
                       from public.cogo_attempts a
                      where a.subtask_id = s.id and a.ended_at is not null
                   )
                 end as cost_usd,
                 case when s.status = 'failed' then coalesce(
                   p.error,
                   (
                     select a.error from public.cogo_attempts a
                      where a.subtask_id = s.id and a.attempt = s.attempt
                   ),
                   '{"class": "failed", "message": "no attempt recorded an error"}'
                 ) end as error,
                 sum(pg_column_size(o.output)) over (order by s.end_no desc nulls last) as stored
            from cogo.subtasks s
            join cogo.subtask_payloads p on p.subtask_id = s.id
            left join cogo.subtask_outputs o on o.subtask_id = s.id
           where s.task_id = p_flow.task_id and s.kind <> 'flow'
        ) as m
    ) as f;
$function$;

create or replace function cogo.move_to_session_copy(p_task public.cogo_tasks, p_new public.cogo_tasks)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_through bigint;
begin
  p_new.session_id := null;
  p_new.params := p_new.params - 'fork_session';
  if p_task.session_id is null or p_task.owner is distinct from p_new.owner then
    return p_new;
  end if;
  p_new.session_id := gen_random_uuid();
  select max(m.seq) into v_through
    from public.cogo_messages m
   where m.session_id = p_task.session_id
     and (m.owner = p_task.owner or m.owner is null and p_task.owner is null)
     and m.created_at <= p_task.created_at and m.task_id is distinct from p_task.id;
  if v_through is not null then
    p_new.params := p_new.params || jsonb_build_object(
      'fork_session', jsonb_build_object('session_id', p_task.session_id, 'through', v_through)
    );
  end if;
  return p_new;
end;
$function$;

create or replace function cogo.revive_subtasks(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update cogo.subtask_payloads p
     set error = null, metadata = p.metadata - 'reused'
   where p.subtask_id = any (p_subtask_ids) and (p.error is not null or p.metadata ? 'reused');
  -- A call of a tool that a person has refused is asked about again.
  delete from cogo.turns u
   using cogo.subtasks s
   where s.id = any (p_subtask_ids) and s.kind = 'call' and s.status = 'failed'
     and u.subtask_id = s.id;
  update cogo.subtasks s
     set status = case
           when s.kind = 'sleep' then 'delayed'
           when s.kind in ('approve', 'event', 'task') then 'waiting'
           else 'queued'
         end,
         -- A question for which there was no model is put to the orchestrators again.
         lane = case when s.kind = 'ask' and s.lane = 'wait' then 'cio' else s.lane end,
         failures = 0, reaps = 0, needs_approval = s.kind = 'approve',
         run_at = case when s.kind = 'sleep' then s.run_at end,
         dead_at = null, finished_at = null, end_no = null
   where s.id = any (p_subtask_ids) and s.status = 'failed';
end;
$function$;

create or replace function cogo.validate_fork(p_task public.cogo_tasks, p_changes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_allowed constant text[] := '{
    prompt, type, params, priority, model, preferences, budget_usd, stream, project, tags
  }';
  v_name text;
  v_kind text;
begin
  if jsonb_typeof(p_changes) is distinct from 'object' then
    raise exception using errcode = 'TQ004', message = 'changes must be an object';
  end if;
  for v_name, v_kind in select e.key, jsonb_typeof(e.value) from jsonb_each(p_changes) e loop
    if v_name <> all (v_allowed) then
      raise exception using errcode = 'TQ004',
        message = format('%s cannot be changed', left(v_name, 100)),
        hint = 'what can be changed: ' || array_to_string(v_allowed, ', ');
    elsif v_kind <> all (
      case
        when v_name in ('prompt', 'type') then array['string']
        when v_name in ('model', 'project') then array['string', 'null']
        when v_name = 'tags' then array['array']
        when v_name in ('params', 'preferences') then array['object', 'null']
        when v_name = 'stream' then array['boolean']
        else array['number', 'null']
      end
    ) then
      raise exception using errcode = 'TQ004',
        message = format('%s cannot be of the type %s', v_name, v_kind);
    end if;
  end loop;
end;
$function$;

create or replace function public.cogo_fork_task(p_task_id uuid, p_from_step text DEFAULT NULL::text, p_changes jsonb DEFAULT '{}'::jsonb, p_owner uuid DEFAULT NULL::uuid, p_idempotency_key text DEFAULT NULL::text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_changes jsonb := coalesce(p_changes, '{}');
  v_step cogo.subtasks;
  v_new public.cogo_tasks;
  v_repeated public.cogo_tasks;
  v_fork jsonb := '{}';
begin
  perform cogo.validate_fork(v_task, v_changes);
  if p_from_step is not null then
    v_step := cogo.find_fork_step(v_task, p_from_step, v_changes);
    perform cogo.check_size('prompt', octet_length(v_changes ->> 'prompt'), 2097152, 'bytes'),
            cogo.check_size('model', length(v_changes ->> 'model'), 255);
    -- They are those of the step, not of the task.
    v_fork := jsonb_strip_nulls(jsonb_build_object(
      'step', v_step.key,
      'prompt', v_changes -> 'prompt',
      'model', case when v_changes ? 'model' then
        coalesce(cogo.normalize_model(v_changes ->> 'model'), 'auto')
      end
    ));
    v_changes := v_changes - '{prompt,model}'::text[];
  end if;
  v_new := jsonb_populate_record(v_task, v_changes);
  v_new.owner := case when cogo.is_operator() then coalesce(p_owner, v_task.owner) else auth.uid() end;
  -- The lock of the original makes repetitions wait for each other.
  select t.* into v_repeated
    from public.cogo_tasks t
   where t.idempotency_key = p_idempotency_key and t.owner is not distinct from v_new.owner;
  if v_repeated.forked_from = v_task.id then
    return v_repeated;
  elsif v_repeated.id is not null then
    raise exception using errcode = 'TQ004',
      message = format(
        'the idempotency key %L was used for another request: task %s',
        left(p_idempotency_key, 100), v_repeated.id
      ),
      hint = 'repeat the first request as it was, or choose a new key';
  end if;
  v_new.params := coalesce(v_new.params, '{}');
  if jsonb_typeof(v_new.params) = 'object' then
    v_new := cogo.move_to_session_copy(v_task, v_new);
  end if;
  if v_step.id is not null then
    v_new.preferences := cogo.inherit_data_policy(v_task.preferences, v_new.preferences);
  end if;
  insert into public.cogo_tasks as t (
    type, prompt, params, priority, owner, session_id, idempotency_key, model, preferences,
    budget_usd, deadline, stream, project, tags, forked_from
  ) values (
    v_new.type, v_new.prompt, v_new.params, v_new.priority, v_new.owner, v_new.session_id,
    p_idempotency_key, v_new.model, v_new.preferences, v_new.budget_usd,
    -- As long after its start as that of the original.
    cogo.now() + (v_task.deadline - coalesce(v_task.run_at, v_task.created_at)), v_new.stream,
    v_new.project, v_new.tags, v_task.id
  )
  returning t.* into v_new;
  if v_step.id is not null then
    perform cogo.copy_steps(v_task, v_step, v_new, v_fork);
  end if;
  return v_new;
end;
$function$;

create or replace view public.cogo_task_previews with (security_invoker=true) as
 SELECT id,
    seq,
    type,
    "left"(prompt, 300) AS prompt,
    cogo.truncate_json(params) AS params,
    priority,
    owner,
    session_id,
    idempotency_key,
    model,
    cogo.truncate_json(preferences) AS preferences,
    budget_usd,
    deadline,
    run_at,
    stream,
    status,
    cogo.truncate_json(result) AS result,
    cogo.truncate_json(error) AS error,
    cost_usd,
    input_tokens,
    cached_tokens,
    output_tokens,
    reasoning_tokens,
    simulated,
    cancel_requested_at,
    paused_at,
    created_at,
    started_at,
    finished_at,
    parent_task_id,
    previous_task_id,
    follow_up,
    project,
    tags,
    forked_from
   FROM public.cogo_tasks t;

comment on column cogo.flows.fork is
  'Of a task that was forked from a step: the key of that step, the prompt and the model that replace
those that the workflow gives it, and the seed of its random numbers.';

comment on column public.cogo_tasks.forked_from is
  'The task that this one was asked again from, with changes. It may have been deleted.';

comment on function cogo.copy_steps(public.cogo_tasks,cogo.subtasks,public.cogo_tasks,jsonb) is
  'Give a new task the record of the steps of a task that do not depend on what a step gave, with the
decisions of its workflow. They have no attempts, so their costs are not counted again.';

comment on function cogo.find_fork_step(public.cogo_tasks,text,jsonb) is
  'Return the step from which a task is forked. Raises TQ002, TQ003 and TQ004 if that is impossible.';

comment on function cogo.find_reusable_steps(public.cogo_tasks,cogo.subtasks) is
  'Return the ended steps of a task that do not depend on what a step gave: those that the workflow
asked for before it ended. Left out are questions to people, which are asked again, and failures that
ended the task.';

comment on function cogo.move_to_session_copy(public.cogo_tasks,public.cogo_tasks) is
  'Return a fork with a copy of the session of its original as it was then, if they have one owner.';

comment on function cogo.validate_fork(public.cogo_tasks,jsonb) is
  'Raise TQ004 for changes that a fork cannot have.';

comment on function public.cogo_fork_task(uuid,text,jsonb,uuid,text) is
  'Submit a task again with changes. With p_from_step, which needs an ended task, the steps that do not
depend on what that step gave are reused, and p_changes.prompt and model are those of the step. A
p_idempotency_key that was used for a fork of this task returns that. Raises TQ002, TQ003 and TQ004.';

revoke all on function cogo.copy_steps(public.cogo_tasks,cogo.subtasks,public.cogo_tasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.copy_steps(public.cogo_tasks,cogo.subtasks,public.cogo_tasks,jsonb) to service_role;

revoke all on function cogo.find_fork_step(public.cogo_tasks,text,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.find_fork_step(public.cogo_tasks,text,jsonb) to service_role;

revoke all on function cogo.find_reusable_steps(public.cogo_tasks,cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.find_reusable_steps(public.cogo_tasks,cogo.subtasks) to service_role;

revoke all on function cogo.move_to_session_copy(public.cogo_tasks,public.cogo_tasks) from public, anon, authenticated, service_role;

grant execute on function cogo.move_to_session_copy(public.cogo_tasks,public.cogo_tasks) to service_role;

revoke all on function cogo.validate_fork(public.cogo_tasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_fork(public.cogo_tasks,jsonb) to service_role;

revoke all on function public.cogo_fork_task(uuid,text,jsonb,uuid,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_fork_task(uuid,text,jsonb,uuid,text) to authenticated;

grant execute on function public.cogo_fork_task(uuid,text,jsonb,uuid,text) to service_role;

insert into cogo.schema_versions (version) values ('20261130124507')
on conflict (version) do nothing;
