-- Lock order: tasks (or, skipping, those that are free), then this lock, then approvals and budgets. Who
-- ends a subtask changes only the question that is kept at it.
create or replace function cogo.lock_budget_waits()
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtextextended('cogo.budget_waits', 0));
$$;
comment on function cogo.lock_budget_waits is
  'Lock the questions about budgets, so that a cap is asked about once.';

create or replace function cogo.validate_budget_wait(p_wait jsonb)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_budget constant jsonb := p_wait -> 'budget';
  v_field text;
begin
  if coalesce(nullif(p_wait -> 'approvals', 'null'), '[]') <> '[]' then
    return 'a subtask waits for a budget or for answers, not for both';
  end if;
  foreach v_field in array array['scope', 'key', 'per'] loop
    if jsonb_typeof(v_budget -> v_field) is distinct from 'string'
       or length(v_budget ->> v_field) > 500 then
      return format('wait.budget needs a text %s', v_field);
    end if;
  end loop;
  if not coalesce(cogo.is_number_between(v_budget -> 'usd', 0, 1e9), false) then
    return 'wait.budget needs usd, 0 to 1000000000';
  elsif v_budget ->> 'scope' = 'task' and cogo.to_uuid(v_budget ->> 'key') is null then
    return 'wait.budget of scope task needs the id of a task as key';
  end if;
  return null;
end;
$$;
comment on function cogo.validate_budget_wait is
  'Return why a subtask cannot wait for a budget, as a sentence; null if it can.';

create or replace function cogo.find_cap(
  p_wait cogo.budget_waits, out limit_usd numeric, out used_usd numeric, out spent_usd numeric,
  out resets_at timestamptz
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_wait.scope = 'task' then
    select b.budget_usd, b.spent_usd + b.reserved_usd, b.spent_usd
      into limit_usd, used_usd, spent_usd
      from cogo.task_budgets(p_wait.task_id) b where b.task_id = p_wait.key::uuid;
    return;
  end if;
  select b.limit_usd + case when p.is_over then 0 else b.extra_usd end,
         case when p.is_over then 0 else b.spent_usd end, cogo.period_end(b.per, cogo.now())
    into limit_usd, spent_usd, resets_at
    from cogo.budgets b
    cross join lateral (
      select b.period_start < cogo.period_start(b.per, cogo.now()) as is_over
    ) as p
   where (b.scope, b.key, b.per) = (p_wait.scope, p_wait.key, p_wait.per);
  used_usd := spent_usd + cogo.reserved_usd(p_wait.scope, p_wait.key);
end;
$$;
comment on function cogo.find_cap is
  'Return the cap that a subtask waits for, what is spent, and that with what is reserved; nulls if
there is none any more.';

create or replace function cogo.name_wait(p_wait cogo.budget_waits)
  returns text language sql stable
  return case
    when (p_wait).scope <> 'task' then cogo.name_cap((p_wait).scope, (p_wait).key)
    when (p_wait).key = (p_wait).task_id::text then 'the task''s budget'
    else format('the budget of its parent task %s', (p_wait).key)
  end;
comment on function cogo.name_wait is 'Return the name of the cap that a subtask waits for.';

create or replace function cogo.wait_for_budget(
  p_subtask cogo.subtasks, p_budget jsonb, p_child jsonb default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_wait cogo.budget_waits;
begin
  insert into cogo.budget_waits (subtask_id, task_id, owner, scope, key, per, usd, child)
  select p_subtask.id, t.id, t.owner, p_budget ->> 'scope', p_budget ->> 'key', p_budget ->> 'per',
         (p_budget ->> 'usd')::numeric, p_child
    from public.cogo_tasks t where t.id = p_subtask.task_id
  returning * into v_wait;
  update cogo.subtasks s
     set status = cogo.resting_status(t.status, s.deps_left, true, null, cogo.now(), s.kind),
         needs_approval = true, run_at = null, lease_expires_at = null, agent_id = null,
         claim_request = null
    from public.cogo_tasks t
   where s.id = p_subtask.id and t.id = s.task_id;
  perform cogo.lock_budget_waits();
  -- Of a cap that is gone there is nothing to ask: the housekeeping lets it go on.
  if (select l.limit_usd from cogo.find_cap(v_wait) l) is not null then
    perform cogo.ask_for_budget(v_wait);
  end if;
end;
$$;
comment on function cogo.wait_for_budget is
  'Let a subtask wait for a cap, without a failure, and ask the people who may raise it. The caller holds
the task lock and has ended the attempt.';

create or replace function cogo.leave_budget_wait(p_subtask_id uuid)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_next record;
begin
  delete from cogo.budget_waits w where w.subtask_id = p_subtask_id;
  if not found then
    return false;
  end if;
  -- The question stays for the others. The lock keeps their task from being deleted meanwhile.
  select w.task_id, w.subtask_id, a.id into v_next
    from public.cogo_approvals a
    join cogo.budget_waits w on w.approval_id = a.id
    join cogo.subtasks s on s.id = w.subtask_id
    join public.cogo_tasks t on t.id = w.task_id
   where a.subtask_id = p_subtask_id and a.cap is not null and a.answered_at is null
     and a.withdrawn_at is null and s.finished_at is null
   order by w.since
   limit 1
     for key share of t skip locked;
  if found then
    update public.cogo_approvals a
       set task_id = v_next.task_id, subtask_id = v_next.subtask_id
     where a.id = v_next.id and not exists (
       select from public.cogo_approvals o
        where o.subtask_id = v_next.subtask_id and o.key = a.key
     );
  end if;
  return true;
end;
$$;
comment on function cogo.leave_budget_wait is
  'Let a subtask wait for no budget any more, and keep its question at another one that does; return
whether it has waited. The caller holds the task lock.';
