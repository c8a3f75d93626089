-- Locks, in this order: the attempt (so that it cannot end unnoticed), the task's budget, the caps
-- by key. Spending is read after they are held: a snapshot from before would miss the last holder's.
create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
  returns table (answer text, scope text, detail text, resets_at timestamptz)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_said constant jsonb := cogo.plausible(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_said);
  v_usd numeric := case when v_call.simulated then 0 else (v_said ->> 'max_usd')::numeric end;
  v_budget numeric;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.act_as(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      return query select 'stale', null::text, 'the attempt is over', null::timestamptz;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    return query select 'ok', null::text, null::text, null::timestamptz;
    return;
  end if;
  detail := cogo.grant_problem(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'not_granted', null::text, detail, null::timestamptz;
    return;
  end if;
  detail := cogo.ban_problem(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'banned', null::text, detail, null::timestamptz;
    return;
  end if;

  select t.budget_usd into v_budget from public.cogo_tasks t where t.id = v_call.task_id;
  if v_budget is not null and v_call.simulated is not true then
    perform pg_advisory_xact_lock(hashtextextended('cogo.budget ' || v_call.task_id::text, 0));
    select p.* into answer, scope, detail, resets_at
      from cogo.cap_problem(
        'task', v_call.task_id::text, 'ever', v_budget, false,
        (
          select coalesce(sum(c.cost_usd), 0)
            from public.cogo_calls c where c.task_id = v_call.task_id
        ),
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(v_key, v_call.provider) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.cap_problem(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd, v_cap.allow_unpriced, v_cap.spent_usd,
        v_usd
      ) p;
    if answer is not null then
      return next;
      return;
    end if;
  end loop;

  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_said - 'prompt', v_usd
  )
  on conflict do nothing;
  return query select 'ok', null::text, null::text, null::timestamptz;
end;
$$;
comment on function public.cogo_begin_call(text, jsonb) is
  'Before a call to a model: reserves what it may cost at most (max_usd) under every cap that holds.
No cap holds a simulated call, which costs nothing. Answers ok, refused or wait (a cap, see scope and
detail), not_granted, banned, or stale. Whoever got ok
says how it ended with cogo_end_call; what ends with its attempt instead is lost.';

revoke all on function public.cogo_begin_call(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_begin_call(text, jsonb) to service_role;
