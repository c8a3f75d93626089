create or replace function cogo.is_number_between(p_value jsonb, p_least numeric, p_most numeric)
  returns boolean language sql immutable
  return case jsonb_typeof(p_value)
    when 'number' then p_value::numeric between p_least and p_most else false
  end;
comment on function cogo.is_number_between is 'Return whether JSON is a number within limits.';

create or replace function cogo.validate_approval_options(p_options jsonb)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_options constant jsonb := jsonb_strip_nulls(coalesce(p_options, '{}'));
  v_escalate constant jsonb := v_options -> 'escalate';
  v_most constant numeric := 315360000;
begin
  if v_options ? 'cost_usd' and not cogo.is_number_between(v_options -> 'cost_usd', 0, 1e9) then
    return 'cost_usd must be a number of US dollars, 0 to 1000000000';
  elsif v_options ? 'expires_in'
    and not cogo.is_number_between(v_options -> 'expires_in', 1, v_most) then
    return 'expires_in must be a number of seconds, 1 to 315360000 (ten years)';
  elsif v_options ? 'on_expiry' and v_options -> 'on_expiry' not in ('"refuse"', '"approve"') then
    return 'on_expiry must be refuse or approve';
  elsif v_options ? 'on_expiry' and not v_options ? 'expires_in' then
    return 'on_expiry needs expires_in';
  elsif v_escalate is null then
    return null;
  elsif jsonb_typeof(v_escalate) <> 'object' or v_escalate - array['after', 'to'] <> '{}' then
    return 'escalate must be an object with after and to';
  elsif not coalesce(cogo.is_number_between(v_escalate -> 'after', 1, v_most), false) then
    return 'escalate.after must be a number of seconds, 1 to 315360000 (ten years)';
  elsif coalesce(v_escalate ->> 'to', '') <> 'operators'
    and cogo.to_uuid(v_escalate ->> 'to') is null then
    return 'escalate.to must be the uuid of a person, or operators';
  elsif v_options ? 'expires_in'
    and (v_escalate -> 'after')::numeric >= (v_options -> 'expires_in')::numeric then
    return 'escalate.after must be less than expires_in';
  end if;
  return null;
end;
$$;
comment on function cogo.validate_approval_options is
  'Return what is wrong with the cost, the expiry or the escalation of a question to a person, as a
sentence; null if they are valid.';

-- Those of planned subtasks are not validated: what cannot be read is left out.
create or replace function cogo.read_approval_options(
  p_options jsonb, out cost_usd numeric, out expires_at timestamptz, out on_expiry text,
  out escalate_at timestamptz, out escalate_to text
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  on_expiry := 'refuse';
  if cogo.validate_approval_options(p_options) is not null then
    return;
  end if;
  cost_usd := (p_options ->> 'cost_usd')::numeric;
  expires_at := cogo.now() + make_interval(secs => (p_options ->> 'expires_in')::float8);
  on_expiry := coalesce(p_options ->> 'on_expiry', on_expiry);
  escalate_at := cogo.now()
    + make_interval(secs => (p_options -> 'escalate' ->> 'after')::float8);
  escalate_to := case
    when escalate_at is not null then
      coalesce(
        cogo.to_uuid(p_options -> 'escalate' ->> 'to')::text, p_options -> 'escalate' ->> 'to'
      )
  end;
end;
$$;
comment on function cogo.read_approval_options is
  'Return the cost, the expiry and the escalation of a question that is asked now.';

create or replace function cogo.apply_answer(p_subtask cogo.subtasks, p_approval public.cogo_approvals)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_answer jsonb := jsonb_build_object(
    'approved', p_approval.approved, 'comment', p_approval.comment, 'by', p_approval.answered_by,
    'via', p_approval.answered_via, 'at', cogo.iso_timestamp(p_approval.answered_at)
  );
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_approval.comment, 'the step was refused')
  );
begin
  if p_approval.kind = 'budget' then
    perform cogo.apply_budget_answer(p_approval);
    return;
  elsif p_approval.call_id is not null then
    perform cogo.record_call_answer(p_subtask, p_approval);
    return;
  elsif p_subtask.kind = 'approve' then
    perform cogo.end_waiting_steps(array[p_subtask.id], array[v_answer], array[null::jsonb]);
    return;
  end if;
  update cogo.subtask_payloads p
     set metadata = p.metadata || jsonb_build_object(
           'approval',
           v_answer || case
             when p_approval.approved then '{}' else jsonb_build_object('error', v_error)
           end
         )
   where p.subtask_id = p_subtask.id;
  if p_approval.approved then
    update cogo.subtasks s
       set status = case s.status when 'waiting' then 'queued' else s.status end,
           needs_approval = false, run_at = null
     where s.id = p_subtask.id;
  else
    perform cogo.dead_letter_subtask(p_subtask.id, v_error);
  end if;
end;
$$;
comment on function cogo.apply_answer is
  'Continue after the answer of a person: a step of a workflow ends with it as its output; a tool loop
goes on after the last one; another subtask is queued, or fails its task if it was refused.';

create or replace function cogo.expire_approval(p_approval_id uuid)
  returns public.cogo_approvals language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval public.cogo_approvals;
begin
  update public.cogo_approvals a
     set answered_at = cogo.now(), approved = a.on_expiry = 'approve', answered_via = 'expiry',
         comment = format('nobody answered by %s', cogo.iso_timestamp(a.expires_at))
   where a.id = p_approval_id and a.expires_at <= cogo.now() and a.answered_at is null
     and a.withdrawn_at is null
  returning a.* into v_approval;
  if found then
    perform cogo.apply_answer(s, v_approval)
       from cogo.subtasks s
      where s.id = v_approval.subtask_id and s.status in ('waiting', 'held');
    perform cogo.announce_approval('APPROVAL_ANSWERED', v_approval);
  else
    select a.* into v_approval from public.cogo_approvals a where a.id = p_approval_id;
  end if;
  return v_approval;
end;
$$;
comment on function cogo.expire_approval is
  'Answer a question whose time has passed, as its on_expiry says. The caller holds the task lock.';

create or replace function cogo.expire_approvals(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_approval public.cogo_approvals;
begin
  select array_agg(due.id order by due.expires_at) into v_ids
    from (
      select a.id, a.expires_at
        from public.cogo_approvals a
        join public.cogo_tasks t on t.id = a.task_id
       where a.expires_at <= cogo.now() and a.answered_at is null and a.withdrawn_at is null
       order by a.expires_at
       limit p_limit
         for no key update of t skip locked
    ) as due;
  perform cogo.expire_approval(e.id) from unnest(v_ids) as e (id);

  for v_approval in
    update public.cogo_approvals a
       set escalated_at = cogo.now()
     where a.id in (
       select e.id
         from public.cogo_approvals e
        where e.escalate_at <= cogo.now() and e.escalated_at is null and e.answered_at is null
          and e.withdrawn_at is null and (e.expires_at > cogo.now()) is not false
        order by e.escalate_at
        limit p_limit
          for no key update skip locked
     )
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end loop;
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.expire_approvals is
  'Answer questions whose time has passed, and ask the next person where nobody has answered, at most
p_limit of each; return how many were answered. Skips locked tasks.';
