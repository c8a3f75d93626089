-- Security definer: only the owner may write in realtime.messages.
create or replace function cogo.announce_approval(p_type text, p_approval public.cogo_approvals)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_envelope jsonb := cogo.build_envelope(
    p_type,
    cogo.truncate_payload(
      jsonb_build_object(
        'approval_id', p_approval.id, 'task_id', p_approval.task_id,
        'subtask_id', p_approval.subtask_id, 'key', p_approval.key, 'question', p_approval.question,
        'show', p_approval.show, 'by', p_approval."by", 'kind', p_approval.kind,
        'cost_usd', p_approval.cost_usd, 'expires_at', cogo.iso_timestamp(p_approval.expires_at),
        'on_expiry', p_approval.on_expiry, 'escalate_to', p_approval.escalate_to,
        'escalated_at', cogo.iso_timestamp(p_approval.escalated_at),
        'timestamp', cogo.iso_timestamp(cogo.now())
      ) || case p_type
        when 'APPROVAL_ANSWERED' then jsonb_build_object(
          'approved', p_approval.approved, 'comment', p_approval.comment,
          'answered_by', p_approval.answered_by, 'answered_who', p_approval.answered_who,
          'answered_via', p_approval.answered_via
        )
        when 'APPROVAL_WITHDRAWN' then jsonb_build_object('reason', p_approval.withdrawn_reason)
        else '{}'
      end
    ),
    cogo.current_actor(), 'cogo-tasks'
  );
  v_topics text[] := array['cogo-tasks', 'cogo-results:' || p_approval.task_id] || array(
    select distinct 'cogo-approvals:' || cogo.to_uuid(p.person)
      from (
        values (p_approval."by"),
               (case when p_approval.escalated_at is not null then p_approval.escalate_to end)
      ) as p (person)
     where cogo.to_uuid(p.person) is not null
     order by 1
  );
begin
  perform cogo.send_messages(v_topics, array_fill(v_envelope, array[cardinality(v_topics)]));
end;
$$;
comment on function cogo.announce_approval is
  'Send a message about an approval on cogo-tasks, on the topic of its task, and on those of the people
who are asked by name.';

create or replace function cogo.ask_approval(p_subtask cogo.subtasks)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval public.cogo_approvals;
begin
  -- One that waits in the middle of a tool loop has asked already, and asks again after a redrive. What
  -- waits for a budget asks about that.
  if exists (select from cogo.budget_waits w where w.subtask_id = p_subtask.id)
     or cogo.reopen_call_approvals(p_subtask) then
    return;
  end if;
  insert into public.cogo_approvals as a (
    task_id, subtask_id, owner, key, question, show, by, cost_usd, expires_at, on_expiry,
    escalate_at, escalate_to
  )
  select p_subtask.task_id, p_subtask.id, t.owner, p_subtask.key,
         coalesce(
           nullif(left(p.params ->> 'question', 10000), ''),
           format(
             'May the subtask %s (%s, in lane %s) run?', p_subtask.key, p_subtask.type, p_subtask.lane
           )
         ),
         nullif(p.params -> 'show', 'null'), p.params ->> 'by', o.cost_usd, o.expires_at,
         o.on_expiry, o.escalate_at, o.escalate_to
    from cogo.subtask_payloads p
    join public.cogo_tasks t on t.id = p_subtask.task_id
    cross join cogo.read_approval_options(p.params) o
   where p.subtask_id = p_subtask.id
  on conflict (subtask_id, key) do update
    set withdrawn_at = null, asked_at = excluded.asked_at, expires_at = excluded.expires_at,
        escalate_at = excluded.escalate_at, escalated_at = null
    where a.withdrawn_at is not null
  returning * into v_approval;
  if found then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
end;
$$;
comment on function cogo.ask_approval is
  'Ask a person about a subtask that waits for an approval: once, also if its task is paused and
resumed.';

create or replace function cogo.withdraw_approval(p_subtask cogo.subtasks)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_approval public.cogo_approvals;
begin
  if cogo.leave_budget_wait(p_subtask.id) then
    -- After a redrive it asks anew, if it has to.
    update cogo.subtasks s set needs_approval = false where s.id = p_subtask.id;
  end if;
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = cogo.now()
     where a.subtask_id = p_subtask.id and a.answered_at is null and a.withdrawn_at is null
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_WITHDRAWN', v_approval);
  end loop;
end;
$$;
comment on function cogo.withdraw_approval is
  'Withdraw the questions of a subtask that ended without an answer.';
