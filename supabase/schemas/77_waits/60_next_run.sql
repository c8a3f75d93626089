create or replace function cogo.repeat_task(p_task_id uuid, p_item jsonb)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
  -- A time without an offset is UTC.
  set timezone = 'UTC'
as $$
declare
  v_again constant jsonb := p_item -> 'again';
  v_task public.cogo_tasks;
  v_at timestamptz := nullif(v_again ->> 'at', '');
  v_id uuid;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  insert into public.cogo_tasks (
    type, prompt, params, priority, owner, session_id, model, preferences, budget_usd, deadline,
    run_at, stream, previous_task_id, project, tags
  ) values (
    v_task.type, v_task.prompt, coalesce(nullif(v_again -> 'params', 'null'), v_task.params),
    v_task.priority, v_task.owner, v_task.session_id, v_task.model, v_task.preferences,
    v_task.budget_usd,
    -- As long after its start as that of this run.
    coalesce(v_at, cogo.now()) + (v_task.deadline - coalesce(v_task.run_at, v_task.created_at)),
    v_at, v_task.stream, v_task.id, v_task.project, v_task.tags
  )
  returning id into v_id;
  return p_item || jsonb_build_object(
    'output',
    coalesce(nullif(v_again -> 'output', 'null'), '{}') || jsonb_build_object('next_task_id', v_id)
  );
exception
  -- Such as a model that is not granted any more: for the caller like any other invalid completion.
  when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
    raise data_exception using message = 'the next run cannot be inserted: ' || sqlerrm;
end;
$$;
comment on function cogo.repeat_task is
  'Insert the next run of a task whose workflow repeats itself; return the completion with its output, in
which next_task_id names that run.';

create or replace function cogo.validate_next_run(p_task_id uuid, p_again jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(coalesce(p_again -> 'params', 'null')) not in ('object', 'null') then
    return 'again.params must be an object';
  elsif jsonb_typeof(coalesce(p_again -> 'output', 'null')) not in ('object', 'null') then
    return 'again.output must be an object';
  elsif exists (
    select from public.cogo_tasks t where t.id = p_task_id and t.parent_task_id is not null
  ) then
    return 'a child task cannot repeat itself: let its parent do so';
  end if;
  return null;
end;
$$;
comment on function cogo.validate_next_run is
  'Return what is wrong with the next run of a task, as a sentence; null if it is valid.';
