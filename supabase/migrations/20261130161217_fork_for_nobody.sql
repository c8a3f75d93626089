-- Fork for nobody.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_fork_task(p_task_id uuid, p_from_step text DEFAULT NULL::text, p_changes jsonb DEFAULT '{}'::jsonb, p_owner uuid DEFAULT NULL::uuid, p_idempotency_key text DEFAULT NULL::text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

comment on function public.cogo_fork_task(uuid,text,jsonb,uuid,text) is
  'Submit a task again with changes. With p_from_step, which needs an ended task, the steps that do not
depend on what that step gave are reused, and p_changes.prompt and model are those of the step. A
p_idempotency_key that was used for a fork of this task returns that. For operators, p_owner is whose it
is: null that of the original, the nil uuid nobody. Raises TQ002, TQ003 and TQ004.';

insert into cogo.schema_versions (version) values ('20261130161217')
on conflict (version) do nothing;
