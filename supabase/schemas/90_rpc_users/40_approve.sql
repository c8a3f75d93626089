-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_approve_subtask(
  p_subtask_id uuid, p_approved boolean default true, p_comment text default null
)
  returns public.cogo_subtasks language plpgsql security definer set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
  v_error jsonb := jsonb_build_object(
    'class', 'rejected', 'message', coalesce(p_comment, 'the step was refused')
  );
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.status = 'waiting' and v_subtask.kind = 'ask' then
    update cogo.subtask_payloads p
       set metadata = p.metadata || jsonb_build_object(
             'approval', jsonb_build_object(
               'approved', p_approved, 'comment', p_comment, 'by', auth.uid(),
               'at', cogo.iso_timestamp(cogo.now())
             ) || case when p_approved then '{}' else jsonb_build_object('error', v_error) end
           )
     where p.subtask_id = p_subtask_id;
    if p_approved then
      update cogo.subtasks s
         set status = 'queued', needs_approval = false, run_at = null
       where s.id = p_subtask_id;
    else
      perform cogo.dead_letter_subtask(p_subtask_id, v_error);
    end if;
  elsif not exists (
    -- The first answer counts and may be repeated.
    select from cogo.subtask_payloads p
     where p.subtask_id = p_subtask_id
       and (p.metadata -> 'approval' ->> 'approved')::boolean = p_approved
  ) then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s is %s: it waits for no approval', p_subtask_id, v_subtask.status);
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$$;
comment on function public.cogo_approve_subtask is
  'Approve a waiting subtask, which queues it, or refuse it, which fails its task.';
