create or replace function cogo.raise_cap(p_approval public.cogo_approvals)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_wait cogo.budget_waits;
begin
  select w.* into v_wait
    from cogo.budget_waits w
   where w.approval_id = p_approval.id
   order by w.subtask_id = p_approval.subtask_id desc, w.since
   limit 1;
  if not found then
    return;
  elsif v_wait.scope = 'task' then
    update public.cogo_tasks t
       set budget_usd = ceil(
             greatest(t.budget_usd, l.used_usd + p_approval.cost_usd) * 1e6
           ) / 1e6
      from cogo.find_cap(v_wait) l
     where t.id = v_wait.key::uuid and l.limit_usd is not null;
    return;
  end if;
  -- Calls that end or begin meanwhile are counted: the sum is read after the lock.
  perform
     from cogo.budgets b
    where (b.scope, b.key, b.per) = (v_wait.scope, v_wait.key, v_wait.per)
      for no key update;
  update cogo.budgets b
     set spent_usd = l.spent_usd, period_start = cogo.period_start(b.per, v_now),
         extra_usd = greatest(
           ceil((greatest(l.limit_usd, l.used_usd + p_approval.cost_usd) - b.limit_usd) * 1e6) / 1e6,
           0
         )
    from cogo.find_cap(v_wait) l
   where (b.scope, b.key, b.per) = (v_wait.scope, v_wait.key, v_wait.per);
end;
$$;
comment on function cogo.raise_cap is
  'Raise the cap that a question is about by what those who wait for it may cost: the budget of a task
for good, another one for its present period. The caller holds the locks of the question.';

create or replace function cogo.apply_budget_answer(p_approval public.cogo_approvals)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if p_approval.approved then
    perform cogo.raise_cap(p_approval);
  end if;
  -- Those whose task is locked now follow at the next housekeeping.
  update cogo.budget_waits w
     set check_at = cogo.now()
   where w.subtask_id in (
     select o.subtask_id from cogo.budget_waits o
      where o.approval_id = p_approval.id for no key update skip locked
   );
  perform cogo.settle_budget_waits(1000, p_approval.id);
end;
$$;
comment on function cogo.apply_budget_answer is
  'Raise a cap and let all that waited for it go on, or fail them. The caller holds the locks of the
question.';

create or replace function cogo.fail_budget_wait(
  p_wait cogo.budget_waits, p_approval public.cogo_approvals
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_error constant jsonb := jsonb_build_object(
    'class', case p_wait.scope when 'provider' then 'provider_spend_cap' else 'spend_cap' end,
    'message', format(
      '%s is spent, and more was %s', cogo.name_wait(p_wait), cogo.describe_answer(p_approval)
    )
  );
begin
  update cogo.subtask_payloads p set error = v_error where p.subtask_id = p_wait.subtask_id;
  perform cogo.dead_letter_subtask(p_wait.subtask_id, v_error);
end;
$$;
comment on function cogo.fail_budget_wait is
  'Fail a subtask whose budget people have refused to raise. The caller holds the task lock.';

create or replace function cogo.end_budget_wait(p_wait cogo.budget_waits)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.leave_budget_wait(p_wait.subtask_id);
  update cogo.subtasks s
     set status = case
           when s.status = 'waiting' and p_wait.child is null then 'queued' else s.status
         end,
         needs_approval = false
   where s.id = p_wait.subtask_id;
  if p_wait.child is not null then
    perform cogo.lock_trees(array[p_wait.task_id]);
    perform cogo.start_children(p_wait.task_id, array[p_wait.subtask_id], array[p_wait.child]);
  end if;
end;
$$;
comment on function cogo.end_budget_wait is
  'Let a subtask go on for which there is room now. The caller holds the task lock.';

create or replace function cogo.settle_budget_waits(p_limit integer, p_approval_id uuid default null)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_again constant interval := '10 seconds';
  v_ids uuid[];
  v_wait cogo.budget_waits;
  v_approval public.cogo_approvals;
  v_cap text;
  v_room numeric;
  v_is_asked boolean;
  v_count integer := 0;
begin
  if not exists (select from cogo.budget_waits) and not exists (
    select from public.cogo_approvals a
     where a.cap is not null and a.answered_at is null and a.withdrawn_at is null
  ) then
    return 0;
  end if;
  v_ids := array(
    select w.subtask_id
      from cogo.budget_waits w
      join public.cogo_tasks t on t.id = w.task_id
     where w.check_at <= cogo.now() and (p_approval_id is null or w.approval_id = p_approval_id)
     order by w.check_at, w.since
     limit p_limit
       for no key update of t skip locked
  );
  perform cogo.lock_budget_waits();
  for v_wait in
    select w.*
      from cogo.budget_waits w
     where w.subtask_id = any (v_ids)
     order by w.scope, w.key, w.per, w.since
  loop
    -- The one before may have failed their task.
    continue when not exists (
      select from cogo.budget_waits w where w.subtask_id = v_wait.subtask_id
    );
    -- What is reserved for child tasks of a budget depends on the one that asks.
    if v_cap is distinct from concat_ws(
      ':', v_wait.scope, v_wait.key, v_wait.per,
      case v_wait.scope when 'task' then v_wait.task_id end
    ) then
      v_cap := concat_ws(
        ':', v_wait.scope, v_wait.key, v_wait.per,
        case v_wait.scope when 'task' then v_wait.task_id end
      );
      v_room := (select l.limit_usd - l.used_usd from cogo.find_cap(v_wait) l);
      v_is_asked := false;
    end if;
    v_approval := null;
    select a.* into v_approval from public.cogo_approvals a where a.id = v_wait.approval_id;
    if v_approval.approved is false then
      perform cogo.fail_budget_wait(v_wait, v_approval);
    elsif v_room is null or v_wait.usd <= v_room then
      perform cogo.end_budget_wait(v_wait);
      v_room := v_room - v_wait.usd;
    else
      update cogo.budget_waits w
         set check_at = cogo.now() + v_again
       where w.subtask_id = v_wait.subtask_id;
      -- The numbers of an open question follow what has been spent since.
      if not v_is_asked or v_approval.id is null or v_approval.answered_at is not null
         or v_approval.withdrawn_at is not null then
        perform cogo.ask_for_budget(v_wait);
        v_is_asked := true;
      end if;
      continue;
    end if;
    v_count := v_count + 1;
  end loop;
  perform cogo.withdraw_budget_questions();
  return v_count;
end;
$$;
comment on function cogo.settle_budget_waits is
  'Let subtasks go on whose cap has room again, fail those that were refused, and ask where nobody was
asked, at most p_limit (with p_approval_id: those that wait for it); return how many have ended their
wait. Skips locked tasks.';

create or replace function cogo.recheck_budget_waits(p_scope text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.budget_waits w
     set check_at = cogo.now()
   where w.subtask_id in (
     select o.subtask_id from cogo.budget_waits o
      where o.scope = p_scope for no key update skip locked
   );
  perform cogo.settle_budget_waits(1000);
end;
$$;
comment on function cogo.recheck_budget_waits is
  'Let subtasks go on at once after the caps of a scope were changed. The caller holds the lock of the
questions.';
