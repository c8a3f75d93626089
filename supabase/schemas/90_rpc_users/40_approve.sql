create or replace function cogo.describe_answer(p_approval public.cogo_approvals)
  returns text language sql stable
  return format(
    '%s by %s at %s%s',
    case when (p_approval).approved then 'approved' else 'refused' end,
    case
      when (p_approval).answered_via = 'expiry' then 'its expiry'
      else coalesce(
        (p_approval).answered_by::text, 'the operator ' || (p_approval).answered_who, 'an operator'
      )
    end,
    cogo.iso_timestamp((p_approval).answered_at), ': ' || (p_approval).comment
  );
comment on function cogo.describe_answer is 'Return how an approval was answered, for a sentence.';

create or replace function cogo.is_asked(p_approval public.cogo_approvals, p_person uuid)
  returns boolean language sql immutable
  return coalesce(
    (p_approval)."by" = p_person::text
    or (p_approval).escalated_at is not null and (p_approval).escalate_to = p_person::text, false
  );
comment on function cogo.is_asked is
  'Return whether a question was put to a person by name, at first or when nobody had answered.';

-- Security definer: people may not write the tables; the caller is checked here.
create or replace function public.cogo_answer_approval(
  p_approval_id uuid, p_approved boolean, p_comment text default null, p_person uuid default null,
  p_via text default null
)
  returns public.cogo_approvals language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_person uuid := case when cogo.is_operator() then p_person else auth.uid() end;
  v_is_operator boolean := cogo.is_operator() and p_person is null;
  v_approval public.cogo_approvals;
  v_subtask cogo.subtasks;
begin
  if p_approved is null then
    raise exception using errcode = 'TQ004', message = 'p_approved must be true or false';
  elsif p_via !~ '^[a-z][a-z0-9_.-]{0,49}$' or p_via = 'expiry' then
    raise exception using errcode = 'TQ004',
      message = 'p_via must be 1 to 50 of a-z 0-9 _ . -, such as http, and not expiry';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  select a.* into v_approval from public.cogo_approvals a where a.id = p_approval_id;
  if not found
     or not (
       v_is_operator or v_approval.owner = v_person or cogo.is_asked(v_approval, v_person)
       or cogo.is_editor(v_approval.project, v_person)
     ) is true then
    raise exception using errcode = 'TQ002',
      message = format('there is no approval %s, or it is not yours', p_approval_id);
  end if;
  if v_approval.kind = 'budget' then
    perform cogo.lock_budget_question(v_approval);
  else
    perform from public.cogo_tasks t where t.id = v_approval.task_id for no key update;
  end if;
  v_approval := cogo.expire_approval(p_approval_id);

  if v_approval.answered_at is not null then
    -- The first answer counts and may be repeated.
    if v_approval.approved = p_approved then
      return v_approval;
    end if;
    raise exception using errcode = 'TQ003',
      message = format('%s was %s', v_approval.key, cogo.describe_answer(v_approval));
  elsif not v_is_operator and v_approval."by" is not null
        and not cogo.is_asked(v_approval, v_person) then
    raise exception using errcode = 'TQ003',
      message = format(
        'only %s may answer %s',
        case v_approval."by" when 'operators' then 'operators' else 'person ' || v_approval."by" end,
        v_approval.key
      );
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = v_approval.subtask_id;
  if v_subtask.status not in ('waiting', 'held') and v_approval.kind <> 'budget'
     or v_approval.withdrawn_at is not null then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s is %s: it waits for no approval', v_approval.key,
        case when v_approval.withdrawn_at is null then v_subtask.status else 'withdrawn' end
          || coalesce(' (' || v_approval.withdrawn_reason || ')', '')
      );
  end if;

  update public.cogo_approvals a
     set answered_at = cogo.now(), approved = p_approved, answered_by = v_person,
         answered_who = case when v_is_operator then cogo.current_who() else 'user:' || v_person end,
         comment = p_comment, answered_via = p_via
   where a.id = p_approval_id
  returning a.* into v_approval;
  -- Without the comment: it is kept with the question, and erased with it.
  perform cogo.add_task_action(
            t, jsonb_build_object(
                 'action', 'answer_approval', 'approval', v_approval.key, 'approved', p_approved
               )
          )
     from public.cogo_tasks t where t.id = v_approval.task_id;
  perform cogo.apply_answer(v_subtask, v_approval);
  perform cogo.announce_approval('APPROVAL_ANSWERED', v_approval);
  return v_approval;
end;
$$;
comment on function public.cogo_answer_approval is
  'Answer a question to people. The first answer counts: repeating it returns the row, another one raises
TQ003 with the first. Operators answer for p_person, or without it as operators. p_via is recorded as
answered_via.';

-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_approve_subtask(
  p_subtask_id uuid, p_approved boolean default true, p_comment text default null
)
  returns public.cogo_subtasks language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval_id uuid;
  v_open text[];
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id, null)  -- the answer is recorded
     from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  -- Without an open one the last, whose first answer counts.
  select a.id, array_agg(a.key) filter (where a.answered_at is null and a.withdrawn_at is null) over ()
    into v_approval_id, v_open
    from public.cogo_approvals a
   where a.subtask_id = p_subtask_id or a.id = (
     select w.approval_id from cogo.budget_waits w where w.subtask_id = p_subtask_id
   )
   order by a.answered_at is null and a.withdrawn_at is null desc, a.seq desc
   limit 1;
  if cardinality(v_open) > 1 then
    raise exception using errcode = 'TQ003',
      message = format(
        'subtask %s waits for %s approvals: %s', p_subtask_id, cardinality(v_open),
        array_to_string(v_open, ', ')
      ),
      hint = 'answer each of them with cogo_answer_approval()';
  elsif v_approval_id is null then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s waits for no approval', p_subtask_id);
  end if;
  perform public.cogo_answer_approval(v_approval_id, p_approved, p_comment);
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_approve_subtask is
  'Answer the only open approval of a subtask, like cogo_answer_approval().';
