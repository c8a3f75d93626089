-- Forget unheard calls.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_item constant jsonb := cogo.sanitize_usage(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_item);
  v_usd numeric := case when v_call.simulated then 0 else (v_item ->> 'max_usd')::numeric end;
  v_budget record;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.set_actor(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if exists (select from cogo.spending_stop) then
    -- Its holder asks again because it has not heard the answer, so it was not made.
    delete from cogo.reservations r where r.call_id = v_call.id and r.agent_id = p_agent_id;
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  select l.column_id, l.project, l.tags
    into v_call.column_id, v_call.project, v_call.tags
    from cogo.find_task_labels(v_call.task_id) l;
  v_call.tags := coalesce(v_call.tags, '{}');
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      answer := 'stale';
      detail := 'the attempt is over';
      return next;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    answer := 'ok';
    return next;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'not_granted';
    return next;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'banned';
    return next;
    return;
  end if;

  if v_call.simulated is not true then
    perform cogo.lock_task_budgets(array[v_call.task_id]);
    for v_budget in select b.* from cogo.task_budgets(v_call.task_id) b order by b.height loop
      select p.* into answer, scope, detail, resets_at
        from cogo.evaluate_cap(
          'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, v_budget.spent_usd,
          v_budget.reserved_usd, v_usd
        ) p;
      if answer is not null then
        if v_budget.height > 0 then
          detail := replace(
            detail, 'the task''s budget', format('the budget of its parent task %s', v_budget.task_id)
          );
        end if;
        question := cogo.build_budget_question(
          answer, v_call, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd,
          v_budget.spent_usd, v_budget.reserved_usd, v_usd
        );
        perform cogo.note_refusal(
          v_call, answer, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, detail,
          null, v_usd
        );
        return next;
        return;
      end if;
    end loop;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(
      array[v_key], array[v_call.provider], array[v_call.column_id], array[v_call.project]
    ) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd, v_cap.allow_unpriced,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      ) p;
    if answer is not null then
      question := cogo.build_budget_question(
        answer, v_call, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      );
      perform cogo.note_refusal(
        v_call, answer, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.allow_unpriced, detail, resets_at, v_usd
      );
      return next;
      return;
    end if;
  end loop;

  -- It may have waited for the locks of budgets.
  if exists (select from cogo.spending_stop) then
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd,
    column_id, project, tags
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd, v_call.column_id, v_call.project, v_call.tags
  )
  on conflict do nothing;
  answer := 'ok';
  return next;
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130133010')
on conflict (version) do nothing;
