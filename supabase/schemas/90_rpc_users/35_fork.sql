create or replace function cogo.validate_fork(p_task public.cogo_tasks, p_changes jsonb)
  returns void language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.validate_fork is 'Raise TQ004 for changes that a fork cannot have.';

create or replace function cogo.find_fork_step(
  p_task public.cogo_tasks, p_key text, p_changes jsonb
)
  returns cogo.subtasks language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.find_fork_step is
  'Return the step from which a task is forked. Raises TQ002, TQ003 and TQ004 if that is impossible.';

create or replace function cogo.move_to_session_copy(p_task public.cogo_tasks, p_new public.cogo_tasks)
  returns public.cogo_tasks language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.move_to_session_copy is
  'Return a fork with a copy of the session of its original as it was then, if they have one owner.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_fork_task(
  p_task_id uuid,
  p_from_step text default null,
  p_changes jsonb default '{}',
  p_owner uuid default null,
  p_idempotency_key text default null
)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'fork');
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
  v_new.owner := case
    when cogo.is_operator()
    then nullif(coalesce(p_owner, v_task.owner), '00000000-0000-0000-0000-000000000000')
    else auth.uid()
  end;
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
$$;
comment on function public.cogo_fork_task is
  'Submit a task again with changes. With p_from_step, which needs an ended task, the steps that do not
depend on what that step gave are reused, and p_changes.prompt and model are those of the step. A
p_idempotency_key that was used for a fork of this task returns that. For operators, p_owner is whose it
is: null that of the original, the nil uuid nobody. Raises TQ002, TQ003 and TQ004.';
