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
  p_stream boolean default true
)
  returns public.cogo_tasks
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_id uuid;
  v_task public.cogo_tasks;
begin
  insert into public.cogo_tasks (
    prompt, type, params, priority, model, preferences, session_id, idempotency_key, budget_usd,
    deadline, run_at, stream
  ) values (
    p_prompt, p_type, p_params, p_priority, p_model, p_preferences, p_session_id,
    p_idempotency_key, p_budget_usd, p_deadline, p_run_at, p_stream
  )
  on conflict (owner, idempotency_key) where idempotency_key is not null do nothing
  returning id into v_id;

  select t.* into v_task
    from public.cogo_tasks t
   where t.id = v_id
      or (
        v_id is null
        and t.idempotency_key = p_idempotency_key
        and t.owner is not distinct from case when not cogo.is_operator() then auth.uid() end
      );
  return v_task;
end;
$$;
comment on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean
) is 'Asks for a task. A p_idempotency_key that the caller has used gives the task it made.';

revoke all on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean
) from public, anon, authenticated, service_role;
grant execute on function public.cogo_submit_task(
  text, text, jsonb, integer, text, jsonb, uuid, text, numeric, timestamptz, timestamptz, boolean
) to authenticated, service_role;
