-- Record operators actions.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.add_task_action(p_task public.cogo_tasks, p_after jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_operator constant jsonb := cogo.read_operator();
  v_owner constant uuid := cogo.to_uuid(v_operator ->> 'owner');
begin
  if v_operator ->> 'who' <> '' and (v_owner is null or p_task.owner is distinct from v_owner) then
    perform cogo.add_action(
      'task', p_task.id::text, jsonb_build_object('owner', p_task.owner, 'status', p_task.status),
      p_after
    );
  end if;
end;
$function$;

create or replace function cogo.authorize_task(p_task_id uuid, p_action text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (
     cogo.is_operator() or t.owner = auth.uid() or t.project = any (cogo.visible_projects())
   )
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  elsif not (
    cogo.is_operator() or coalesce(v_task.owner = auth.uid(), false)
    or cogo.is_editor(v_task.project, auth.uid())
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format('you may only read the tasks of the project %s', v_task.project),
      hint = 'an operator may make you one of its editors';
  end if;
  if p_action is not null then
    perform cogo.add_task_action(v_task, jsonb_build_object('action', p_action));
  end if;
  return v_task;
end;
$function$;

create or replace function public.cogo_answer_approval(p_approval_id uuid, p_approved boolean, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid, p_via text DEFAULT NULL::text)
 RETURNS public.cogo_approvals
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function public.cogo_approve_subtask(p_subtask_id uuid, p_approved boolean DEFAULT true, p_comment text DEFAULT NULL::text)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

comment on table public.cogo_actions is
  'What operators have done: every change of a control, and what they did to tasks that are not their
own. Append-only.';

comment on function cogo.add_task_action(public.cogo_tasks,jsonb) is
  'Record what an operator does to a task, unless it is their own: whoever has no owner has no own tasks.
What programs do in the name of nobody is not recorded.';

comment on function cogo.authorize_task(uuid,text) is
  'Lock and return a task that the caller may change: their own, one of a project that they edit, for
operators any, and p_action is recorded of them if it is given. Raises TQ002, TQ007.';

revoke all on function cogo.add_task_action(public.cogo_tasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.add_task_action(public.cogo_tasks,jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130141320')
on conflict (version) do nothing;
