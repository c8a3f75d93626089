-- Security definer: the task of an idempotency key must be found under any policy. The insert
-- trigger sets the caller as owner.
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
  p_owner uuid default null,
  p_project text default null,
  p_tags text[] default '{}'
)
  returns public.cogo_tasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_id uuid;
  v_task public.cogo_tasks;
begin
  insert into public.cogo_tasks (
    prompt, type, params, priority, model, preferences, session_id, idempotency_key, budget_usd,
    deadline, run_at, stream, id, owner, project, tags
  ) values (
    p_prompt, p_type, p_params, p_priority, p_model, p_preferences, p_session_id,
    p_idempotency_key, p_budget_usd, p_deadline, p_run_at, p_stream, p_id, v_owner, p_project,
    p_tags
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
  -- Without p_deadline and p_run_at, which differ in a repetition.
  if v_id is null and (
    v_task.prompt, v_task.type, v_task.params, v_task.priority, v_task.model, v_task.preferences,
    v_task.session_id, v_task.budget_usd, v_task.stream, v_task.project, v_task.tags
  ) is distinct from (
    p_prompt, coalesce(p_type, 'GENERATE_CODE'), coalesce(p_params, '{}'), coalesce(p_priority, 5),
    cogo.normalize_model(p_model), coalesce(p_preferences, '{}'), p_session_id, p_budget_usd,
    coalesce(p_stream, true), cogo.clean_label(p_project), cogo.clean_tags(p_tags)
  ) then
    raise exception using
      errcode = 'TQ004',
      message = format(
        'the %s was used for another request: task %s',
        case when v_task.id = p_id then format('id %s', p_id)
             else format('idempotency key %L', left(p_idempotency_key, 100)) end,
        v_task.id
      ),
      hint = 'repeat the first request as it was, or choose a new key';
  end if;
  return v_task;
end;
$$;
comment on function public.cogo_submit_task is
  'Submit a task. A p_idempotency_key or p_id that the caller has used before returns its task. Only
operators set p_owner. Raises TQ004 for an id of another owner, and for a key or id of another
request (all but p_deadline and p_run_at must be the same).';
