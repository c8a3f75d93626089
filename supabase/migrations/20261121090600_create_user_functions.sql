-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0900_authorize_task.sql
create or replace function cogo.authorize_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
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
  return v_task;
end;
$$;
comment on function cogo.authorize_task(uuid) is
  'The task, locked, if the caller owns it or is an operator. Raises TQ002 otherwise.';

revoke all on function cogo.authorize_task(uuid) from public, anon, authenticated, service_role;

-- schemas/0910_cogo_submit_task.sql
-- Security definer: the row that an idempotency key names must be found under any policy.
-- The insert trigger makes the caller its owner.
create or replace function public.cogo_submit_task(
  p_prompt text,
  p_type text default 'GENERATE_CODE',
  p_params jsonb default '{}',
  p_priority integer default 5,
  p_model text default null,
  p_preferences jsonb default '{}',
  p_session_id uuid default null,
  p_idempotency_key text default null,
  p_budget_usd numeric default null,
  p_deadline timestamptz default null,
  p_run_at timestamptz default null,
  p_stream boolean default true,
  p_id uuid default null,
  p_owner uuid default null
)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_owner uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_id uuid;
  v_task public.cogo_tasks;
begin
  insert into public.cogo_tasks (
    prompt, type, params, priority, model, preferences, session_id, idempotency_key, budget_usd,
    deadline, run_at, stream, id, owner
  ) values (
    p_prompt, p_type, p_params, p_priority, p_model, p_preferences, p_session_id,
    p_idempotency_key, p_budget_usd, p_deadline, p_run_at, p_stream, p_id, v_owner
  )
  on conflict do nothing
  returning id into v_id;

  select t.* into v_task
    from public.cogo_tasks t
   where t.id = v_id
      or (
        v_id is null
        and (t.id = p_id or t.idempotency_key = p_idempotency_key)
        and t.owner is not distinct from v_owner
      );
  if not found then
    raise exception using errcode = 'TQ004', message = format('the id %s is taken', p_id);
  end if;
  -- Not what depends on the time of asking: a repetition says a later deadline.
  if v_id is null and (
    v_task.prompt, v_task.type, v_task.params, v_task.priority, v_task.model, v_task.preferences,
    v_task.session_id, v_task.budget_usd, v_task.stream
  ) is distinct from (
    p_prompt, coalesce(p_type, 'GENERATE_CODE'), coalesce(p_params, '{}'), coalesce(p_priority, 5),
    cogo.requested_model(p_model), coalesce(p_preferences, '{}'), p_session_id, p_budget_usd,
    coalesce(p_stream, true)
  ) then
    raise exception using
      errcode = 'TQ004',
      message = format(
        'the %s asked for something else before: that is task %s',
        case when v_task.id = p_id then format('id %s', p_id)
             else format('idempotency key %L', left(p_idempotency_key, 100)) end,
        v_task.id
      ),
      hint = 'repeat the first request as it was, or choose a new key';
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean,
  uuid, uuid
) is 'Asks for a task. A p_idempotency_key or p_id that the caller has used gives the task it made;
only operators choose p_owner. Raises TQ004 for an id that is somebody else''s, and for a key or id that
asked for something else (all but p_deadline and p_run_at must be the same).';

revoke all on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean,
  uuid, uuid
) from public, anon, authenticated, service_role;
grant execute on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean,
  uuid, uuid
) to authenticated, service_role;

-- schemas/0920_cogo_cancel_task.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text default null)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using
        errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    perform cogo.close_subtasks(array[p_task_id], v_reason);
    update public.cogo_tasks t
       set status = 'cancelled',
           error = jsonb_build_object('class', 'cancelled', 'message', v_reason),
           cancel_requested_at = cogo.now(),
           paused_at = null,
           finished_at = cogo.now()
     where t.id = p_task_id;
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_cancel_task(uuid, text) is
  'Cancels an open task at once; its running subtasks are asked to stop.';

revoke all on function public.cogo_cancel_task(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_cancel_task(uuid, text) to authenticated, service_role;

-- schemas/0930_cogo_redrive_task.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_redrive_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  end if;

  update public.cogo_tasks t
     set status = case
           when exists (
             select from cogo.subtasks s
              where s.task_id = t.id and s.type = 'PLAN' and s.status = 'completed'
           ) then 'running' else 'pending'
         end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Those that were asked to stop and have not answered lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    perform cogo.hand_back(v_subtask, 'cancelled', null, false);
  end loop;

  -- To redrive what a person refused is to approve it. What others went on without stays dead.
  update cogo.subtasks s
     set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
         dead_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task';
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled';
  update cogo.subtasks s
     set status = cogo.standing('running', 0, s.needs_approval, s.run_at, v_now)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_redrive_task(uuid) is
  'Puts a failed task back to work where it stopped, with fresh limits; what is done stays done.';

revoke all on function public.cogo_redrive_task(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_redrive_task(uuid) to authenticated, service_role;

-- schemas/0935_cogo_redrive_subtask.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
  returns public.cogo_subtasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id) a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format('subtask %s came to nothing and its task went on without', p_subtask_id);
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    update cogo.subtasks s
       set status = 'queued', failures = 0, reaps = 0, needs_approval = false, run_at = null,
           dead_at = null, finished_at = null
     where s.id = p_subtask_id;
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
$$;
comment on function public.cogo_redrive_subtask(uuid) is
  'Puts a dead letter back to work with fresh limits, and its task with it when that failed; not
when others have already gone on without it.';

revoke all on function public.cogo_redrive_subtask(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_redrive_subtask(uuid) to authenticated, service_role;

-- schemas/0940_cogo_pause_task.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_pause_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  update public.cogo_tasks t
     set status = 'held', paused_at = cogo.now()
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = 'held'
   where s.task_id = p_task_id and s.status in ('blocked', 'queued', 'delayed', 'waiting');
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_pause_task(uuid) is
  'Holds a task: what runs is finished, nothing else is claimed until it is resumed.';

revoke all on function public.cogo_pause_task(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cogo_pause_task(uuid) to authenticated, service_role;

-- schemas/0950_cogo_resume_task.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_resume_task(p_task_id uuid)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = p_task_id;
  update cogo.subtasks s
     set status = cogo.standing('running', s.deps_left, s.needs_approval, s.run_at, cogo.now())
   where s.task_id = p_task_id and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$$;
comment on function public.cogo_resume_task(uuid) is 'Lets a held task go on.';

revoke all on function public.cogo_resume_task(uuid) from public, anon, authenticated, service_role;
grant execute on function public.cogo_resume_task(uuid) to authenticated, service_role;

-- schemas/0960_cogo_approve_subtask.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_approve_subtask(
  p_subtask_id uuid, p_approved boolean default true, p_comment text default null
)
  returns public.cogo_subtasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_comment, 'a person refused this step')
  );
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.status = 'waiting' then
    update cogo.subtask_payloads p
       set metadata = p.metadata || jsonb_build_object(
             'approval', jsonb_build_object(
               'approved', p_approved, 'comment', p_comment, 'by', auth.uid(),
               'at', cogo.iso(cogo.now())
             ) || case when p_approved then '{}' else jsonb_build_object('error', v_error) end
           )
     where p.subtask_id = p_subtask_id;
    if p_approved then
      update cogo.subtasks s
         set status = 'queued', needs_approval = false, run_at = null
       where s.id = p_subtask_id;
    else
      perform cogo.bury_subtask(p_subtask_id, v_error);
    end if;
  elsif not exists (
    -- The first answer wins, and may be repeated.
    select from cogo.subtask_payloads p
     where p.subtask_id = p_subtask_id
       and (p.metadata -> 'approval' ->> 'approved')::boolean = p_approved
  ) then
    raise exception using
      errcode = 'TQ003',
      message = format('subtask %s is %s: nobody is asked', p_subtask_id, v_subtask.status);
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_approve_subtask(uuid, boolean, text) is
  'Answers a subtask that waits for a person: yes queues it, no fails its task.';

revoke all on function public.cogo_approve_subtask(uuid, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_approve_subtask(uuid, boolean, text)
  to authenticated, service_role;

-- schemas/0962_cogo_feedback.sql
-- Security definer: owners may not write the tables; the function checks who asks.
create or replace function public.cogo_feedback(
  p_task_id uuid, p_score numeric, p_comment text default null, p_person uuid default null
)
  returns public.cogo_ratings
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_weight constant double precision := 3;
  v_model_id text;
  v_task_type text;
  v_old public.cogo_ratings;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using
      errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using
      errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select a.model_id, coalesce(chosen.task_type, 'general') into v_model_id, v_task_type
    from cogo.subtasks s
    join public.cogo_attempts a on a.subtask_id = s.id and a.outcome = 'completed'
    left join lateral (
      select m.requirements ->> 'taskType' as task_type
        from public.cogo_model_selections m
       where m.subtask_id = s.id
       order by m.created_at desc
       limit 1
    ) as chosen on true
   where s.task_id = p_task_id and s.sink and a.model_id is not null
   order by a.attempt desc
   limit 1;
  if v_model_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  select r.* into v_old
    from public.cogo_ratings r where r.task_id = p_task_id and r.person = v_person;
  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (p_task_id, v_person, p_score, p_comment, v_model_id, v_task_type)
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  if v_task.simulated then
    return v_new;
  end if;
  -- What a person says is rarer and surer than that an answer came: it weighs as much as three.
  insert into cogo.model_outcomes as m (model_id, task_type, judged, good)
  values (v_model_id, v_task_type, v_weight, v_weight * p_score)
  on conflict (model_id, task_type, after) do update
    set judged = m.judged
          + case when v_old.model_id is distinct from v_model_id then v_weight else 0 end,
        good = greatest(0, m.good + v_weight * (
          p_score - case when v_old.model_id = v_model_id then v_old.score else 0 end
        ));
  return v_new;
end;
$$;
comment on function public.cogo_feedback(uuid, numeric, text, uuid) is
  'Says how good the answer of a task was, from 0 to 1: for its owner, who may think again, and for
operators, who may pass on what p_person says. The model that gave the answer learns from it, unless
the answer was simulated.';

revoke all on function public.cogo_feedback(uuid, numeric, text, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_feedback(uuid, numeric, text, uuid)
  to authenticated, service_role;

-- schemas/0964_cogo_forget_embeddings.sql
-- Security definer: owners may not write the table; a person forgets what is theirs, whatever p_owner
-- says.
create or replace function public.cogo_forget_embeddings(
  p_owner uuid default null,
  p_every_owner boolean default false,
  p_ids uuid[] default null,
  p_model_id text default null,
  p_content text default null,
  p_source text default null,
  p_before timestamptz default null,
  p_dry_run boolean default false
)
  returns table (forgotten integer)
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_operator constant boolean := cogo.is_operator();
  v_owner constant uuid := case when v_operator then p_owner else auth.uid() end;
  v_ids uuid[];
begin
  if num_nonnulls(p_ids, p_model_id, p_content, p_source, p_before) = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'say which texts: by p_ids, p_model_id, p_content, p_source or p_before '
                '(infinity: all of them)';
  end if;
  -- In one order, so that it and a writer of the same texts never wait in a circle.
  select coalesce(array_agg(m.id), '{}') into v_ids
    from (
      select e.id
        from public.cogo_embeddings e
       where (
               e.owner = v_owner
               or v_operator and (p_every_owner or e.owner is null and v_owner is null)
             )
         and (p_ids is null or e.id = any (p_ids))
         and (p_model_id is null or e.model_id = p_model_id)
         and (
           p_content is null
           or e.content_sha256 = encode(sha256(convert_to(p_content, 'UTF8')), 'hex')
         )
         and (p_source is null or e.source = p_source)
         and (p_before is null or e.created_at < p_before)
       order by e.model_id, e.dimensions, e.simulated, e.content_sha256
         for update
    ) as m;
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_embeddings e where e.id = any (v_ids);
  end if;
  forgotten := cardinality(v_ids);
  return next;
end;
$$;
comment on function public.cogo_forget_embeddings(
  uuid, boolean, uuid[], text, text, text, timestamptz, boolean
) is
  'Deletes kept texts with their vectors: those for which everything holds that is given. A person
forgets their own; an operator those of an owner (null: of nobody) or, with p_every_owner, of all. Says
how many; with p_dry_run it only counts them.';

revoke all on function public.cogo_forget_embeddings(
  uuid, boolean, uuid[], text, text, text, timestamptz, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.cogo_forget_embeddings(
  uuid, boolean, uuid[], text, text, text, timestamptz, boolean
) to authenticated, service_role;

-- schemas/0970_cogo_schema_versions.sql
-- Security definer: the table itself is nobody's business, which version this is may be asked.
create or replace function public.cogo_schema_versions()
  returns table (version text)
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select v.version from cogo.schema_versions v order by v.version;
$$;
comment on function public.cogo_schema_versions() is 'The migrations that this database has.';

revoke all on function public.cogo_schema_versions() from public, anon, authenticated, service_role;
grant execute on function public.cogo_schema_versions() to authenticated, service_role;

-- schemas/0972_cogo_check_writes.sql
-- To truncate is to begin a new file: on a full disk that fails, where the update of a row may find
-- room in an old one. Whoever comes within five seconds, or at the same time, takes the last answer.
create or replace function public.cogo_check_writes()
  returns table (at timestamptz)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if not exists (
    select 1 from cogo.write_checks c
     where c.at between cogo.now() - interval '5 seconds' and cogo.now()
  ) and pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('cogo.write_checks')) then
    truncate cogo.write_checks;
    insert into cogo.write_checks default values;
  end if;
  return query select coalesce(max(c.at), cogo.now()) from cogo.write_checks c;
end;
$$;
comment on function public.cogo_check_writes() is
  'For health checks: writes something that needs room on the disk. Fails as any write does when the
database cannot write.';

revoke all on function public.cogo_check_writes() from public, anon, authenticated, service_role;
grant execute on function public.cogo_check_writes() to service_role;

-- schemas/0980_can_read_topic.sql
-- Security definer: Realtime asks as the user, who need not be able to read cogo_tasks to be
-- told no.
create or replace function cogo.can_read_topic(p_topic text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and t.owner = (select auth.uid())
  );
$$;
comment on function cogo.can_read_topic(text) is
  'Whether the calling user may listen: to the results of their own tasks, and to nothing else.';

revoke all on function cogo.can_read_topic(text) from public, anon, authenticated, service_role;
grant execute on function cogo.can_read_topic(text) to authenticated, service_role;

insert into cogo.schema_versions (version) values ('20261121090600')
on conflict (version) do nothing;
