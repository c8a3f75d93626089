-- Columns.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.instance (
  system_identifier text not null,
  hosts text[] not null,
  adopted_at timestamp with time zone default cogo.now() not null,
  adopted_by text not null,
  verified_until timestamp with time zone not null,
  inherited_to bigint
);

alter table cogo.instance enable row level security;

alter table cogo.budgets add column extra_usd numeric default 0 not null;

alter table public.cogo_approvals add column answered_via text;

alter table public.cogo_approvals add column cap text;

alter table public.cogo_approvals add column cost_usd numeric;

alter table public.cogo_approvals add column escalate_at timestamp with time zone;

alter table public.cogo_approvals add column escalate_to text;

alter table public.cogo_approvals add column escalated_at timestamp with time zone;

alter table public.cogo_approvals add column expires_at timestamp with time zone;

alter table public.cogo_approvals add column kind text generated always as (
CASE
    WHEN (cap IS NOT NULL) THEN 'budget'::text
    WHEN (call_id IS NOT NULL) THEN 'tool'::text
    ELSE 'step'::text
END) stored not null;

alter table public.cogo_approvals add column on_expiry text default 'refuse'::text not null;

alter table public.cogo_approvals add column withdrawn_reason text;

alter table cogo.budgets add constraint budgets_extra_usd_check CHECK ((extra_usd >= (0)::numeric));

alter table cogo.instance add constraint instance_hosts CHECK ((cardinality(hosts) > 0));

alter table cogo.instance add constraint instance_pkey PRIMARY KEY (system_identifier);

alter table public.cogo_approvals add constraint cogo_approvals_escalation CHECK (((escalate_at IS NULL) = (escalate_to IS NULL)));

alter table public.cogo_approvals add constraint cogo_approvals_on_expiry_check CHECK ((on_expiry = ANY (ARRAY['refuse'::text, 'approve'::text])));

create index cogo_approvals_due ON public.cogo_approvals USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create index cogo_approvals_escalating ON public.cogo_approvals USING btree (escalate_at) WHERE ((escalate_at IS NOT NULL) AND (escalated_at IS NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create or replace function cogo.announce_approval(p_type text, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
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
          'answered_by', p_approval.answered_by, 'answered_via', p_approval.answered_via
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

create or replace function cogo.build_budget_question(p_answer text, p_call public.cogo_calls, p_scope text, p_key text, p_per text, p_limit numeric, p_spent numeric, p_reserved numeric, p_usd numeric)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
RETURN CASE WHEN ((p_answer = 'refused'::text) AND (p_usd IS NOT NULL) AND ((p_call).subtask_id IS NOT NULL) AND (EXISTS (SELECT FROM public.cogo_tasks t WHERE ((t.id = (build_budget_question.p_call).task_id) AND ((t.params ->> 'on_budget'::text) = 'ask'::text))))) THEN jsonb_build_object('scope', p_scope, 'key', p_key, 'per', p_per, 'limit_usd', p_limit, 'spent_usd', p_spent, 'reserved_usd', p_reserved, 'usd', p_usd, 'resets_at', cogo.period_end(p_per, cogo.now())) ELSE NULL::jsonb END;

create or replace function cogo.describe_answer(p_approval public.cogo_approvals)
 RETURNS text
 LANGUAGE sql
 STABLE
RETURN format('%s by %s at %s%s'::text, CASE WHEN (p_approval).approved THEN 'approved'::text ELSE 'refused'::text END, CASE WHEN ((p_approval).answered_via = 'expiry'::text) THEN 'its expiry'::text ELSE COALESCE(((p_approval).answered_by)::text, 'an operator'::text) END, cogo.iso_timestamp((p_approval).answered_at), (': '::text || (p_approval).comment));

create or replace function cogo.find_inherited()
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_is_copy boolean;
  v_inherited bigint;
begin
  select bool_or(i.system_identifier <> cogo.read_system_identifier() or i.inherited_to is not null),
         max(i.inherited_to)
    into v_is_copy, v_inherited
    from cogo.instance i;
  if v_is_copy and v_inherited is null then
    v_inherited := cogo.mark_copy();
  end if;
  return v_inherited;
end;
$function$;

create or replace function cogo.instance_problem(p_host text DEFAULT NULL::text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_others text;
  v_own cogo.instance;
begin
  select string_agg(array_to_string(i.hosts, ', '), ', ' order by i.adopted_at) into v_others
    from cogo.instance i where i.system_identifier <> v_identifier;
  if v_others is not null then
    return format(
      'this database was adopted on another server (address %s): it is a copy, or was restored or '
      'upgraded. If it may spend on its own: `cogo adopt`', v_others
    );
  end if;
  select i.* into v_own from cogo.instance i;
  if not found then
    return null;
  elsif v_host <> all (v_own.hosts) then
    return format(
      'this database was adopted at another address (%s) than %s: it is a copy, or this is a second '
      'address of it. If it may spend on its own: `cogo adopt`',
      array_to_string(v_own.hosts, ', '), v_host
    );
  elsif v_own.inherited_to is not null or v_host is null and v_own.verified_until < cogo.now() then
    return format(
      'no agent has lately reached this database at its address (%s). If it has another now: `cogo adopt`',
      array_to_string(v_own.hosts, ', ')
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.lock_budgets(p_owner_key text, p_provider text)
 RETURNS SETOF cogo.budgets
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below. A second transaction that does the same waits for the first.
  if p_owner_key <> '00000000-0000-0000-0000-000000000000' and not exists (
    select from cogo.budgets b
     where b.scope = 'owner' and b.key = p_owner_key and not b.is_default
  ) then
    insert into cogo.budgets (
      scope, key, per, limit_usd, allow_unpriced, is_default, period_start, spent_usd
    )
    select 'owner', p_owner_key, d.per, d.limit_usd, d.allow_unpriced, true,
           cogo.period_start(d.per, v_now),
           cogo.spent_usd('owner', p_owner_key, cogo.period_start(d.per, v_now))
      from cogo.budgets d
     where d.scope = 'owner' and d.key = '*'
       and not exists (
         select from cogo.budgets b
          where b.scope = 'owner' and b.key = p_owner_key and b.per = d.per
       )
     order by d.per
    on conflict do nothing;
  end if;
  perform
     from cogo.budgets b
    where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           extra_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.extra_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    returning b.*;
end;
$function$;

create or replace function cogo.mark_copy()
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_inherited bigint;
begin
  select coalesce(max(t.seq), 0) into v_inherited from public.cogo_tasks t;
  -- Skips a locked row: agents call this while they hold locks, and another is doing the same.
  update cogo.instance i
     set inherited_to = v_inherited
   where i.system_identifier in (
     select o.system_identifier from cogo.instance o where o.inherited_to is null
        for no key update skip locked
   );
  return v_inherited;
end;
$function$;

create or replace function cogo.normalize_host(p_host text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (btrim(lower(p_host), ' []'::text) ~ '^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1|0\.0\.0\.0|::|host\.docker\.internal)\.?$'::text) THEN 'loopback'::text ELSE NULLIF(rtrim(btrim(lower(p_host), ' []'::text), '.'::text), ''::text) END;

create or replace function cogo.postpone_inherited(p_inherited bigint, p_limit integer)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
begin
  select array_agg(queued.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and cogo.waits_for_adoption(t, p_inherited)
       limit p_limit
         for no key update of t skip locked
    ) as queued;
  if v_ids is not null then
    update cogo.subtasks s
       set status = 'delayed', run_at = cogo.now()
     where s.id = any (v_ids) and s.status = 'queued';
  end if;
end;
$function$;

create or replace function cogo.promote_due(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_inherited constant bigint := cogo.find_inherited();
  v_ids uuid[];
  v_sleeps uuid[];
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  select array_agg(due.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'delayed' and s.run_at <= cogo.now()
         and (v_inherited is null or not cogo.waits_for_adoption(t, v_inherited))
       order by s.run_at
       limit p_limit
         for no key update of t skip locked
    ) as due;
  if v_ids is null then
    return 0;
  end if;
  -- Read their statuses again, now that the tasks are locked.
  select array_agg(s.id),
         array_agg(s.id order by s.run_at, s.seq) filter (where s.kind = 'sleep')
    into v_ids, v_sleeps
    from cogo.subtasks s
   where s.id = any (v_ids) and s.status = 'delayed' and s.run_at <= cogo.now();
  update cogo.subtasks s
     set status = 'queued', run_at = null
   where s.id = any (v_ids) and s.kind <> 'sleep' and s.status = 'delayed';
  if v_sleeps is not null then
    perform cogo.end_waiting_steps(
      v_sleeps, array_fill('{}'::jsonb, array[cardinality(v_sleeps)]),
      array_fill(null::jsonb, array[cardinality(v_sleeps)])
    );
  end if;
  return coalesce(cardinality(v_ids), 0);
end;
$function$;

create or replace function cogo.read_system_identifier()
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_identifier text;
begin
  begin
    select c.system_identifier::text into v_identifier from pg_catalog.pg_control_system() c;
  exception when insufficient_privilege or undefined_function then
    v_identifier := 'unknown';
  end;
  return concat_ws(
    '/', v_identifier,
    (select d.oid from pg_catalog.pg_database d where d.datname = current_database()),
    nullif(current_setting('cogo.place', true), '')
  );
end;
$function$;

create or replace function cogo.waits_for_adoption(p_task public.cogo_tasks, p_inherited bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN COALESCE((((p_task).seq <= p_inherited) OR ((p_inherited IS NOT NULL) AND (((p_task).run_at > (p_task).created_at) OR ((p_task).previous_task_id IS NOT NULL)))), false);

create or replace function public.cogo_adopt_instance(p_host text, p_who text DEFAULT NULL::text)
 RETURNS TABLE(hosts text[], is_new boolean)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_hosts text[];
begin
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
  is_new := cogo.instance_problem(v_host) is not null or not exists (select from cogo.instance);
  if is_new then
    -- On the same server p_host may be one more address. That it may be a physical copy of the server,
    -- where nobody uses the others, does no harm.
    select array_remove(i.hosts, v_host) into v_hosts
      from cogo.instance i where i.system_identifier = v_identifier;
    delete from cogo.instance;
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    values (
      v_identifier, v_hosts || v_host, coalesce(nullif(p_who, ''), 'an operator'),
      cogo.now() + interval '5 minutes'
    );
  end if;
  return query select i.hosts, is_new from cogo.instance i;
end;
$function$;

create or replace function public.cogo_answer_approval(p_approval_id uuid, p_approved boolean, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid, p_via text DEFAULT NULL::text)
 RETURNS public.cogo_approvals
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
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
     or not (v_is_operator or v_approval.owner = v_person or v_approval."by" = v_person::text)
        is true then
    raise exception using errcode = 'TQ002',
      message = format('there is no approval %s, or it is not yours', p_approval_id);
  end if;
  perform from public.cogo_tasks t where t.id = v_approval.task_id for no key update;
  select a.* into v_approval from public.cogo_approvals a where a.id = p_approval_id;

  if v_approval.answered_at is not null then
    -- The first answer counts and may be repeated.
    if v_approval.approved = p_approved then
      return v_approval;
    end if;
    raise exception using errcode = 'TQ003',
      message = format('%s was %s', v_approval.key, cogo.describe_answer(v_approval));
  elsif not v_is_operator and v_approval."by" <> v_person::text then
    raise exception using errcode = 'TQ003',
      message = format(
        'only %s may answer %s',
        case v_approval."by" when 'operators' then 'operators' else 'person ' || v_approval."by" end,
        v_approval.key
      );
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = v_approval.subtask_id;
  if v_subtask.status not in ('waiting', 'held') or v_approval.withdrawn_at is not null then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s is %s: it waits for no approval', v_approval.key,
        case when v_approval.withdrawn_at is null then v_subtask.status else 'withdrawn' end
      );
  end if;

  update public.cogo_approvals a
     set answered_at = cogo.now(), approved = p_approved, answered_by = v_person,
         comment = p_comment, answered_via = p_via
   where a.id = p_approval_id
  returning a.* into v_approval;
  perform cogo.apply_answer(v_subtask, v_approval);
  perform cogo.announce_approval('APPROVAL_ANSWERED', v_approval);
  return v_approval;
end;
$function$;

drop function public.cogo_begin_call(text,jsonb);

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_item constant jsonb := cogo.sanitize_usage(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_item);
  v_usd numeric := case when v_call.simulated then 0 else (v_item ->> 'max_usd')::numeric end;
  v_budget record;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.set_actor(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      answer := 'stale';
      detail := 'the attempt is over';
      return next;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    answer := 'ok';
    return next;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'not_granted';
    return next;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'banned';
    return next;
    return;
  end if;

  if v_call.simulated is not true then
    perform cogo.lock_task_budgets(v_call.task_id);
    for v_budget in select b.* from cogo.task_budgets(v_call.task_id) b order by b.height loop
      select p.* into answer, scope, detail, resets_at
        from cogo.evaluate_cap(
          'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, v_budget.spent_usd,
          v_budget.reserved_usd, v_usd
        ) p;
      if answer is not null then
        if v_budget.height > 0 then
          detail := replace(
            detail, 'the task''s budget', format('the budget of its parent task %s', v_budget.task_id)
          );
        end if;
        question := cogo.build_budget_question(
          answer, v_call, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd,
          v_budget.spent_usd, v_budget.reserved_usd, v_usd
        );
        return next;
        return;
      end if;
    end loop;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(v_key, v_call.provider) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd, v_cap.allow_unpriced,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      ) p;
    if answer is not null then
      question := cogo.build_budget_question(
        answer, v_call, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      );
      return next;
      return;
    end if;
  end loop;

  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd
  )
  on conflict do nothing;
  answer := 'ok';
  detail := null;
  return next;
end;
$function$;

drop function public.cogo_budgets();

create or replace function public.cogo_budgets()
 RETURNS TABLE(scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric, reserved_usd numeric, resets_at timestamp with time zone, is_default boolean, extra_usd numeric)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select b.scope, b.key, b.per, b.limit_usd, b.allow_unpriced,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.spent_usd end,
         cogo.reserved_usd(b.scope, b.key),
         cogo.period_end(b.per, cogo.now()), b.is_default,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.extra_usd end
    from cogo.budgets b
   order by b.scope, b.key, b.per;
$function$;

create or replace function public.cogo_claim_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_lanes text[];
  v_rooms integer[];
  v_owners uuid[];
  v_limited boolean;
  v_due boolean;
  v_expired boolean;
  v_wakes boolean;
  v_inherited bigint;
  v_ids uuid[];
begin
  perform cogo.set_actor(p_agent_id);
  if p_lease_seconds is null or p_lease_seconds <= 0 or p_limit is null or p_limit < 0 then
    raise exception using
      errcode = 'TQ004', message = 'p_lease_seconds must be positive, and p_limit 0 or more';
  end if;

  if p_request_id is not null then
    -- Waits only for a repetition of the same request.
    perform pg_advisory_xact_lock(hashtextextended(p_request_id::text, 0));
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
     where s.status = 'running' and s.claim_request = p_request_id and s.agent_id = p_agent_id;
    if v_ids is not null then
      return query select * from cogo.load_leases(v_ids);
      return;
    end if;
  end if;

  -- In most cases there is none of these, which one query of a few indexes shows.
  select exists (select from cogo.lanes), array(select o.owner from cogo.owners o),
         exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         ),
         exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         ),
         'cio' = any (p_lanes) and exists (select from cogo.wakes)
    into v_limited, v_owners, v_due, v_expired, v_wakes;
  v_limited := v_limited or v_owners <> '{}';
  if v_limited then
    perform cogo.lock_limits(p_lanes);
  end if;
  if v_wakes then
    perform cogo.apply_wakes(20);
  end if;
  if v_due then
    perform cogo.promote_due(20);
  end if;
  if v_expired then
    perform cogo.reap_leases(20);
  end if;
  v_inherited := cogo.find_inherited();
  if v_inherited is not null then
    perform cogo.postpone_inherited(v_inherited, 1000);
  end if;
  select array_agg(o.lane),
         array_agg(greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))))
    into v_lanes, v_rooms
    from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
  if v_inherited is not null then
    select array_agg(s.id) into v_ids
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.id = any (v_ids) and not cogo.waits_for_adoption(t, v_inherited);
  end if;
  if v_ids is null then
    return;
  end if;

  -- Read the clock after the rows are locked, so that it is not before the end of an attempt which
  -- another agent closes now.
  with claimed as (
    update cogo.subtasks s
       set status = 'running',
           attempt = s.attempt + 1,
           agent_id = p_agent_id,
           claim_request = p_request_id,
           lease_expires_at = cogo.now() + make_interval(secs => p_lease_seconds::float8),
           started_at = coalesce(s.started_at, cogo.now())
     where s.id = any (v_ids)
    returning s.id, s.task_id, s.attempt, s.lane
  )
  insert into public.cogo_attempts (
    subtask_id, attempt, task_id, agent_id, lane, model_id, claimed_at
  )
  select c.id, c.attempt, c.task_id, p_agent_id, c.lane,
         case when cogo.is_model_lane(c.lane) then c.lane end, cogo.now()
    from claimed c;
  if v_limited then
    perform cogo.take_tokens(v_ids);
  end if;

  -- A task is pending until its flow is claimed, in lane cio.
  if 'cio' = any (p_lanes) then
    update public.cogo_tasks t
       set status = 'running', started_at = coalesce(t.started_at, cogo.now())
     where t.id = any (array(select s.task_id from cogo.subtasks s where s.id = any (v_ids)))
       and t.status = 'pending';
  end if;
  perform cogo.advance_clocks(v_ids);
  return query select * from cogo.load_leases(v_ids);
end;
$function$;

create or replace function public.cogo_instance(p_host text DEFAULT NULL::text)
 RETURNS TABLE(reason text, hosts text[], adopted_at timestamp with time zone, adopted_by text, verified_until timestamp with time zone, inherited_to bigint, waiting_tasks bigint, scheduled_tasks bigint, due_tasks bigint, yesterday_usd numeric)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  reason := cogo.instance_problem(p_host);
  select i.hosts, i.adopted_at, i.adopted_by, i.verified_until
    into hosts, adopted_at, adopted_by, verified_until
    from cogo.instance i
   order by i.system_identifier = cogo.read_system_identifier() desc, i.adopted_at
   limit 1;
  if reason is not null then
    -- Until an agent has marked a copy, all that is there came with it.
    select case when bool_or(i.system_identifier <> cogo.read_system_identifier())
             then coalesce(max(i.inherited_to), 9223372036854775807) else max(i.inherited_to)
           end
      into inherited_to
      from cogo.instance i;
    select count(*) filter (where not t.is_scheduled),
           count(*) filter (where t.is_scheduled and t.run_at > cogo.now()),
           count(*) filter (where t.is_scheduled and t.run_at <= cogo.now())
      into waiting_tasks, scheduled_tasks, due_tasks
      from (
        select o.run_at, o.status = 'pending' and coalesce(o.run_at > o.created_at, false)
          from public.cogo_tasks o
         where o.finished_at is null and cogo.waits_for_adoption(o, cogo_instance.inherited_to)
      ) as t (run_at, is_scheduled);
    select coalesce(sum(c.cost_usd), 0) into yesterday_usd
      from public.cogo_calls c
     where c.started_at >= date_trunc('day', cogo.now(), 'UTC') - interval '1 day'
       and c.started_at < date_trunc('day', cogo.now(), 'UTC');
  end if;
  return next;
end;
$function$;

drop function public.cogo_set_budget(text,text,text,numeric,boolean);

create or replace function public.cogo_set_budget(p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean DEFAULT false)
 RETURNS TABLE(scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric, reserved_usd numeric, resets_at timestamp with time zone, is_default boolean, extra_usd numeric)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider')
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for owners without a cap) or provider (its id), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  -- A new cap includes the cost so far in its period.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false, extra_usd = 0;
  if p_scope = 'owner' then
    -- An owner with a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false),
           extra_usd = 0
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$function$;

create or replace function public.cogo_verify_instance(p_agent_id text, p_host text, p_is_start boolean DEFAULT false)
 RETURNS TABLE(is_own boolean, reason text)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_host constant text := cogo.normalize_host(p_host);
begin
  perform cogo.set_actor(p_agent_id);
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  if not exists (select from cogo.instance) then
    perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    select cogo.read_system_identifier(), array[v_host], p_agent_id, cogo.now()
     where not exists (select from cogo.instance);
  end if;

  -- An agent at a known address clears the doubt that one at another address raised.
  update cogo.instance i
     set verified_until = cogo.now() + interval '5 minutes', inherited_to = null
   where v_host = any (i.hosts)
     and not exists (
       select from cogo.instance o where o.system_identifier <> cogo.read_system_identifier()
     );
  reason := cogo.instance_problem(v_host);
  is_own := reason is null;
  -- A copy of a server has agents only at addresses that it does not know.
  if not is_own and (
    p_is_start or not exists (select from cogo.instance i where i.verified_until > cogo.now())
  ) then
    perform cogo.mark_copy();
  end if;
  return next;
end;
$function$;

drop function public.cogo_answer_approval(uuid,boolean,text,uuid);

drop policy "owners and approvers read approvals" on public.cogo_approvals;

create policy "owners and approvers read approvals" on public.cogo_approvals as PERMISSIVE for SELECT to authenticated using (((owner = ( SELECT auth.uid() AS uid)) OR (by = (( SELECT auth.uid() AS uid))::text) OR ((escalated_at IS NOT NULL) AND (escalate_to = (( SELECT auth.uid() AS uid))::text))));

comment on table cogo.instance is
  'The server and the addresses under which this database runs columns and scheduled tasks. A copy has
others: it does so only after cogo_adopt_instance(). Empty until the first agent starts.';

comment on table public.cogo_approvals is
  'Questions to people: one for each subtask that waits for an approval, one for each call of a tool
that it waits for, or one for all subtasks of an owner that wait for the same budget. Each is answered
once, with cogo_answer_approval().';

comment on column cogo.budgets.extra_usd is
  'What people have approved in this period on top of limit_usd, when tasks had asked.';

comment on column cogo.instance.hosts is
  'The hosts of SUPABASE_URL under which agents may reach it; loopback for all names of this machine.';

comment on column cogo.instance.inherited_to is
  'Set while this is a copy: tasks up to this seq came with it.';

comment on column cogo.instance.system_identifier is
  'What cogo.read_system_identifier() returned.';

comment on column public.cogo_approvals.answered_via is
  'How it was answered, as the caller said, such as http or link; expiry: nobody had answered in time.';

comment on column public.cogo_approvals.cap is
  'Of the kind budget: scope, key and period of the cap that is reached.';

comment on column public.cogo_approvals.cost_usd is
  'What an approval may cost in US dollars; null if unknown.';

comment on column public.cogo_approvals.escalate_to is
  'Who may answer too from escalate_at on, and is told then: the uuid of a person, or operators.';

comment on column public.cogo_approvals.expires_at is
  'When it is answered without a person, as on_expiry says; null: never.';

comment on column public.cogo_approvals.kind is
  'step: of a workflow; tool: a call of a tool; budget: may more be spent?';

comment on column public.cogo_approvals.withdrawn_reason is
  'Why nobody needs the answer any more; null: the subtask has ended.';

comment on function cogo.announce_approval(text,public.cogo_approvals) is
  'Send a message about an approval on cogo-tasks, on the topic of its task, and on those of the people
who are asked by name.';

comment on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) is
  'Return what to ask people about a call that a cap refuses, if its task asks; else null.';

comment on function cogo.find_inherited() is
  'Return the seq of the last task that came with a copy; null if this is none.';

comment on function cogo.instance_problem(text) is
  'Return why nothing may run by itself here, as a sentence: this is not the server, or p_host not an
address, that was adopted. Null if it may. Without p_host, an agent must have verified it in the last five
minutes.';

comment on function cogo.mark_copy() is
  'Record that this is a copy, and that all present tasks came with it; return the seq of the last.';

comment on function cogo.normalize_host(text) is
  'Return the host of an address as cogo.instance has it: loopback for all names of this machine, null
for an empty one.';

comment on function cogo.postpone_inherited(bigint,integer) is
  'Delay queued subtasks that may not run in a copy, at most p_limit: cogo.promote_due() queues them after
its adoption. Skips locked tasks.';

comment on function cogo.promote_due(integer) is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks, and in a copy those that wait for its adoption.';

comment on function cogo.read_system_identifier() is
  'Return what distinguishes this database from a copy: the system identifier, the oid of the database,
and the place of the data, if the server tells it.';

comment on function cogo.waits_for_adoption(public.cogo_tasks,bigint) is
  'Return whether a task may not run in a copy: it came with it, was scheduled, or is the next run of
another.';

comment on function public.cogo_adopt_instance(text,text) is
  'Make this database at p_host the one that runs columns and scheduled tasks: a copy goes on with all that
came with it. On the same server, the address is added to the known ones. Repeating it changes nothing.';

comment on function public.cogo_answer_approval(uuid,boolean,text,uuid,text) is
  'Answer a question to people. The first answer counts: repeating it returns the row, another one raises
TQ003 with the first. Operators answer for p_person, or without it as operators. p_via is recorded as
answered_via.';

comment on function public.cogo_begin_call(text,jsonb) is
  'Begin a call to a model: reserve its maximum cost (max_usd) under every cap that applies; none
applies to a simulated call. Answers ok, refused or wait (a cap, see scope and detail), not_granted,
banned, or stale; a refusal of a task with params.on_budget ask has the question with which its holder
may let the step wait. After ok report the end with cogo_end_call; otherwise the call is lost with its
attempt.';

comment on function public.cogo_budgets() is
  'Return the spending caps: spent in this period, reserved by running calls, when they reset, and what
people have approved on top of the limit in this period (extra_usd).
Owners without a cap of their own appear with the default one (is_default) after their first call.';

comment on function public.cogo_instance(text) is
  'Return where this database was adopted; if nothing runs by itself here, why, and what waits for
cogo_adopt_instance(): tasks that came with a copy, scheduled ones, those among them that are due, and what
calls cost yesterday (UTC).';

comment on function public.cogo_set_budget(text,text,text,numeric,boolean) is
  'Cap spending in US dollars: in total, of an owner or at a provider, per day, month (UTC) or ever.
Key * of scope owner caps each owner without a cap of their own; anonymous caps anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced. A new limit replaces
what people have approved on top of the old one.';

comment on function public.cogo_verify_instance(text,text,boolean) is
  'Return whether this database is the one that was adopted at p_host, the host of an agent''s
SUPABASE_URL, and why not; the first agent ever adopts it. Agents call it when they start, and every
minute. At an unknown address, one that starts stops what runs by itself until one at a known address
calls.';

revoke all on table cogo.instance from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.instance to service_role;

revoke all on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) from public, anon, authenticated, service_role;

grant execute on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) to service_role;

revoke all on function cogo.find_inherited() from public, anon, authenticated, service_role;

grant execute on function cogo.find_inherited() to service_role;

revoke all on function cogo.instance_problem(text) from public, anon, authenticated, service_role;

grant execute on function cogo.instance_problem(text) to service_role;

revoke all on function cogo.mark_copy() from public, anon, authenticated, service_role;

grant execute on function cogo.mark_copy() to service_role;

revoke all on function cogo.normalize_host(text) from public, anon, authenticated, service_role;

grant execute on function cogo.normalize_host(text) to service_role;

revoke all on function cogo.postpone_inherited(bigint,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.postpone_inherited(bigint,integer) to service_role;

revoke all on function cogo.read_system_identifier() from public, anon, authenticated, service_role;

grant execute on function cogo.read_system_identifier() to service_role;

revoke all on function cogo.waits_for_adoption(public.cogo_tasks,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.waits_for_adoption(public.cogo_tasks,bigint) to service_role;

revoke all on function public.cogo_adopt_instance(text,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_adopt_instance(text,text) to service_role;

revoke all on function public.cogo_answer_approval(uuid,boolean,text,uuid,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_answer_approval(uuid,boolean,text,uuid,text) to authenticated;

grant execute on function public.cogo_answer_approval(uuid,boolean,text,uuid,text) to service_role;

revoke all on function public.cogo_begin_call(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_begin_call(text,jsonb) to service_role;

revoke all on function public.cogo_budgets() from public, anon, authenticated, service_role;

grant execute on function public.cogo_budgets() to service_role;

revoke all on function public.cogo_instance(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_instance(text) to service_role;

revoke all on function public.cogo_set_budget(text,text,text,numeric,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_set_budget(text,text,text,numeric,boolean) to service_role;

revoke all on function public.cogo_verify_instance(text,text,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_verify_instance(text,text,boolean) to service_role;

insert into cogo.schema_versions (version) values ('20261129120000')
on conflict (version) do nothing;
