create or replace function cogo.build_budget_question(
  p_answer text, p_call public.cogo_calls, p_scope text, p_key text, p_per text, p_limit numeric,
  p_spent numeric, p_reserved numeric, p_usd numeric
)
  returns jsonb language sql stable
  -- A higher limit does not help where no price is known.
  return case
    when p_answer = 'refused' and p_usd is not null and (p_call).subtask_id is not null and exists (
      select from public.cogo_tasks t
       where t.id = (p_call).task_id and t.params ->> 'on_budget' = 'ask'
    ) then jsonb_build_object(
      'scope', p_scope, 'key', p_key, 'per', p_per, 'limit_usd', p_limit, 'spent_usd', p_spent,
      'reserved_usd', p_reserved, 'usd', p_usd, 'resets_at', cogo.period_end(p_per, cogo.now())
    )
  end;
comment on function cogo.build_budget_question is
  'Return what to ask people about a call that a cap refuses, if its task asks; else null.';

-- The caller holds the lock of the task and that of the questions.
create or replace function cogo.ask_for_budget(p_wait cogo.budget_waits)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_cap constant text := concat_ws(':', p_wait.scope, p_wait.key, p_wait.per);
  v_limit record;
  v_usd numeric;
  v_steps integer;
  v_needed numeric;
  v_question text;
  v_show jsonb;
  v_approval public.cogo_approvals;
  v_told numeric;
begin
  select a.* into v_approval
    from public.cogo_approvals a
   where a.cap = v_cap and a.owner is not distinct from p_wait.owner and a.answered_at is null
     and a.withdrawn_at is null;
  v_told := v_approval.cost_usd;
  select l.* into v_limit from cogo.find_cap(p_wait) l;
  select coalesce(sum(w.usd), 0) + p_wait.usd, count(*) + 1 into v_usd, v_steps
    from cogo.budget_waits w
   where w.approval_id = v_approval.id and w.subtask_id <> p_wait.subtask_id;
  v_needed := ceil(greatest(v_limit.used_usd + v_usd - v_limit.limit_usd, 0) * 1e6) / 1e6;
  v_question := format(
    '%s is $%s%s, and $%s of it are left. May $%s more be spent%s?', cogo.name_wait(p_wait),
    trim_scale(round(v_limit.limit_usd, 6)),
    case when p_wait.per in ('day', 'month') then ' a ' || p_wait.per else '' end,
    trim_scale(round(greatest(v_limit.limit_usd - v_limit.used_usd, 0), 6)), trim_scale(v_needed),
    ' until ' || cogo.iso_timestamp(v_limit.resets_at)
  );
  v_question := upper(left(v_question, 1)) || substr(v_question, 2);
  v_show := jsonb_build_object(
    'scope', p_wait.scope, 'key', p_wait.key, 'per', p_wait.per,
    'limit_usd', trim_scale(round(v_limit.limit_usd, 6)),
    'spent_usd', trim_scale(round(v_limit.spent_usd, 6)), 'needed_usd', trim_scale(v_needed),
    'resets_at', v_limit.resets_at,
    'steps', v_steps
  );
  if v_approval.id is null then
    insert into public.cogo_approvals (
      task_id, subtask_id, owner, key, question, show, by, cap, cost_usd
    )
    select p_wait.task_id, s.id, p_wait.owner, k.key, v_question, v_show,
           case when p_wait.scope <> 'task' then 'operators' end, v_cap, v_usd
      from cogo.subtasks s
      cross join generate_series(1, 10000) as n (nth)
      cross join concat(s.key, '/budget', '#' || nullif(n.nth, 1)) as k (key)
     where s.id = p_wait.subtask_id and not exists (
       select from public.cogo_approvals a where a.subtask_id = s.id and a.key = k.key
     )
     order by n.nth
     limit 1
    returning * into v_approval;
  else
    update public.cogo_approvals a
       set question = v_question, show = v_show, cost_usd = v_usd
     where a.id = v_approval.id
       and (a.question, a.show, a.cost_usd) is distinct from (v_question, v_show, v_usd);
    v_approval.question := v_question;
    v_approval.show := v_show;
    v_approval.cost_usd := v_usd;
  end if;
  update cogo.budget_waits w
     set approval_id = v_approval.id
   where w.subtask_id = p_wait.subtask_id;
  -- Those who were asked hear of it again when it is twice as much, not a hundred times.
  if v_told is null or floor(log(2, greatest(v_usd, 1e-6))) > floor(log(2, greatest(v_told, 1e-6)))
  then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
end;
$$;
comment on function cogo.ask_for_budget is
  'Ask whether a cap may be raised for a subtask that waits for it, with the open question of its owner
about the same cap, if there is one.';

create or replace function cogo.lock_budget_question(p_approval public.cogo_approvals)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform
     from public.cogo_tasks t
    where t.id in (
      p_approval.task_id,
      case p_approval.show ->> 'scope' when 'task' then cogo.to_uuid(p_approval.show ->> 'key') end
    )
    order by t.seq + 0  -- as in cogo.lock_tasks()
      for no key update;
  perform cogo.lock_budget_waits();
end;
$$;
comment on function cogo.lock_budget_question is
  'Lock what the answer about a budget changes first: the task at which the question is kept, and the one
whose budget it is about.';

create or replace function cogo.withdraw_budget_questions()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval public.cogo_approvals;
begin
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = cogo.now(),
           withdrawn_reason = 'the cap was raised, or its period has ended'
     where a.cap is not null and a.answered_at is null and a.withdrawn_at is null
       and not exists (select from cogo.budget_waits w where w.approval_id = a.id)
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_WITHDRAWN', v_approval);
  end loop;
end;
$$;
comment on function cogo.withdraw_budget_questions is
  'Withdraw the questions about budgets for which nothing waits any more. The caller holds the lock of
the questions.';
