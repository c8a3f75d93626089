-- Columns.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.budget_waits (
  subtask_id uuid not null,
  task_id uuid not null,
  owner uuid,
  scope text not null,
  key text not null,
  per text not null,
  usd numeric not null,
  child jsonb,
  approval_id uuid,
  since timestamp with time zone default cogo.now() not null,
  check_at timestamp with time zone default cogo.now() not null
);

alter table cogo.budget_waits enable row level security;

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

alter table cogo.budget_waits add constraint budget_waits_pkey PRIMARY KEY (subtask_id);

alter table cogo.budget_waits add constraint budget_waits_usd_check CHECK ((usd >= (0)::numeric));

alter table cogo.budgets add constraint budgets_extra_usd_check CHECK ((extra_usd >= (0)::numeric));

alter table cogo.instance add constraint instance_hosts CHECK ((cardinality(hosts) > 0));

alter table cogo.instance add constraint instance_pkey PRIMARY KEY (system_identifier);

alter table public.cogo_approvals add constraint cogo_approvals_escalation CHECK (((escalate_at IS NULL) = (escalate_to IS NULL)));

alter table public.cogo_approvals add constraint cogo_approvals_on_expiry_check CHECK ((on_expiry = ANY (ARRAY['refuse'::text, 'approve'::text])));

alter table cogo.budget_waits add constraint budget_waits_subtask_id_fkey FOREIGN KEY (subtask_id) REFERENCES cogo.subtasks(id) ON DELETE CASCADE;

create index budget_waits_approval ON cogo.budget_waits USING btree (approval_id);

create index budget_waits_check ON cogo.budget_waits USING btree (check_at);

create index cogo_approvals_cap ON public.cogo_approvals USING btree (cap) WHERE ((cap IS NOT NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create index cogo_approvals_due ON public.cogo_approvals USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create index cogo_approvals_escalating ON public.cogo_approvals USING btree (escalate_at) WHERE ((escalate_at IS NOT NULL) AND (escalated_at IS NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create or replace function cogo.announce_approval(p_type text, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
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

create or replace function cogo.apply_answer(p_subtask cogo.subtasks, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_answer jsonb := jsonb_build_object(
    'approved', p_approval.approved, 'comment', p_approval.comment, 'by', p_approval.answered_by,
    'at', cogo.iso_timestamp(p_approval.answered_at)
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
$function$;

create or replace function cogo.apply_budget_answer(p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.ask_about_call(p_subtask cogo.subtasks, p_question jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.ask_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  -- One that waits in the middle of a tool loop has asked already, and asks again after a redrive. What
  -- waits for a budget asks about that.
  if exists (select from cogo.budget_waits w where w.subtask_id = new.id)
     or cogo.reopen_call_approvals(new) then
    return null;
  end if;
  insert into public.cogo_approvals as a (
    task_id, subtask_id, owner, key, question, show, by, cost_usd, expires_at, on_expiry,
    escalate_at, escalate_to
  )
  select new.task_id, new.id, t.owner, new.key,
         coalesce(
           nullif(left(p.params ->> 'question', 10000), ''),
           format('May the subtask %s (%s, in lane %s) run?', new.key, new.type, new.lane)
         ),
         nullif(p.params -> 'show', 'null'), p.params ->> 'by', o.cost_usd, o.expires_at,
         o.on_expiry, o.escalate_at, o.escalate_to
    from cogo.subtask_payloads p
    join public.cogo_tasks t on t.id = new.task_id
    cross join cogo.read_approval_options(p.params) o
   where p.subtask_id = new.id
  on conflict (subtask_id, key) do update
    set withdrawn_at = null, asked_at = excluded.asked_at, expires_at = excluded.expires_at,
        escalate_at = excluded.escalate_at, escalated_at = null
    where a.withdrawn_at is not null
  returning * into v_approval;
  if found then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
  return null;
end;
$function$;

create or replace function cogo.ask_for_budget(p_wait cogo.budget_waits)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_cap constant text := concat_ws(':', p_wait.scope, p_wait.key, p_wait.per);
  v_limit record;
  v_usd numeric;
  v_steps integer;
  v_needed numeric;
  v_question text;
  v_show jsonb;
  v_approval public.cogo_approvals;
  v_told numeric;
begin
  select a.* into v_approval
    from public.cogo_approvals a
   where a.cap = v_cap and a.owner is not distinct from p_wait.owner and a.answered_at is null
     and a.withdrawn_at is null;
  v_told := v_approval.cost_usd;
  select l.* into v_limit from cogo.find_cap(p_wait) l;
  select coalesce(sum(w.usd), 0) + p_wait.usd, count(*) + 1 into v_usd, v_steps
    from cogo.budget_waits w
   where w.approval_id = v_approval.id and w.subtask_id <> p_wait.subtask_id;
  v_needed := ceil(greatest(v_limit.used_usd + v_usd - v_limit.limit_usd, 0) * 1e6) / 1e6;
  v_question := format(
    '%s is $%s%s, and $%s of it are left. May $%s more be spent%s?', cogo.name_wait(p_wait),
    trim_scale(round(v_limit.limit_usd, 6)),
    case when p_wait.per in ('day', 'month') then ' a ' || p_wait.per else '' end,
    trim_scale(round(greatest(v_limit.limit_usd - v_limit.used_usd, 0), 6)), trim_scale(v_needed),
    ' until ' || cogo.iso_timestamp(v_limit.resets_at)
  );
  v_question := upper(left(v_question, 1)) || substr(v_question, 2);
  v_show := jsonb_build_object(
    'scope', p_wait.scope, 'key', p_wait.key, 'per', p_wait.per,
    'limit_usd', trim_scale(round(v_limit.limit_usd, 6)),
    'spent_usd', trim_scale(round(v_limit.spent_usd, 6)), 'needed_usd', trim_scale(v_needed),
    'resets_at', v_limit.resets_at,
    'steps', v_steps
  );
  if v_approval.id is null then
    insert into public.cogo_approvals (
      task_id, subtask_id, owner, key, question, show, by, cap, cost_usd
    )
    select p_wait.task_id, s.id, p_wait.owner, k.key, v_question, v_show,
           case when p_wait.scope <> 'task' then 'operators' end, v_cap, v_usd
      from cogo.subtasks s
      cross join generate_series(1, 10000) as n (nth)
      cross join concat(s.key, '/budget', '#' || nullif(n.nth, 1)) as k (key)
     where s.id = p_wait.subtask_id and not exists (
       select from public.cogo_approvals a where a.subtask_id = s.id and a.key = k.key
     )
     order by n.nth
     limit 1
    returning * into v_approval;
  else
    update public.cogo_approvals a
       set question = v_question, show = v_show, cost_usd = v_usd
     where a.id = v_approval.id
       and (a.question, a.show, a.cost_usd) is distinct from (v_question, v_show, v_usd);
    v_approval.question := v_question;
    v_approval.show := v_show;
    v_approval.cost_usd := v_usd;
  end if;
  update cogo.budget_waits w
     set approval_id = v_approval.id
   where w.subtask_id = p_wait.subtask_id;
  -- Those who were asked hear of it again when it is twice as much, not a hundred times.
  if v_told is null or floor(log(2, greatest(v_usd, 1e-6))) > floor(log(2, greatest(v_told, 1e-6)))
  then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
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

create or replace function cogo.end_budget_wait(p_wait cogo.budget_waits)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  delete from cogo.budget_waits w where w.subtask_id = p_wait.subtask_id;
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
$function$;

create or replace function cogo.evaluate_cap(p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean, p_spent numeric, p_reserved numeric, p_usd numeric, OUT answer text, OUT scope text, OUT detail text, OUT resets_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_name constant text := cogo.name_cap(p_scope, p_key);
begin
  if p_usd is null then
    if p_allow_unpriced then
      return;
    end if;
    answer := 'refused';
    detail := format(
      '%s is $%s, and the price of this model is not known; '
      'give it one in cogo.toml, or allow it: `cogo budget set ... --allow-unpriced`',
      v_name, trim_scale(p_limit)
    );
  elsif p_spent + p_reserved + p_usd > p_limit then
    resets_at := cogo.period_end(p_per, cogo.now());
    -- Running calls and child tasks rarely cost all that is reserved for them, so waiting may help.
    answer := case when p_reserved > 0 and p_spent + p_usd <= p_limit then 'wait' else 'refused' end;
    detail := format(
      '%s is $%s%s: $%s are spent, $%s are reserved for what runs, $%s are left, and this call '
      'may cost up to $%s%s%s',
      v_name, trim_scale(p_limit), case when p_per <> 'ever' then ' a ' || p_per else '' end,
      round(p_spent, 6), round(p_reserved, 6), round(greatest(p_limit - p_spent - p_reserved, 0), 6),
      round(p_usd, 6),
      case when p_scope = 'task' then
        format(
          '; a budget of $%s would be enough',
          round(ceil((p_spent + p_reserved + p_usd) * 1e6) / 1e6, 6)
        )
      end,
      '; it resets at ' || cogo.iso_timestamp(resets_at)
    );
  end if;
  scope := case when answer is not null then p_scope end;
end;
$function$;

create or replace function cogo.expire_approval(p_approval_id uuid)
 RETURNS public.cogo_approvals
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.expire_approvals(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.fail_budget_wait(p_wait cogo.budget_waits, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.find_cap(p_wait cogo.budget_waits, OUT limit_usd numeric, OUT used_usd numeric, OUT spent_usd numeric, OUT resets_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;

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

create or replace function cogo.insert_children(p_parent public.cogo_tasks, p_subtask_ids uuid[], p_children jsonb[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[] := array(select gen_random_uuid() from unnest(p_subtask_ids));
  v_errors jsonb[] := '{}';
begin
  begin
    insert into public.cogo_tasks (
      id, type, prompt, params, priority, owner, model, preferences, budget_usd, deadline, stream,
      parent_task_id
    )
    select c.id, c.child ->> 'type', c.child ->> 'prompt',
           -- Whether a spent budget asks is the parent's choice, unless the child has its own.
           case when p_parent.params ? 'on_budget' then
             jsonb_build_object('on_budget', p_parent.params -> 'on_budget')
           else '{}' end || coalesce(nullif(c.child -> 'params', 'null'), '{}'),
           p_parent.priority, p_parent.owner,
           c.child ->> 'model',
           cogo.inherit_data_policy(p_parent.preferences, nullif(c.child -> 'preferences', 'null')),
           (c.child ->> 'budget_usd')::numeric, p_parent.deadline, p_parent.stream, p_parent.id
      from unnest(v_ids, p_children) with ordinality as c (id, child, ordinal)
     order by c.ordinal;
    insert into cogo.child_tasks (child_id, parent_id, root_id, subtask_id, depth)
    select c.id, p_parent.id, coalesce(k.root_id, p_parent.id), c.subtask_id,
           coalesce(k.depth, 0) + 1
      from unnest(v_ids, p_subtask_ids) as c (id, subtask_id)
      left join cogo.child_tasks k on k.child_id = p_parent.id;
    if p_parent.status = 'held' then
      perform cogo.pause_tasks(v_ids);
    end if;
    return array_fill('null'::jsonb, array[cardinality(v_ids)]);
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded
      or sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      if cardinality(v_ids) = 1 then
        return array[
          jsonb_build_object(
            'class', case sqlstate when 'TQ007' then 'not_granted' else 'invalid_task' end,
            'message', 'the child task cannot be inserted: ' || sqlerrm
          )
        ];
      end if;
  end;
  for v_nth in 1..cardinality(v_ids) loop
    v_errors := v_errors
      || cogo.insert_children(p_parent, p_subtask_ids[v_nth:v_nth], p_children[v_nth:v_nth]);
  end loop;
  return v_errors;
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

create or replace function cogo.is_asked(p_approval public.cogo_approvals, p_person uuid)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN COALESCE((((p_approval).by = (p_person)::text) OR (((p_approval).escalated_at IS NOT NULL) AND ((p_approval).escalate_to = (p_person)::text))), false);

create or replace function cogo.is_number_between(p_value jsonb, p_least numeric, p_most numeric)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN CASE jsonb_typeof(p_value) WHEN 'number'::text THEN (((p_value)::numeric >= p_least) AND ((p_value)::numeric <= p_most)) ELSE false END;

create or replace function cogo.leave_budget_wait(p_subtask cogo.subtasks)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_next record;
begin
  delete from cogo.budget_waits w where w.subtask_id = p_subtask.id;
  if not found then
    return;
  end if;
  update cogo.subtasks s set needs_approval = false where s.id = p_subtask.id;
  -- The question stays for the others. The lock keeps their task from being deleted meanwhile.
  select w.task_id, w.subtask_id, a.id into v_next
    from public.cogo_approvals a
    join cogo.budget_waits w on w.approval_id = a.id
    join cogo.subtasks s on s.id = w.subtask_id
    join public.cogo_tasks t on t.id = w.task_id
   where a.subtask_id = p_subtask.id and a.cap is not null and a.answered_at is null
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
end;
$function$;

create or replace function cogo.lock_budget_question(p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform
     from public.cogo_tasks t
    where t.id in (
      p_approval.task_id,
      case p_approval.show ->> 'scope' when 'task' then cogo.to_uuid(p_approval.show ->> 'key') end
    )
    order by t.seq + 0  -- as in cogo.lock_tasks()
      for no key update;
  perform cogo.lock_budget_waits();
end;
$function$;

create or replace function cogo.lock_budget_waits()
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select pg_advisory_xact_lock(hashtextextended('cogo.budget_waits', 0));
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

create or replace function cogo.name_cap(p_scope text, p_key text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE p_scope WHEN 'task'::text THEN 'the task''s budget'::text WHEN 'total'::text THEN 'the cap on everything'::text ELSE CASE p_key WHEN 'anonymous'::text THEN 'the cap that all anonymous sign-ins share'::text WHEN '00000000-0000-0000-0000-000000000000'::text THEN 'the cap on tasks without an owner'::text ELSE format('the cap of %s %s'::text, p_scope, p_key) END END;

create or replace function cogo.name_wait(p_wait cogo.budget_waits)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN ((p_wait).scope <> 'task'::text) THEN cogo.name_cap((p_wait).scope, (p_wait).key) WHEN ((p_wait).key = ((p_wait).task_id)::text) THEN 'the task''s budget'::text ELSE format('the budget of its parent task %s'::text, (p_wait).key) END;

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

create or replace function cogo.raise_cap(p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.read_approval_options(p_options jsonb, OUT cost_usd numeric, OUT expires_at timestamp with time zone, OUT on_expiry text, OUT escalate_at timestamp with time zone, OUT escalate_to text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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

create or replace function cogo.recheck_budget_waits(p_scope text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.budget_waits w
     set check_at = cogo.now()
   where w.subtask_id in (
     select o.subtask_id from cogo.budget_waits o
      where o.scope = p_scope for no key update skip locked
   );
  perform cogo.settle_budget_waits(1000);
end;
$function$;

create or replace function cogo.reopen_call_approvals(p_subtask cogo.subtasks)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.settle_budget_waits(p_limit integer, p_approval_id uuid DEFAULT NULL::uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.start_children(p_task_id uuid, p_subtask_ids uuid[], p_children jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_parent public.cogo_tasks;
  v_errors jsonb[];
  v_accepted integer[];
  v_results jsonb[];
  v_refused integer[];
  v_waiting integer[];
begin
  select t.* into v_parent from public.cogo_tasks t where t.id = p_task_id;
  v_errors := cogo.refuse_children(v_parent, p_children);
  v_waiting := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error ->> 'class' = 'budget' and v_parent.params ->> 'on_budget' = 'ask'
     order by e.nth
  );
  v_accepted := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error = 'null' order by e.nth
  );
  if v_accepted <> '{}' then
    v_results := cogo.insert_children(
      v_parent,
      array(select p_subtask_ids[a.nth] from unnest(v_accepted) with ordinality as a (nth, place)
             order by a.place),
      array(select p_children[a.nth] from unnest(v_accepted) with ordinality as a (nth, place)
             order by a.place)
    );
    for v_place in 1..cardinality(v_accepted) loop
      v_errors[v_accepted[v_place]] := v_results[v_place];
    end loop;
  end if;
  v_refused := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error <> 'null' and e.nth <> all (v_waiting) order by e.nth
  );
  perform cogo.wait_for_budget(
            s,
            jsonb_build_object(
              'scope', 'task', 'key', b.task_id, 'per', 'ever',
              'usd', (p_children[w.nth] ->> 'budget_usd')::numeric
            ),
            p_children[w.nth]
          )
     from unnest(v_waiting) as w (nth)
     join cogo.subtasks s on s.id = p_subtask_ids[w.nth]
     cross join lateral (
       select o.task_id from cogo.task_budgets(p_task_id) o order by o.height limit 1
     ) as b;
  if v_refused <> '{}' then
    perform cogo.end_waiting_steps(
      array(select p_subtask_ids[r.nth] from unnest(v_refused) as r (nth) order by r.nth),
      array_fill(null::jsonb, array[cardinality(v_refused)]),
      array(select v_errors[r.nth] from unnest(v_refused) as r (nth) order by r.nth)
    );
  end if;
end;
$function$;

create or replace function cogo.validate_approval_options(p_options jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.validate_budget_wait(p_wait jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.validate_step(p_step jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  -- One segment per branch, and the number of its repetition: a/draft#2.
  v_segment constant text := '[A-Za-z0-9_.:-]{1,100}(#[1-9][0-9]{0,3})?';
  v_key constant text := p_step ->> 'key';
  v_kind constant text := p_step ->> 'kind';
  v_lane constant text := p_step ->> 'lane';
  v_field text;
begin
  foreach v_field in array array['key', 'kind', 'type', 'lane'] loop
    if jsonb_typeof(p_step -> v_field) is distinct from 'string' or p_step ->> v_field = '' then
      return format('every step needs a text %s: %s', v_field, left(p_step::text, 200));
    end if;
  end loop;
  if length(v_key) > 500 or v_key = 'plan' or v_key !~ ('^' || v_segment || '(/' || v_segment || ')*$')
  then
    return format(
      'the key %s must be 1 to 100 of A-Z a-z 0-9 _ . : - (after / in a branch), and not plan',
      left(v_key, 200)
    );
  end if;
  if v_kind <> all ('{ask,check,call,approve,sleep,event,task}') then
    return format('step %s has the unknown kind %s', v_key, left(v_kind, 100));
  elsif not (
    case
      when nullif(p_step -> 'error', 'null') is not null then true
      when v_kind = 'ask' then v_lane = 'cio' or cogo.is_model_lane(v_lane)
      when v_kind = 'check' then v_lane like 'sandbox:_%'
      when v_kind = 'call' then v_lane like 'tools:_%'
      else v_lane = 'wait'
    end
  ) then
    return format('step %s of kind %s cannot be in lane %s', v_key, v_kind, left(v_lane, 200));
  end if;
  foreach v_field in array array['params', 'metadata'] loop
    if jsonb_typeof(coalesce(p_step -> v_field, '{}')) not in ('object', 'null') then
      return format('%s of step %s must be an object', v_field, v_key);
    end if;
  end loop;
  if jsonb_typeof(coalesce(p_step -> 'error', 'null')) <> 'null'
     and jsonb_typeof(p_step -> 'error' -> 'class') is distinct from 'string' then
    return format('error of step %s must be an object with class and message', v_key);
  elsif v_kind = 'sleep' and nullif(p_step ->> 'run_at', '') is null then
    return format('step %s of kind sleep needs run_at', v_key);
  elsif v_kind = 'approve' and cogo.to_uuid(p_step -> 'params' ->> 'by') is null
        and coalesce(p_step -> 'params' ->> 'by', 'operators') <> 'operators' then
    return format('step %s: by must be the uuid of a person, or operators', v_key);
  elsif v_kind = 'approve' and cogo.validate_approval_options(p_step -> 'params') is not null then
    return format('step %s: %s', v_key, cogo.validate_approval_options(p_step -> 'params'));
  elsif v_kind = 'event'
        and coalesce(p_step -> 'params' ->> 'name', '') !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    return format('step %s: the name of an event must be 1 to 100 of A-Z a-z 0-9 _ . : -', v_key);
  elsif (v_kind = 'task') <> (jsonb_typeof(coalesce(p_step -> 'child', 'null')) = 'object') then
    return format('step %s: a step of kind task needs a child, and no other may have one', v_key);
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_wait(p_subtask cogo.subtasks, p_wait jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.wait_for_answers(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.wait_for_budget(p_subtask cogo.subtasks, p_budget jsonb, p_child jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;

create or replace function cogo.waits_for_adoption(p_task public.cogo_tasks, p_inherited bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN COALESCE((((p_task).seq <= p_inherited) OR ((p_inherited IS NOT NULL) AND (((p_task).run_at > (p_task).created_at) OR ((p_task).previous_task_id IS NOT NULL)))), false);

create or replace function cogo.withdraw_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  perform cogo.leave_budget_wait(new);
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = cogo.now()
     where a.subtask_id = new.id and a.answered_at is null and a.withdrawn_at is null
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_WITHDRAWN', v_approval);
  end loop;
  return null;
end;
$function$;

create or replace function cogo.withdraw_budget_questions()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  for v_approval in
    update public.cogo_approvals a
       set withdrawn_at = cogo.now(),
           withdrawn_reason = 'the cap was raised, or its period has ended'
     where a.cap is not null and a.answered_at is null and a.withdrawn_at is null
       and not exists (select from cogo.budget_waits w where w.approval_id = a.id)
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_WITHDRAWN', v_approval);
  end loop;
end;
$function$;

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
     or not (
       v_is_operator or v_approval.owner = v_person or cogo.is_asked(v_approval, v_person)
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
  perform cogo.apply_answer(v_subtask, v_approval);
  perform cogo.announce_approval('APPROVAL_ANSWERED', v_approval);
  return v_approval;
end;
$function$;

create or replace function public.cogo_approve_subtask(p_subtask_id uuid, p_approved boolean DEFAULT true, p_comment text DEFAULT NULL::text)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_approval_id uuid;
  v_open text[];
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
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

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  perform cogo.apply_wakes(p_limit);
  delete from cogo.wakes w
   where not exists (select from public.cogo_tasks t where t.id = w.parent_id);
  perform cogo.end_unserved_steps(p_limit);
  perform cogo.expire_approvals(p_limit);
  perform cogo.settle_budget_waits(p_limit);
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    -- The deadline of its parent may just have cancelled it.
    continue when exists (
      select from public.cogo_tasks t where t.id = v_task_id and t.finished_at is not null
    );
    -- A workflow with steps has 30 seconds to return what it has, unless a parent waits for it.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
        join public.cogo_tasks t on t.id = f.task_id
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
         and t.parent_task_id is null
    ) then
      perform cogo.pass_deadline(v_task_id);
    else
      perform cogo.fail_task(v_task_id, cogo.deadline_error());
    end if;
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  return next;
end;
$function$;

create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
 RETURNS TABLE(removed boolean)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform cogo.lock_budget_waits();
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  perform cogo.recheck_budget_waits(p_scope);
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
  perform cogo.lock_budget_waits();
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
  perform cogo.recheck_budget_waits(p_scope);
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

comment on table cogo.budget_waits is
  'Subtasks that wait until a cap has room for them. All of one owner that wait for one cap share a question.';

comment on table cogo.instance is
  'The server and the addresses under which this database runs columns and scheduled tasks. A copy has
others: it does so only after cogo_adopt_instance(). Empty until the first agent starts.';

comment on table public.cogo_approvals is
  'Questions to people: one for each subtask that waits for an approval, one for each call of a tool
that it waits for, or one for all subtasks of an owner that wait for the same budget. Each is answered
once, with cogo_answer_approval().';

comment on column cogo.budget_waits.check_at is
  'When to look again whether there is room.';

comment on column cogo.budget_waits.child is
  'The child task that its step starts then.';

comment on column cogo.budget_waits.key is
  'As in cogo.budgets; of scope task the id of the task whose budget is spent, perhaps one above.';

comment on column cogo.budget_waits.usd is
  'What the refused call may cost, or the budget that a child task asks for.';

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

comment on function cogo.apply_budget_answer(public.cogo_approvals) is
  'Raise a cap and let all that waited for it go on, or fail them. The caller holds the locks of the
question.';

comment on function cogo.ask_for_budget(cogo.budget_waits) is
  'Ask whether a cap may be raised for a subtask that waits for it, with the open question of its owner
about the same cap, if there is one.';

comment on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) is
  'Return what to ask people about a call that a cap refuses, if its task asks; else null.';

comment on function cogo.end_budget_wait(cogo.budget_waits) is
  'Let a subtask go on for which there is room now. The caller holds the task lock.';

comment on function cogo.expire_approval(uuid) is
  'Answer a question whose time has passed, as its on_expiry says. The caller holds the task lock.';

comment on function cogo.expire_approvals(integer) is
  'Answer questions whose time has passed, and ask the next person where nobody has answered, at most
p_limit of each; return how many were answered. Skips locked tasks.';

comment on function cogo.fail_budget_wait(cogo.budget_waits,public.cogo_approvals) is
  'Fail a subtask whose budget people have refused to raise. The caller holds the task lock.';

comment on function cogo.find_cap(cogo.budget_waits) is
  'Return the cap that a subtask waits for, what is spent, and that with what is reserved; nulls if there is
none any more.';

comment on function cogo.find_inherited() is
  'Return the seq of the last task that came with a copy; null if this is none.';

comment on function cogo.instance_problem(text) is
  'Return why nothing may run by itself here, as a sentence: this is not the server, or p_host not an
address, that was adopted. Null if it may. Without p_host, an agent must have verified it in the last five
minutes.';

comment on function cogo.is_asked(public.cogo_approvals,uuid) is
  'Return whether a question was put to a person by name, at first or when nobody had answered.';

comment on function cogo.is_number_between(jsonb,numeric,numeric) is
  'Return whether JSON is a number within limits.';

comment on function cogo.leave_budget_wait(cogo.subtasks) is
  'Let an ended subtask wait for no budget any more, and keep its question at another one that does. The
caller holds the task lock.';

comment on function cogo.lock_budget_question(public.cogo_approvals) is
  'Lock what the answer about a budget changes first: the task at which the question is kept, and the one
whose budget it is about.';

comment on function cogo.lock_budget_waits() is
  'Lock the questions about budgets, so that a cap is asked about once.';

comment on function cogo.mark_copy() is
  'Record that this is a copy, and that all present tasks came with it; return the seq of the last.';

comment on function cogo.name_cap(text,text) is
  'Return the name of a cap, for a sentence.';

comment on function cogo.name_wait(cogo.budget_waits) is
  'Return the name of the cap that a subtask waits for.';

comment on function cogo.normalize_host(text) is
  'Return the host of an address as cogo.instance has it: loopback for all names of this machine, null
for an empty one.';

comment on function cogo.postpone_inherited(bigint,integer) is
  'Delay queued subtasks that may not run in a copy, at most p_limit: cogo.promote_due() queues them after
its adoption. Skips locked tasks.';

comment on function cogo.promote_due(integer) is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks, and in a copy those that wait for its adoption.';

comment on function cogo.raise_cap(public.cogo_approvals) is
  'Raise the cap that a question is about by what those who wait for it may cost: the budget of a task for
good, another one for its present period. The caller holds the locks of the question.';

comment on function cogo.read_approval_options(jsonb) is
  'Return the cost, the expiry and the escalation of a question that is asked now.';

comment on function cogo.read_system_identifier() is
  'Return what distinguishes this database from a copy: the system identifier, the oid of the database,
and the place of the data, if the server tells it.';

comment on function cogo.recheck_budget_waits(text) is
  'Let subtasks go on at once after the caps of a scope were changed. The caller holds the lock of the
questions.';

comment on function cogo.settle_budget_waits(integer,uuid) is
  'Let subtasks go on whose cap has room again, fail those that were refused, and ask where nobody was
asked, at most p_limit (with p_approval_id: those that wait for it); return how many have ended their wait.
Skips locked tasks.';

comment on function cogo.start_children(uuid,uuid[],jsonb[]) is
  'Insert the child tasks of waiting steps; a step whose child is refused ends as failed, or waits if
only the budget refuses it and its task asks for more. The caller holds the locks of their task and of its tree.';

comment on function cogo.validate_approval_options(jsonb) is
  'Return what is wrong with the cost, the expiry or the escalation of a question to a person, as a
sentence; null if they are valid.';

comment on function cogo.validate_budget_wait(jsonb) is
  'Return why a subtask cannot wait for a budget, as a sentence; null if it can.';

comment on function cogo.wait_for_answers(cogo.subtasks,jsonb) is
  'End an attempt in the middle of a tool loop, which goes on when people have answered, or one at a
subtask that waits for a budget. The caller holds
the task lock and has validated p_item.';

comment on function cogo.wait_for_budget(cogo.subtasks,jsonb,jsonb) is
  'Let a subtask wait for a cap, without a failure, and ask the people who may raise it. The caller holds
the task lock and has ended the attempt.';

comment on function cogo.waits_for_adoption(public.cogo_tasks,bigint) is
  'Return whether a task may not run in a copy: it came with it, was scheduled, or is the next run of
another.';

comment on function cogo.withdraw_approval() is
  'Withdraw the questions of a subtask that ended without an answer.';

comment on function cogo.withdraw_budget_questions() is
  'Withdraw the questions about budgets for which nothing waits any more. The caller holds the lock of the
questions.';

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

comment on function public.cogo_reap(integer) is
  'Do the housekeeping: expired leases, due subtasks, ends of child tasks, deadlines, unserved lanes,
expired
answers, questions to people. Every agent calls this every few seconds.';

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

revoke all on table cogo.budget_waits from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.budget_waits to service_role;

revoke all on table cogo.instance from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.instance to service_role;

revoke all on function cogo.apply_budget_answer(public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.apply_budget_answer(public.cogo_approvals) to service_role;

revoke all on function cogo.ask_for_budget(cogo.budget_waits) from public, anon, authenticated, service_role;

grant execute on function cogo.ask_for_budget(cogo.budget_waits) to service_role;

revoke all on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) from public, anon, authenticated, service_role;

grant execute on function cogo.build_budget_question(text,public.cogo_calls,text,text,text,numeric,numeric,numeric,numeric) to service_role;

revoke all on function cogo.end_budget_wait(cogo.budget_waits) from public, anon, authenticated, service_role;

grant execute on function cogo.end_budget_wait(cogo.budget_waits) to service_role;

revoke all on function cogo.expire_approval(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.expire_approval(uuid) to service_role;

revoke all on function cogo.expire_approvals(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.expire_approvals(integer) to service_role;

revoke all on function cogo.fail_budget_wait(cogo.budget_waits,public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.fail_budget_wait(cogo.budget_waits,public.cogo_approvals) to service_role;

revoke all on function cogo.find_cap(cogo.budget_waits) from public, anon, authenticated, service_role;

grant execute on function cogo.find_cap(cogo.budget_waits) to service_role;

revoke all on function cogo.find_inherited() from public, anon, authenticated, service_role;

grant execute on function cogo.find_inherited() to service_role;

revoke all on function cogo.instance_problem(text) from public, anon, authenticated, service_role;

grant execute on function cogo.instance_problem(text) to service_role;

revoke all on function cogo.is_asked(public.cogo_approvals,uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.is_asked(public.cogo_approvals,uuid) to service_role;

revoke all on function cogo.is_number_between(jsonb,numeric,numeric) from public, anon, authenticated, service_role;

grant execute on function cogo.is_number_between(jsonb,numeric,numeric) to service_role;

revoke all on function cogo.leave_budget_wait(cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.leave_budget_wait(cogo.subtasks) to service_role;

revoke all on function cogo.lock_budget_question(public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_budget_question(public.cogo_approvals) to service_role;

revoke all on function cogo.lock_budget_waits() from public, anon, authenticated, service_role;

grant execute on function cogo.lock_budget_waits() to service_role;

revoke all on function cogo.mark_copy() from public, anon, authenticated, service_role;

grant execute on function cogo.mark_copy() to service_role;

revoke all on function cogo.name_cap(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.name_cap(text,text) to service_role;

revoke all on function cogo.name_wait(cogo.budget_waits) from public, anon, authenticated, service_role;

grant execute on function cogo.name_wait(cogo.budget_waits) to service_role;

revoke all on function cogo.normalize_host(text) from public, anon, authenticated, service_role;

grant execute on function cogo.normalize_host(text) to service_role;

revoke all on function cogo.postpone_inherited(bigint,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.postpone_inherited(bigint,integer) to service_role;

revoke all on function cogo.raise_cap(public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.raise_cap(public.cogo_approvals) to service_role;

revoke all on function cogo.read_approval_options(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.read_approval_options(jsonb) to service_role;

revoke all on function cogo.read_system_identifier() from public, anon, authenticated, service_role;

grant execute on function cogo.read_system_identifier() to service_role;

revoke all on function cogo.recheck_budget_waits(text) from public, anon, authenticated, service_role;

grant execute on function cogo.recheck_budget_waits(text) to service_role;

revoke all on function cogo.settle_budget_waits(integer,uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.settle_budget_waits(integer,uuid) to service_role;

revoke all on function cogo.validate_approval_options(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_approval_options(jsonb) to service_role;

revoke all on function cogo.validate_budget_wait(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_budget_wait(jsonb) to service_role;

revoke all on function cogo.wait_for_budget(cogo.subtasks,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.wait_for_budget(cogo.subtasks,jsonb,jsonb) to service_role;

revoke all on function cogo.waits_for_adoption(public.cogo_tasks,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.waits_for_adoption(public.cogo_tasks,bigint) to service_role;

revoke all on function cogo.withdraw_budget_questions() from public, anon, authenticated, service_role;

grant execute on function cogo.withdraw_budget_questions() to service_role;

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
