-- Name who answered.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop policy "owners read their checkpoints" on cogo.checkpoints;

drop policy "owners read their child_tasks" on cogo.child_tasks;

drop policy "owners read their dependencies" on cogo.dependencies;

drop policy "owners read their events" on cogo.events;

drop policy "owners read their flows" on cogo.flows;

drop policy "owners read their subtask_outputs" on cogo.subtask_outputs;

drop policy "owners read their subtask_payloads" on cogo.subtask_payloads;

drop policy "owners read their subtasks" on cogo.subtasks;

drop policy "owners read their turns" on cogo.turns;

drop policy "owners read their attempts" on public.cogo_attempts;

drop policy "owners read their selections" on public.cogo_model_selections;

drop policy "owners read the ratings of their tasks" on public.cogo_ratings;

drop policy "owners read their sent events" on public.cogo_sent_events;

alter table public.cogo_approvals add column answered_who text;

create or replace function cogo.add_names(p_names jsonb, p_more jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select case when p_more is null then p_names else coalesce(p_names, '{}') || (
    select jsonb_object_agg(m.key, coalesce(p_names -> m.key, '[]') || m.value)
      from jsonb_each(p_more) m
  ) end;
$function$;

create or replace function cogo.announce_approval(p_type text, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.describe_answer(p_approval public.cogo_approvals)
 RETURNS text
 LANGUAGE sql
 STABLE
RETURN format('%s by %s at %s%s'::text, CASE WHEN (p_approval).approved THEN 'approved'::text ELSE 'refused'::text END, CASE WHEN ((p_approval).answered_via = 'expiry'::text) THEN 'its expiry'::text ELSE COALESCE(((p_approval).answered_by)::text, ('the operator '::text || (p_approval).answered_who), 'an operator'::text) END, cogo.iso_timestamp((p_approval).answered_at), (': '::text || (p_approval).comment));

create or replace function cogo.erase_traces(p_owner uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_tables constant text[] := array[
    'public.cogo_ratings', 'public.cogo_approvals', 'public.cogo_sent_events',
    'public.cogo_model_switches', 'cogo.cached_answers', 'cogo.api_keys', 'cogo.grants',
    'public.cogo_project_members', 'cogo.policies', 'cogo.owners', 'cogo.reservations', 'cogo.budgets',
    'cogo.judgement_quotas', 'public.cogo_actions'
  ];
  v_counts constant jsonb := cogo.add_counts('{}', (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
      from jsonb_each(cogo.count_owned(p_owner)) c where c.key = any (v_tables)
  ));
begin
  delete from cogo.owners o where o.owner = p_owner;
  delete from cogo.judgement_quotas q where q.owner = p_owner;
  -- In tasks of others: what they were asked and what came of it stays.
  delete from public.cogo_ratings r where r.person = p_owner;
  update public.cogo_approvals a
     set answered_by = case when a.answered_by = p_owner then v_nobody else a.answered_by end,
         answered_who = nullif(a.answered_who, 'user:' || p_owner),
         comment = case when a.answered_by = p_owner then null else a.comment end,
         by = case when a.by = p_owner::text then 'operators' else a.by end,
         escalate_to = case when a.escalate_to = p_owner::text then 'operators'
                            else a.escalate_to end
   where a.answered_by = p_owner or a.by = p_owner::text or a.escalate_to = p_owner::text
      or a.answered_who = 'user:' || p_owner;
  update public.cogo_sent_events e set sent_by = v_nobody where e.sent_by = p_owner;
  update public.cogo_model_switches w
     set scope = 'owner:erased' where w.scope = 'owner:' || p_owner;
  delete from cogo.cached_answers c where c.owner = p_owner;
  delete from cogo.api_keys k where k.owner = p_owner;
  delete from cogo.grants g where g.owner = p_owner;
  delete from public.cogo_project_members m where m.user_id = p_owner;
  delete from cogo.policies p where p.owner = p_owner;
  delete from cogo.reservations r where r.owner = p_owner;
  delete from cogo.budgets b where b.scope = 'owner' and b.key = p_owner::text;
  -- Last: the above is recorded.
  perform cogo.forget_owner_in_actions(p_owner);
  return v_counts;
end;
$function$;

create or replace function cogo.move_to_project()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update public.cogo_approvals a set project = new.project where a.task_id = new.id;
  update public.cogo_tasks t
     set project = new.project
   where t.parent_task_id = new.id and t.project is not distinct from old.project;
  return null;
end;
$function$;

create or replace function cogo.record_grants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_removed cogo.grants[];
  v_added cogo.grants[];
  v_changed record;
begin
  if tg_op <> 'INSERT' then
    v_removed := array(select (r.owner, r.kind, r.name)::cogo.grants from removed r);
  end if;
  if tg_op <> 'DELETE' then
    v_added := array(select (a.owner, a.kind, a.name)::cogo.grants from added a);
  end if;
  for v_changed in
    select k.subject,
           jsonb_object_agg(k.kind, k.names) filter (where not k.is_added) as before,
           jsonb_object_agg(k.kind, k.names) filter (where k.is_added) as after
      from (
        select case c.owner when '00000000-0000-0000-0000-000000000000' then 'none'
                            else c.owner::text end as subject,
               c.kind, c.is_added, jsonb_agg(c.name order by c.name) as names
          from (
            select r.*, false as is_added from unnest(v_removed) r
             where (r = any (v_added)) is not true
            union all
            select a.*, true from unnest(v_added) a where (a = any (v_removed)) is not true
          ) c
         group by c.owner, c.kind, c.is_added
      ) k
     group by k.subject
     order by k.subject
  loop
    update public.cogo_actions a
       set before = cogo.add_names(a.before, v_changed.before),
           after = cogo.add_names(a.after, v_changed.after)
     where a.id = (
       select l.id
         from (select n.*, n.xmin as by from public.cogo_actions n order by n.id desc limit 100) l
        where l.kind = 'grant' and l.subject = v_changed.subject and l.by = pg_current_xact_id()::xid
        limit 1
     );
    if not found then
      perform cogo.add_action('grant', v_changed.subject, v_changed.before, v_changed.after);
    end if;
  end loop;
  return null;
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
$function$;

create or replace trigger record_action AFTER UPDATE ON cogo.grants REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION cogo.record_grants();

create or replace trigger record_deletion AFTER DELETE ON cogo.grants REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION cogo.record_grants();

create or replace trigger record_insertion AFTER INSERT ON cogo.grants REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION cogo.record_grants();

create or replace trigger move_to_project AFTER UPDATE OF project ON public.cogo_tasks FOR EACH ROW WHEN ((new.project IS DISTINCT FROM old.project)) EXECUTE FUNCTION cogo.move_to_project();

create policy "who reads a task reads its checkpoints" on cogo.checkpoints as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = checkpoints.subtask_id))));

create policy "who reads a task reads its child tasks" on cogo.child_tasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = child_tasks.child_id))));

create policy "who reads a task reads its dependencies" on cogo.dependencies as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = dependencies.task_id))));

create policy "who reads a task reads its events" on cogo.events as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = events.task_id))));

create policy "who reads a task reads its flows" on cogo.flows as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = flows.task_id))));

create policy "who reads a task reads its subtask outputs" on cogo.subtask_outputs as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = subtask_outputs.subtask_id))));

create policy "who reads a task reads its subtask payloads" on cogo.subtask_payloads as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = subtask_payloads.subtask_id))));

create policy "who reads a task reads its subtasks" on cogo.subtasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = subtasks.task_id))));

create policy "who reads a task reads its turns" on cogo.turns as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = turns.subtask_id))));

create policy "who reads a task reads its attempts" on public.cogo_attempts as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_attempts.task_id))));

create policy "who reads a task reads its selections" on public.cogo_model_selections as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_model_selections.task_id))));

create policy "who reads a task reads its ratings" on public.cogo_ratings as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_ratings.task_id))));

create policy "who reads a task reads its sent events" on public.cogo_sent_events as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_sent_events.task_id))));

comment on column public.cogo_approvals.answered_who is
  'Who answered, as cogo_actions.who names them; null: nobody, or before this was stored.';

comment on function cogo.add_names(jsonb,jsonb) is
  'Return lists of names by kind with more of them.';

comment on function cogo.move_to_project() is
  'Give the questions and the child tasks of a task its new project. Of a trigger.';

comment on function cogo.record_grants() is
  'Record which grants of an owner a transaction removes (before) and adds (after), as one action. Of
triggers.';

revoke all on function cogo.add_names(jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.add_names(jsonb,jsonb) to service_role;

revoke all on function cogo.move_to_project() from public, anon, authenticated, service_role;

grant execute on function cogo.move_to_project() to service_role;

revoke all on function cogo.record_grants() from public, anon, authenticated, service_role;

grant execute on function cogo.record_grants() to service_role;

insert into cogo.schema_versions (version) values ('20261130163924')
on conflict (version) do nothing;
