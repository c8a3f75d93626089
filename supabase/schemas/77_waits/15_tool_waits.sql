create or replace function cogo.validate_wait(p_subtask cogo.subtasks, p_wait jsonb)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_question jsonb;
  v_ids text[] := '{}';
  v_id text;
begin
  if p_subtask.kind = 'flow' or p_subtask.lane = 'cio' then
    return 'only a step may wait for answers of people';
  elsif jsonb_typeof(p_wait -> 'budget') = 'object' then
    return cogo.validate_budget_wait(p_wait);
  elsif jsonb_typeof(p_wait) <> 'object' or jsonb_typeof(p_wait -> 'approvals') is distinct from 'array'
  then
    return 'wait must be an object with a list of approvals';
  elsif jsonb_array_length(p_wait -> 'approvals') not between 1 and 100 then
    return 'wait.approvals must be 1 to 100 questions';
  end if;
  for v_question in select e.value from jsonb_array_elements(p_wait -> 'approvals') e loop
    v_id := case jsonb_typeof(v_question -> 'call_id') when 'string' then v_question ->> 'call_id' end;
    if coalesce(length(v_id), 0) not between 1 and 200 then
      return 'every question of wait.approvals needs a call_id of 1 to 200 characters';
    elsif v_id = any (v_ids) then
      return format('the call %s is asked about twice', v_id);
    elsif jsonb_typeof(v_question -> 'question') is distinct from 'string'
       or v_question ->> 'question' = '' then
      return format('call %s needs a text question', v_id);
    elsif octet_length((v_question -> 'show')::text) > 1048576 then
      return format('show of call %s has more than 1 MiB', v_id);
    elsif cogo.to_uuid(v_question ->> 'by') is null
      and coalesce(v_question ->> 'by', 'operators') <> 'operators' then
      return format('call %s: by must be the uuid of a person, or operators', v_id);
    elsif cogo.validate_approval_options(v_question) is not null then
      return format('call %s: %s', v_id, cogo.validate_approval_options(v_question));
    end if;
    v_ids := v_ids || v_id;
  end loop;
  return null;
end;
$$;
comment on function cogo.validate_wait is
  'Return why a subtask cannot wait for answers about calls of tools, as a sentence; null if it can.';

create or replace function cogo.ask_about_call(p_subtask cogo.subtasks, p_question jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_call_id constant text := p_question ->> 'call_id';
  v_approval public.cogo_approvals;
begin
  -- It may have been asked by an earlier attempt, and withdrawn with its task.
  update public.cogo_approvals a
     set withdrawn_at = null, asked_at = cogo.now(), attempt = p_subtask.attempt,
         question = left(p_question ->> 'question', 10000),
         show = nullif(p_question -> 'show', 'null'), by = p_question ->> 'by',
         cost_usd = o.cost_usd, expires_at = o.expires_at, on_expiry = o.on_expiry,
         escalate_at = o.escalate_at, escalate_to = o.escalate_to, escalated_at = null
    from cogo.read_approval_options(p_question) o
   where a.subtask_id = p_subtask.id and a.call_id = v_call_id and a.answered_at is null
  returning a.* into v_approval;
  if not found then
    -- Some servers number the calls of each answer anew.
    insert into public.cogo_approvals (
      task_id, subtask_id, owner, key, question, show, by, call_id, attempt, cost_usd, expires_at,
      on_expiry, escalate_at, escalate_to
    )
    select p_subtask.task_id, p_subtask.id, t.owner, k.key,
           left(p_question ->> 'question', 10000), nullif(p_question -> 'show', 'null'),
           p_question ->> 'by', v_call_id, p_subtask.attempt, o.cost_usd, o.expires_at, o.on_expiry,
           o.escalate_at, o.escalate_to
      from public.cogo_tasks t
      cross join cogo.read_approval_options(p_question) o
      cross join generate_series(1, 1000) as n (nth)
      cross join concat(p_subtask.key, '/', v_call_id, '#' || nullif(n.nth, 1)) as k (key)
     where t.id = p_subtask.task_id and not exists (
       select from public.cogo_approvals a where a.subtask_id = p_subtask.id and a.key = k.key
     )
     order by n.nth
     limit 1
    returning * into v_approval;
  end if;
  perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
end;
$$;
comment on function cogo.ask_about_call is
  'Ask a person about a call of a tool. The caller holds the task lock.';

create or replace function cogo.wait_for_answers(p_subtask cogo.subtasks, p_item jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'suspended', array[p_item -> 'usage']
  );
  if jsonb_typeof(p_item -> 'wait' -> 'budget') = 'object' then
    perform cogo.wait_for_budget(p_subtask, p_item -> 'wait' -> 'budget');
    return;
  end if;
  perform cogo.ask_about_call(p_subtask, e.value)
     from jsonb_array_elements(p_item -> 'wait' -> 'approvals') with ordinality as e (value, ordinal)
    order by e.ordinal;
  update cogo.subtasks s
     set status = cogo.resting_status(t.status, s.deps_left, true, null, cogo.now(), s.kind),
         needs_approval = true, failures = 0, reaps = 0, run_at = null, lease_expires_at = null,
         agent_id = null, claim_request = null
    from public.cogo_tasks t
   where s.id = p_subtask.id and t.id = s.task_id;
end;
$$;
comment on function cogo.wait_for_answers is
  'End an attempt whose subtask goes on when people have answered about its calls of tools, or when a
budget has room. The caller holds the task lock and has validated p_item.';

create or replace function cogo.record_call_answer(
  p_subtask cogo.subtasks, p_approval public.cogo_approvals
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.turns (subtask_id, seq, kind, attempt, body)
  select p_subtask.id, coalesce(max(u.seq), 0) + 1, 'approval', p_approval.attempt,
         jsonb_build_object(
           'call_id', p_approval.call_id, 'approved', p_approval.approved,
           'comment', p_approval.comment, 'by', p_approval.answered_by,
           'at', cogo.iso_timestamp(p_approval.answered_at)
         )
    from cogo.turns u where u.subtask_id = p_subtask.id;
  if not exists (
    select from public.cogo_approvals a
     where a.subtask_id = p_subtask.id and a.answered_at is null and a.withdrawn_at is null
  ) then
    update cogo.subtasks s
       set status = case s.status when 'waiting' then 'queued' else s.status end,
           needs_approval = false
     where s.id = p_subtask.id;
  end if;
end;
$$;
comment on function cogo.record_call_answer is
  'Add the answer about a call of a tool to the turns of its subtask, which is queued after the last one.
The caller holds the task lock.';

create or replace function cogo.reopen_call_approvals(p_subtask cogo.subtasks)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval public.cogo_approvals;
begin
  if p_subtask.kind = 'approve' or p_subtask.attempt = 0 or not exists (
    select from public.cogo_approvals a
     where a.subtask_id = p_subtask.id and a.attempt = p_subtask.attempt
  ) then
    return false;
  end if;
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = null, asked_at = cogo.now(), escalated_at = null,
           expires_at = cogo.now() + (a.expires_at - a.asked_at),
           escalate_at = cogo.now() + (a.escalate_at - a.asked_at)
     where a.subtask_id = p_subtask.id and a.attempt = p_subtask.attempt
       and a.withdrawn_at is not null
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end loop;
  return true;
end;
$$;
comment on function cogo.reopen_call_approvals is
  'Ask again what the last attempt of a subtask asked about calls of tools and was withdrawn; return
whether it had asked anything.';
