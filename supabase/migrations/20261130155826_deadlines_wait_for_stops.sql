-- Deadlines wait for stops.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.past_stops (
  id boolean default true not null,
  seconds double precision default 0 not null
);

alter table cogo.past_stops enable row level security;

alter table public.cogo_tasks add column stopped_seconds double precision;

alter table cogo.past_stops add constraint past_stops_id_check CHECK (id);

alter table cogo.past_stops add constraint past_stops_pkey PRIMARY KEY (id);

drop index if exists public.cogo_tasks_deadline;

create or replace function cogo.add_up_stops()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into cogo.past_stops as p (seconds)
  values (greatest(extract(epoch from cogo.now() - old.since), 0))
  on conflict (id) do update set seconds = p.seconds + excluded.seconds;
  return null;
end;
$function$;

create or replace function cogo.check_task_limits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  if new.project is not null then
    new.project := cogo.clean_label(new.project);
    perform cogo.check_size('project', length(new.project), 100);
  end if;
  if new.tags is distinct from '{}' then
    new.tags := cogo.clean_tags(new.tags);
  end if;
  if tg_op = 'INSERT' or new.deadline is distinct from old.deadline then
    new.stopped_seconds := case when new.deadline is not null then cogo.stopped_seconds() end;
  end if;
  if octet_length(new.params::text) > 1048576 then
    raise exception using errcode = 'TQ008',
      message = format(
        'params has %s bytes; the limit is 1048576. Put large files into Supabase Storage and attach '
        'them as storage:BUCKET/PATH', octet_length(new.params::text)
      );
  end if;
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.validate_json(new.params)),
        ('preferences', cogo.validate_json(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.validate_time(new.deadline)),
        ('run_at', cogo.validate_time(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$function$;

create or replace function cogo.insert_children(p_parent public.cogo_tasks, p_subtask_ids uuid[], p_children jsonb[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids uuid[] := array(select gen_random_uuid() from unnest(p_subtask_ids));
  v_errors jsonb[] := '{}';
begin
  begin
    insert into public.cogo_tasks (
      id, type, prompt, params, priority, owner, model, preferences, budget_usd, deadline, stream,
      parent_task_id, project, tags
    )
    select c.id, c.child ->> 'type', c.child ->> 'prompt',
           -- Whether a spent budget asks is the parent's choice, unless the child has its own.
           case when p_parent.params ? 'on_budget' then
             jsonb_build_object('on_budget', p_parent.params -> 'on_budget')
           else '{}' end || coalesce(nullif(c.child -> 'params', 'null'), '{}'),
           p_parent.priority, p_parent.owner,
           c.child ->> 'model',
           cogo.inherit_data_policy(
             cogo.find_preferences(p_parent), nullif(c.child -> 'preferences', 'null')
           ),
           (c.child ->> 'budget_usd')::numeric,
           cogo.put_off_deadline(p_parent.deadline, p_parent.stopped_seconds),
           p_parent.stream, p_parent.id, p_parent.project, p_parent.tags
      from unnest(v_ids, p_children) with ordinality as c (id, child, ordinal)
     order by c.ordinal;
    insert into cogo.child_tasks (child_id, parent_id, root_id, subtask_id, depth)
    select c.id, p_parent.id, coalesce(k.root_id, p_parent.id), c.subtask_id,
           coalesce(k.depth, 0) + 1
      from unnest(v_ids, p_subtask_ids) as c (id, subtask_id)
      left join cogo.child_tasks k on k.child_id = p_parent.id;
    if p_parent.status = 'held' then
      perform cogo.pause_tasks(v_ids);
    end if;
    return array_fill('null'::jsonb, array[cardinality(v_ids)]);
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded
      or sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      if cardinality(v_ids) = 1 then
        return array[
          jsonb_build_object(
            'class', case sqlstate when 'TQ007' then 'not_granted' else 'invalid_task' end,
            'message', 'the child task cannot be inserted: ' || sqlerrm
          )
        ];
      end if;
  end;
  for v_nth in 1..cardinality(v_ids) loop
    v_errors := v_errors
      || cogo.insert_children(p_parent, p_subtask_ids[v_nth:v_nth], p_children[v_nth:v_nth]);
  end loop;
  return v_errors;
end;
$function$;

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_has_parents boolean;
  v_has_grants boolean;
  v_children uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  -- What few subtasks have is read by functions, which start nothing for the others.
  select exists (select from cogo.dependencies d where d.child_id = any (p_subtask_ids)),
         exists (select from cogo.grants)
    into v_has_parents, v_has_grants;
  if v_has_parents then
    select array_agg(p.child_id), array_agg(p.outputs), array_agg(p.errors)
      into v_children, v_outputs, v_errors
      from cogo.load_parents(p_subtask_ids) p;
  end if;
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model,
           'preferences', case when t.session_id is null then t.preferences
                               else cogo.find_preferences(t) end,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', case when t.deadline is not null then round(
             extract(epoch from cogo.put_off_deadline(t.deadline, t.stopped_seconds) - cogo.now()), 3
           ) end,
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'session', case when t.session_id is not null then
             cogo.describe_session(t.owner, t.session_id)
           end,
           'grants', case when v_has_grants then cogo.granted_models(t.owner) end
         ),
         coalesce(v_outputs[array_position(v_children, s.id)], '{}'),
         coalesce(v_errors[array_position(v_children, s.id)], '{}'),
         case when s.attempt = 1 then '[]' else cogo.load_history(s.id) end,
         s.kind,
         case s.kind when 'flow' then cogo.find_flow(s.task_id, s.started_at) end,
         case when s.attempt = 1 then 0 else cogo.count_turns(s.id) end,
         case when v_has_grants and (s.kind in ('flow', 'call') or p.params ? 'tools') then
           cogo.granted_tools(s.owner)
         end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.put_off_deadline(p_deadline timestamp with time zone, p_stopped_seconds double precision)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if p_deadline is null then
    return null;
  end if;
  return cogo.subtract_seconds(p_deadline, coalesce(p_stopped_seconds, 0) - cogo.stopped_seconds());
end;
$function$;

create or replace function cogo.stopped_seconds()
 RETURNS double precision
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return coalesce((select p.seconds from cogo.past_stops p), 0)
    + coalesce((select extract(epoch from cogo.now() - s.since) from cogo.spending_stop s), 0);
end;
$function$;

create or replace function cogo.subtract_seconds(p_at timestamp with time zone, p_seconds double precision)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
RETURN (p_at - make_interval(secs => COALESCE(p_seconds, (0)::double precision)));

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now_unstopped timestamptz;
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
  v_now_unstopped := cogo.subtract_seconds(cogo.now(), cogo.stopped_seconds());
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where cogo.subtract_seconds(t.deadline, t.stopped_seconds) < v_now_unstopped
       and t.deadline is not null and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by cogo.subtract_seconds(t.deadline, t.stopped_seconds)
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
         deadline = case
           when cogo.put_off_deadline(t.deadline, t.stopped_seconds) > v_now then t.deadline
         end
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

create or replace trigger add_up_stops AFTER DELETE ON cogo.spending_stop FOR EACH ROW EXECUTE FUNCTION cogo.add_up_stops();

comment on table cogo.past_stops is
  'How long spending was stopped in all, without a stop that lasts. No row before the first one.';

comment on column public.cogo_tasks.stopped_seconds is
  'How long spending had been stopped in all when the deadline was set; null without one. The time of
later stops does not count towards it.';

comment on function cogo.add_up_stops() is
  'Note how long a stop of spending lasted. Of a trigger.';

comment on function cogo.check_task_limits() is
  'Raise TQ008 for a task that is too large, TQ009 for numbers or times that some programs cannot
read. Clean its project and tags, and note how long spending had been stopped when its deadline was
set.';

comment on function cogo.put_off_deadline(timestamp with time zone,double precision) is
  'Return a deadline later by the time for which spending was stopped since it was set.';

comment on function cogo.stopped_seconds() is
  'Return how long spending has been stopped in all until now.';

comment on function cogo.subtract_seconds(timestamp with time zone,double precision) is
  'Return the time that is some seconds earlier; null takes off none.';

comment on function public.cogo_stop_spending(text,boolean) is
  'For operators: refuse every new call to a model, in the middle of a tool loop too, and claim nothing
that makes one, until cogo_resume_spending(). Nothing fails: what was refused is queued again. Calls
under way (running) end, or with p_cancel_running are aborted. Deadlines wait. Repeating it changes
nothing.';

revoke all on table cogo.past_stops from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.past_stops to service_role;

revoke all on function cogo.add_up_stops() from public, anon, authenticated, service_role;

grant execute on function cogo.add_up_stops() to service_role;

revoke all on function cogo.put_off_deadline(timestamp with time zone,double precision) from public, anon, authenticated, service_role;

grant execute on function cogo.put_off_deadline(timestamp with time zone,double precision) to service_role;

revoke all on function cogo.stopped_seconds() from public, anon, authenticated, service_role;

grant execute on function cogo.stopped_seconds() to service_role;

revoke all on function cogo.subtract_seconds(timestamp with time zone,double precision) from public, anon, authenticated, service_role;

grant execute on function cogo.subtract_seconds(timestamp with time zone,double precision) to authenticated;

grant execute on function cogo.subtract_seconds(timestamp with time zone,double precision) to service_role;

create index cogo_tasks_deadline ON public.cogo_tasks USING btree (cogo.subtract_seconds(deadline, stopped_seconds)) WHERE ((deadline IS NOT NULL) AND (finished_at IS NULL));

insert into cogo.schema_versions (version) values ('20261130155826')
on conflict (version) do nothing;
