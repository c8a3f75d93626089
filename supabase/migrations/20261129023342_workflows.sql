-- Workflows.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.child_tasks (
  child_id uuid not null,
  parent_id uuid not null,
  root_id uuid not null,
  subtask_id uuid not null,
  depth smallint not null,
  cost_usd numeric default 0,
  input_tokens bigint default 0 not null,
  cached_tokens bigint default 0 not null,
  output_tokens bigint default 0 not null,
  reasoning_tokens bigint default 0 not null
);

alter table cogo.child_tasks enable row level security;

create table cogo.flows (
  task_id uuid not null,
  first_claimed_at timestamp with time zone not null,
  ends integer default 0 not null,
  decisions jsonb default '{}'::jsonb not null,
  awaits text[] default '{}'::text[] not null,
  deadline_passed_at timestamp with time zone
);

alter table cogo.flows set (fillfactor=50);

alter table cogo.flows enable row level security;

create table cogo.wakes (
  seq bigint generated always as identity not null,
  parent_id uuid not null,
  child_id uuid not null,
  subtask_id uuid not null,
  reason text not null
);

alter table cogo.wakes set (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=500);

alter table cogo.wakes enable row level security;

create table public.cogo_approvals (
  id uuid default gen_random_uuid() not null,
  seq bigint generated always as identity not null,
  task_id uuid not null,
  subtask_id uuid not null,
  owner uuid,
  key text not null,
  question text not null,
  show jsonb,
  by text,
  asked_at timestamp with time zone default cogo.now() not null,
  answered_at timestamp with time zone,
  approved boolean,
  answered_by uuid,
  comment text,
  withdrawn_at timestamp with time zone
);

alter table public.cogo_approvals enable row level security;

create table public.cogo_sent_events (
  id uuid default gen_random_uuid() not null,
  seq bigint generated always as identity not null,
  task_id uuid not null,
  name text not null,
  payload jsonb not null,
  idempotency_key text,
  sent_by uuid,
  sent_at timestamp with time zone default cogo.now() not null,
  subtask_id uuid,
  taken_at timestamp with time zone
);

alter table public.cogo_sent_events enable row level security;

alter table cogo.subtask_payloads add column error jsonb;

alter table cogo.subtasks add column awaited boolean default false not null;

alter table cogo.subtasks add column end_no integer;

alter table cogo.subtasks add column kind text default 'ask'::text not null;

alter table cogo.subtasks add column not_needed boolean default false not null;

alter table public.cogo_tasks add column parent_task_id uuid;

alter table public.cogo_tasks add column previous_task_id uuid;

alter table cogo.subtasks drop constraint subtasks_waiting;

alter table public.cogo_attempts drop constraint cogo_attempts_outcome;

alter table cogo.child_tasks add constraint child_tasks_pkey PRIMARY KEY (child_id);

alter table cogo.flows add constraint flows_decisions_check CHECK ((jsonb_typeof(decisions) = 'object'::text));

alter table cogo.flows add constraint flows_pkey PRIMARY KEY (task_id);

alter table cogo.subtasks add constraint subtasks_end_no_check CHECK ((end_no > 0));

alter table cogo.subtasks add constraint subtasks_kind_check CHECK ((kind = ANY (ARRAY['flow'::text, 'ask'::text, 'check'::text, 'call'::text, 'approve'::text, 'sleep'::text, 'event'::text, 'task'::text])));

alter table cogo.subtasks add constraint subtasks_waiting CHECK (((status <> 'waiting'::text) OR needs_approval OR (kind = ANY (ARRAY['approve'::text, 'event'::text, 'task'::text]))));

alter table cogo.wakes add constraint wakes_pkey PRIMARY KEY (seq);

alter table cogo.wakes add constraint wakes_reason_check CHECK ((reason = ANY (ARRAY['ended'::text, 'cost'::text, 'cancel'::text])));

alter table public.cogo_approvals add constraint cogo_approvals_answered CHECK (((answered_at IS NULL) = (approved IS NULL)));

alter table public.cogo_approvals add constraint cogo_approvals_pkey PRIMARY KEY (id);

alter table public.cogo_approvals add constraint cogo_approvals_subtask_id_key UNIQUE (subtask_id);

alter table public.cogo_approvals add constraint cogo_approvals_withdrawn CHECK (((answered_at IS NULL) OR (withdrawn_at IS NULL)));

alter table public.cogo_attempts add constraint cogo_attempts_outcome CHECK ((outcome = ANY (ARRAY['completed'::text, 'failed'::text, 'released'::text, 'reaped'::text, 'cancelled'::text, 'rerouted'::text, 'routed'::text, 'suspended'::text])));

alter table public.cogo_sent_events add constraint cogo_sent_events_pkey PRIMARY KEY (id);

alter table public.cogo_sent_events add constraint cogo_sent_events_taken CHECK (((subtask_id IS NULL) = (taken_at IS NULL)));

alter table cogo.child_tasks add constraint child_tasks_child_id_fkey FOREIGN KEY (child_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

alter table cogo.flows add constraint flows_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

alter table public.cogo_approvals add constraint cogo_approvals_subtask_id_fkey FOREIGN KEY (subtask_id) REFERENCES cogo.subtasks(id) ON DELETE CASCADE;

alter table public.cogo_approvals add constraint cogo_approvals_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

alter table public.cogo_sent_events add constraint cogo_sent_events_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

alter table public.cogo_tasks add constraint cogo_tasks_parent_task_id_fkey FOREIGN KEY (parent_task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

create index child_tasks_root ON cogo.child_tasks USING btree (root_id);

create index child_tasks_step ON cogo.child_tasks USING btree (subtask_id);

create index subtasks_unserved ON cogo.subtasks USING btree (created_at) WHERE ((status = 'queued'::text) AND (kind = ANY (ARRAY['check'::text, 'call'::text])));

create index wakes_parent ON cogo.wakes USING btree (parent_id);

create index cogo_approvals_open ON public.cogo_approvals USING btree (owner, seq) WHERE ((answered_at IS NULL) AND (withdrawn_at IS NULL));

create index cogo_approvals_task ON public.cogo_approvals USING btree (task_id);

create index cogo_sent_events_buffered ON public.cogo_sent_events USING btree (task_id, name, seq) WHERE (taken_at IS NULL);

create unique index cogo_sent_events_idempotency ON public.cogo_sent_events USING btree (task_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

create index cogo_sent_events_task ON public.cogo_sent_events USING btree (task_id, seq);

create index cogo_tasks_parent ON public.cogo_tasks USING btree (parent_task_id) WHERE (parent_task_id IS NOT NULL);

create index cogo_tasks_previous ON public.cogo_tasks USING btree (previous_task_id) WHERE (previous_task_id IS NOT NULL);

create or replace function cogo.accept_outputs(p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_messages boolean;
  v_plans boolean;
  v_passed uuid[];
begin
  select array_agg(k.id), array_agg(k.attempt),
         array_agg(
           coalesce(nullif(k.item -> 'output', 'null'), '{}')
           -- A flow that hands over at once has no row for its decisions.
           || case
             when k.kind = 'hand_over' and k.item -> 'hand_over' -> 'decisions' <> '{}' then
               jsonb_build_object('decisions', k.item -> 'hand_over' -> 'decisions')
             else '{}'
           end
         ),
         array_agg(k.item -> 'usage'),
         bool_or(k.item ? 'messages' and k.kind = 'sink'),
         bool_or(k.kind = 'plan' or k.kind = 'step' and k.item ? 'subtasks'),
         coalesce(array_agg(k.id) filter (where k.kind in ('plan', 'hand_over')), '{}')
    into v_ids, v_attempts, v_outputs, v_usages, v_messages, v_plans, v_passed
    from unnest(p_ids, p_attempts, p_items, p_kinds) as k (id, attempt, item, kind)
   where k.kind in ('plan', 'hand_over', 'sink', 'step');

  perform cogo.close_attempts(v_ids, v_attempts, 'completed', v_usages);
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select * from unnest(v_ids, v_attempts, v_outputs);
  -- A statement is costly even without rows, so skip those that no item needs.
  if v_messages then
    insert into public.cogo_messages (owner, session_id, role, content, task_id)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id
      from unnest(p_ids, p_items, p_kinds) with ordinality as k (id, item, kind, ordinal)
      join cogo.subtasks s on s.id = k.id
      join public.cogo_tasks t on t.id = s.task_id
      cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
        with ordinality as m (value, ordinal)
     where k.item ? 'messages' and k.kind = 'sink' and t.session_id is not null
     order by k.ordinal, m.ordinal;
  end if;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
         sink = s.sink and s.id <> all (v_passed),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = any (v_ids);

  if v_plans then
    perform cogo.insert_plan(
              s.task_id,
              case k.kind when 'plan' then k.item -> 'plan' else k.item end,
              case k.kind when 'step' then k.id end
            )
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'plan' or k.kind = 'step' and jsonb_typeof(k.item -> 'subtasks') = 'array';
  end if;
  if 'hand_over' = any (p_kinds) then
    perform cogo.hand_over(s, k.item -> 'hand_over')
       from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind = 'hand_over';
  end if;
  if 'step' = any (p_kinds) then
    v_ids := array(
      select k.id from unnest(p_ids, p_kinds) with ordinality as k (id, kind, nth)
       where k.kind = 'step' order by k.nth
    );
    perform cogo.release_dependents(v_ids);
    perform cogo.record_ends(v_ids);
  end if;
  if 'sink' = any (p_kinds) then
    select array_agg(s.task_id), array_agg(k.item -> 'output')
      into v_tasks, v_outputs
      from unnest(p_ids, p_items, p_kinds) as k (id, item, kind)
      join cogo.subtasks s on s.id = k.id
     where k.kind = 'sink';
    perform cogo.complete_tasks(v_tasks, v_outputs);
  end if;
end;
$function$;

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
        'show', p_approval.show, 'by', p_approval."by",
        'timestamp', cogo.iso_timestamp(cogo.now())
      ) || case
        when p_approval.answered_at is null then '{}'
        else jsonb_build_object(
          'approved', p_approval.approved, 'comment', p_approval.comment,
          'answered_by', p_approval.answered_by
        )
      end
    ),
    cogo.current_actor(), 'cogo-tasks'
  );
  v_topics text[] := array['cogo-tasks', 'cogo-results:' || p_approval.task_id];
begin
  if cogo.to_uuid(p_approval."by") is not null then
    v_topics := v_topics || ('cogo-approvals:' || cogo.to_uuid(p_approval."by"));
  end if;
  perform cogo.send_messages(v_topics, array_fill(v_envelope, array[cardinality(v_topics)]));
end;
$function$;

create or replace function cogo.announce_cancellation(p_subtask cogo.subtasks, p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform cogo.notify(
    'cogo-subtasks', 'SUBTASK_CANCELLED',
    jsonb_build_object(
      'subtask_id', p_subtask.id, 'task_id', p_subtask.task_id,
      'attempt', p_subtask.attempt, 'reason', p_reason,
      'timestamp', cogo.iso_timestamp(cogo.now())
    ),
    cogo.current_actor()
  );
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
  if p_subtask.kind = 'approve' then
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

create or replace function cogo.apply_wakes(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_parents uuid[];
  v_children uuid[];
  v_cancelled uuid[];
  v_locked uuid[];
  v_ids uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  select array_agg(distinct p.id) into v_parents
    from (
      select t.id
        from cogo.wakes w
        join public.cogo_tasks t on t.id = w.parent_id
       order by w.seq
       limit p_limit
         for no key update of t skip locked
    ) as p;
  if v_parents is null then
    return 0;
  end if;
  -- What is written from here on is a new wake.
  with taken as (
    delete from cogo.wakes w where w.parent_id = any (v_parents)
    returning w.child_id, w.subtask_id, w.reason
  )
  select array_agg(distinct t.child_id), array_agg(distinct t.subtask_id),
         array_agg(distinct t.child_id) filter (where t.reason = 'cancel')
    into v_children, v_ids, v_cancelled
    from taken t;
  perform cogo.book_child_costs(v_children);

  select array_agg(s.id order by e.at, s.seq), array_agg(e.output order by e.at, s.seq),
         array_agg(e.error order by e.at, s.seq)
    into v_ids, v_outputs, v_errors
    from cogo.subtasks s
    left join lateral (
      select t.*
        from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
       where k.subtask_id = s.id
       order by t.seq desc
       limit 1
    ) as c on true
    cross join lateral (
      select c.finished_at as at,
             case c.status when 'completed' then c.result end as output,
             case
               when c.id is null then
                 '{"class": "cancelled", "message": "the child task was deleted"}'
               when c.status <> 'completed' then
                 c.error - 'subtask_id' - 'subtask_key' || jsonb_build_object('task_id', c.id)
             end as error
    ) as e
   where s.id = any (v_ids) and s.status in ('waiting', 'held')
     and (c.id is null or c.finished_at is not null);
  if v_ids is not null then
    perform cogo.end_waiting_steps(v_ids, v_outputs, v_errors);
  end if;

  if v_cancelled is not null then
    perform cogo.cancel_unneeded(v_cancelled);
  end if;
  return cardinality(v_parents);
end;
$function$;

create or replace function cogo.ask_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  insert into public.cogo_approvals as a (task_id, subtask_id, owner, key, question, show, by)
  select new.task_id, new.id, t.owner, new.key,
         coalesce(
           nullif(left(p.params ->> 'question', 10000), ''),
           format('May the subtask %s (%s, in lane %s) run?', new.key, new.type, new.lane)
         ),
         nullif(p.params -> 'show', 'null'), p.params ->> 'by'
    from cogo.subtask_payloads p
    join public.cogo_tasks t on t.id = new.task_id
   where p.subtask_id = new.id
  on conflict (subtask_id) do update
    set withdrawn_at = null, asked_at = excluded.asked_at
    where a.withdrawn_at is not null
  returning * into v_approval;
  if found then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
  return null;
end;
$function$;

create or replace function cogo.assign_turn()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
AS $function$
declare
  v_round bigint;
begin
  if tg_op = 'INSERT' then
    new.owner := coalesce(
      (select t.owner from public.cogo_tasks t where t.id = new.task_id), new.owner
    );
    new.regulated := exists (select from cogo.owners o where o.owner = new.owner);
  end if;
  v_round := coalesce((select c.round from cogo.lane_clocks c where c.lane = new.lane), 0);
  if tg_op = 'INSERT' or new.lane <> old.lane
     or new.kind = 'flow' and old.status in ('blocked', 'held') then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Includes the earlier rows of the same statement.
    new.turn := 1 + greatest(
      v_round + 100 * new.level,
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level
         order by s.turn desc
         limit 1
      )
    );
  end if;
  return new;
end;
$function$;

create or replace function cogo.book_child_costs(p_child_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with new_costs as materialized (
    select k.child_id, k.parent_id, t.simulated,
           t.cost_usd, t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens,
           t.cost_usd - k.cost_usd as usd,
           t.input_tokens - k.input_tokens as input, t.cached_tokens - k.cached_tokens as cached,
           t.output_tokens - k.output_tokens as output,
           t.reasoning_tokens - k.reasoning_tokens as reasoning
      from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
     where k.child_id = any (p_child_ids) and t.finished_at is not null
  ), booked as (
    update cogo.child_tasks k
       set cost_usd = n.cost_usd, input_tokens = n.input_tokens, cached_tokens = n.cached_tokens,
           output_tokens = n.output_tokens, reasoning_tokens = n.reasoning_tokens
      from new_costs n where k.child_id = n.child_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
         simulated = t.simulated or s.simulated
    from (
      select n.parent_id,
             case when bool_and(n.usd is not null) then sum(n.usd) end as usd,
             sum(n.input)::bigint as input, sum(n.cached)::bigint as cached,
             sum(n.output)::bigint as output, sum(n.reasoning)::bigint as reasoning,
             bool_or(n.simulated) as simulated
        from new_costs n group by n.parent_id
    ) as s
   where t.id = s.parent_id;
end;
$function$;

create or replace function cogo.book_late_usage(p_subtask_id uuid, p_attempt integer, p_usage jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if cogo.sanitize_usage(p_usage) is null then
    return;
  end if;
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  -- The cost of the task was unknown only because this one was.
  update public.cogo_tasks t
     set cost_usd = (
           select case when bool_and(c.usd is not null) then sum(c.usd) end
             from (
               select a.cost_usd from public.cogo_attempts a
                where a.task_id = t.id and a.ended_at is not null
               union all
               select k.cost_usd from cogo.child_tasks k where k.parent_id = t.id
             ) as c (usd)
         )
    from cogo.subtasks s
   where s.id = p_subtask_id and t.id = s.task_id and t.cost_usd is null;
end;
$function$;

create or replace function cogo.can_read_topic(p_topic text)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select coalesce(p_topic = 'cogo-approvals:' || (select auth.uid()), false) or exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and t.owner = (select auth.uid())
  );
$function$;

create or replace function cogo.cancel_child()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_child_id uuid;
  v_locked uuid;
begin
  select t.id into v_child_id
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
   where k.subtask_id = new.id and t.finished_at is null;
  if not found then
    return null;
  end if;
  select t.id into v_locked
    from public.cogo_tasks t where t.id = v_child_id for no key update skip locked;
  if found then
    perform cogo.cancel_tasks(array[v_locked], 'its parent task does not need it any more');
  else
    -- Waiting for it here could deadlock.
    insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
    values (new.task_id, v_child_id, new.id, 'cancel');
  end if;
  return null;
end;
$function$;

create or replace function cogo.cancel_open_subtasks(p_task_ids uuid[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- In most cases the sink was the last one.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  perform cogo.stop_running(
    array(
      select s.id from cogo.subtasks s where s.task_id = any (p_task_ids) and s.status = 'running'
    ),
    p_reason
  );
end;
$function$;

create or replace function cogo.cancel_steps(p_task_id uuid, p_keys text[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_running uuid[];
begin
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now(), not_needed = true, awaited = false
   where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');
  with asked as (
    update cogo.subtasks s
       set not_needed = true, awaited = false
     where s.task_id = p_task_id and s.kind <> 'flow' and s.key = any (coalesce(p_keys, array[s.key]))
       and s.status = 'running'
    returning s.id
  )
  select array_agg(a.id) into v_running from asked a;
  if v_running is not null then
    perform cogo.stop_running(v_running, p_reason);
  end if;
end;
$function$;

create or replace function cogo.cancel_tasks(p_task_ids uuid[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform cogo.cancel_open_subtasks(p_task_ids, p_reason);
  update public.cogo_tasks t
     set status = 'cancelled',
         error = jsonb_build_object('class', 'cancelled', 'message', p_reason),
         cancel_requested_at = cogo.now(),
         paused_at = null,
         finished_at = cogo.now()
   where t.id = any (p_task_ids) and t.finished_at is null;
end;
$function$;

create or replace function cogo.cancel_unneeded(p_child_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_locked uuid[] := array(
    select t.id
      from public.cogo_tasks t
     where t.id = any (p_child_ids) and t.finished_at is null
     order by t.seq
       for no key update skip locked
  );
begin
  perform cogo.cancel_tasks(v_locked, 'its parent task does not need it any more');
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id, 'cancel'
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
   where k.child_id = any (p_child_ids) and t.finished_at is null;
end;
$function$;

create or replace function cogo.close_attempts(p_subtask_ids uuid[], p_attempts integer[], p_outcome text, p_usages jsonb[] DEFAULT '{}'::jsonb[], p_error jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with closed as (
    update public.cogo_attempts a
       set ended_at = coalesce(a.ended_at, cogo.now()),
           outcome = p_outcome,
           error = coalesce(nullif(p_error, 'null'), a.error),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.usage ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.usage ->> 'input_tokens')::bigint,
           cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
           output_tokens = (g.usage ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.usage is not null then (g.usage ->> 'cost_usd')::numeric
             when not cogo.is_model_lane(a.lane) then 0
             when p_outcome in ('completed', 'failed', 'rerouted') then 0
             when p_outcome = 'released' and p_error ->> 'class' <> 'released' then 0
             when g.simulated then 0
           end,
           simulated = g.simulated
      from (
        select u.id, u.attempt, u.usage,
               case
                 when u.usage is not null then coalesce(u.usage -> 'simulated' = 'true', false)
                 else exists (
                   select from public.cogo_attempts h
                     join public.cogo_agents g on g.id = h.agent_id
                    where h.subtask_id = u.id and h.attempt = u.attempt
                      and cogo.is_model_lane(h.lane)
                      and g.details @> '{"simulated": true}'
                 )
               end as simulated
          from (
            select n.id, n.attempt, cogo.sanitize_usage(n.usage) as usage
              from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
          ) as u
      ) as g
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.cost_usd, a.input_tokens,
              a.cached_tokens, a.output_tokens, a.reasoning_tokens, a.simulated, g.usage
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where (cogo.is_model_lane(c.lane) or c.lane like 'sandbox:%') and not c.simulated
       and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           coalesce(sum(c.input_tokens), 0) as input_tokens,
           coalesce(sum(c.cached_tokens), 0) as cached_tokens,
           coalesce(sum(c.output_tokens), 0) as output_tokens,
           coalesce(sum(c.reasoning_tokens), 0) as reasoning_tokens,
           bool_or(c.simulated) as simulated
      from closed c
     where c.usage is not null or c.cost_usd is null or c.simulated
     group by c.task_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input_tokens,
         cached_tokens = t.cached_tokens + s.cached_tokens,
         output_tokens = t.output_tokens + s.output_tokens,
         reasoning_tokens = t.reasoning_tokens + s.reasoning_tokens,
         simulated = t.simulated or s.simulated
    from spent s
   where t.id = s.task_id;
end;
$function$;

create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
begin
  with items as materialized (
    select i.ordinal, i.item,
           cogo.to_uuid(i.item ->> 'subtask_id') as id,
           cogo.to_integer(i.item ->> 'attempt') as attempt
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
  ), fenced as materialized (
    select i.*, s as subtask, cogo.check_fence(p_agent_id, a, s) as state,
           s.kind = 'flow' and jsonb_typeof(i.item -> 'plan') = 'object'
             and exists (select from cogo.flows f where f.task_id = s.task_id) as is_outdated
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), checked as materialized (
    select f.*,
           case when f.state = 'held' and f.is_outdated is not true then
             cogo.validate_completion(f.subtask, f.item)
           end as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.state = 'held' and j.is_outdated then 'stale'
             when j.state = 'held' then 'ok'
             when j.state in ('completed', 'routed', 'suspended') then 'duplicate'
             when j.state in ('closing', 'cancelled') then 'closed'
             when j.state = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.state in ('closing', 'cancelled') then j.state
             when j.state <> 'held' or j.problem is not null then null
             when j.is_outdated then 'outdated'
             when (j.subtask).kind = 'flow' then case
               when jsonb_typeof(j.item -> 'suspend') = 'object' then 'suspend'
               when jsonb_typeof(j.item -> 'hand_over') = 'object' then 'hand_over'
               when jsonb_typeof(j.item -> 'plan') = 'object' then 'plan'
               else 'sink'
             end
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from checked j;

  if v_kinds && '{closing,cancelled,route,outdated,suspend}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              when 'cancelled' then cogo.book_late_usage(k.id, k.attempt, k.item -> 'usage')
              when 'route' then cogo.route_subtask(s, k.item)
              when 'suspend' then cogo.suspend_flow(s, k.item)
              else cogo.fail_attempt(
                s, '{"class": "released", "message": "a plan for a task that has steps"}', 'snooze',
                null, k.item -> 'usage'
              )
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'cancelled', 'route', 'outdated', 'suspend');
  end if;
  if p_items @? '$[*].again ? (@.type() == "object")' then
    v_items := array(
      select case
               when k.kind = 'sink' and jsonb_typeof(k.item -> 'again') = 'object'
               then cogo.repeat_task(s.task_id, k.item)
               else k.item
             end
        from unnest(v_ids, v_items, v_kinds) with ordinality as k (id, item, kind, ordinal)
        left join cogo.subtasks s on s.id = k.id
       order by k.ordinal
    );
  end if;
  if v_kinds && '{plan,hand_over,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$function$;

create or replace function cogo.count_outcomes(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  with taken as materialized (
    delete from cogo.outcomes o
     where o.seq in (select q.seq from cogo.outcomes q order by q.seq limit p_limit)
    returning o.subtask_id, o.attempt
  ), due as materialized (
    select t.subtask_id, t.attempt, true as is_new, 1 as weight, null::double precision as verdict
      from taken t
     union all
    -- The verdict takes the place of what was counted when the answer came.
    select v.subtask_id, v.attempt, false, w.weight, case w.weight when 1 then v.score end
      from taken t
     cross join lateral cogo.find_verdict(t.subtask_id) v
     cross join (values (-1), (1)) as w (weight)
  ), attempts as materialized (
    select t.weight, a.model_id, a.ended_at, a.duration_ms, a.first_token_ms, a.output_tokens,
           a.cost_usd, cogo.task_type(a.subtask_id) as task_type,
           coalesce(refused.models, stated.models, '{}') as after,
           t.is_new and a.outcome = 'completed' as answered,
           t.is_new and coalesce(
             a.error ->> 'class' in (
               'overloaded', 'timeout', 'connection', 'malformed_response', 'incomplete_stream',
               'authentication', 'permission', 'model_not_found'
             ), false
           ) as faulty,
           case
             when t.verdict is not null then t.verdict > 0.5
             when a.error ->> 'class' = 'check_failed' then false
             when jsonb_array_length(answer.verification -> 'checks') > 0 then
               not answer.verification @? '$.checks[*] ? (@.passed == false)'
           end as passed,
           case
             when t.verdict is not null then t.verdict
             when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
             when a.outcome <> 'completed' then null
             when answer.verification ->> 'status' = 'verified' then 1
             when answer.verification ->> 'status' = 'failed' then 0
             when answer.verification @? '$.checks[*] ? (@.passed == false)' then 0
             else 0.8
           end as good,
           coalesce(h.health = 'ok' and not h.on_trial, true) as is_ok
      from due t
      join public.cogo_attempts a using (subtask_id, attempt)
      left join cogo.model_health h on h.model_id = a.model_id
      left join lateral (
        select array_agg(e.model_id order by e.attempt) as models
          from public.cogo_attempts e
         where e.subtask_id = a.subtask_id and e.attempt < a.attempt
           and e.error ->> 'class' = 'check_failed'
      ) as refused on true
      left join lateral (
        select array(
                 select left(e.model, 200)
                   from jsonb_array_elements_text(p.metadata -> 'after') as e (model)
                  where e.model is not null
                  limit 5
               ) as models
          from cogo.subtask_payloads p
         where p.subtask_id = a.subtask_id and jsonb_typeof(p.metadata -> 'after') = 'array'
      ) as stated on true
      left join lateral (
        select o.output -> 'verification' as verification
          from cogo.subtask_outputs o
         where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      ) as answer on true
     -- A check is here for its verdict only, whatever model its usage may name.
     where a.model_id is not null and cogo.is_model_lane(a.lane)
  ), judged as (
    select s.*, case when s.faulty and s.is_ok then 0 else s.good end as score from attempts s
  ), counted as (
    insert into cogo.model_outcomes as m (
      model_id, task_type, after, judged, good, checked, passed, passed_good, answered, total_ms,
      streamed, first_token_ms, priced, cost_usd, counted_at
    )
    select j.model_id, j.task_type, k.after,
           coalesce(sum(j.weight) filter (where j.score is not null), 0),
           coalesce(sum(j.weight * j.score), 0),
           coalesce(sum(j.weight) filter (where j.passed is not null), 0),
           coalesce(sum(j.weight) filter (where j.passed), 0),
           coalesce(sum(j.weight * j.score) filter (where j.passed), 0),
           count(*) filter (where j.answered),
           coalesce(sum(j.duration_ms) filter (where j.answered), 0),
           count(j.first_token_ms) filter (where j.answered),
           coalesce(sum(j.first_token_ms) filter (where j.answered), 0),
           count(j.cost_usd) filter (where j.answered),
           coalesce(sum(j.cost_usd) filter (where j.answered), 0), v_now
      from judged j
     cross join lateral (
       select '{}'::text[] as after union select j.after
     ) as k
     group by j.model_id, j.task_type, k.after
    having count(j.score) > 0
     order by 1, 2, 3
    on conflict (model_id, task_type, after) do update
      set (judged, good, checked, passed, passed_good, answered, total_ms, streamed, first_token_ms,
           priced, cost_usd, counted_at) = (
            -- What a verdict takes back has decayed since it was counted.
            select greatest(0, m.judged * d.weight + excluded.judged),
                   greatest(0, m.good * d.weight + excluded.good),
                   greatest(0, m.checked * d.weight + excluded.checked),
                   greatest(0, m.passed * d.weight + excluded.passed),
                   greatest(0, m.passed_good * d.weight + excluded.passed_good),
                   m.answered * d.weight + excluded.answered,
                   m.total_ms * d.weight + excluded.total_ms,
                   m.streamed * d.weight + excluded.streamed,
                   m.first_token_ms * d.weight + excluded.first_token_ms,
                   m.priced * d.weight + excluded.priced,
                   m.cost_usd * d.weight + excluded.cost_usd, v_now
              from (select cogo.decay(m.counted_at, v_now, 604800) as weight) as d
          )
  ), recent as (
    select s.model_id,
           count(*) filter (where s.answered) as answered,
           count(*) filter (where s.faulty) as failed,
           count(*) filter (
             where s.faulty and s.ended_at > coalesce(l.answered_at, '-infinity')
           ) as in_a_row,
           count(*) filter (where s.answered and s.output_tokens > 0) as paced,
           coalesce(
             sum(s.duration_ms::float8 / greatest(s.output_tokens, 100))
               filter (where s.answered and s.output_tokens > 0), 0
           ) as pace
      from attempts s
      join (
        select e.model_id, max(e.ended_at) filter (where e.answered) as answered_at
          from attempts e group by e.model_id
      ) as l using (model_id)
     where s.answered or s.faulty
     group by s.model_id, l.answered_at
  ), health as (
    insert into cogo.model_health as h (
      model_id, answered, failed, in_a_row, paced, pace, usual_paced, usual_pace, counted_at
    )
    select r.model_id, r.answered, r.failed, r.in_a_row, r.paced, r.pace, r.paced, r.pace, v_now
      from recent r
     order by r.model_id
    on conflict (model_id) do update
      set in_a_row =
            excluded.in_a_row + case when excluded.answered > 0 then 0 else h.in_a_row end,
          (answered, failed, paced, pace, usual_paced, usual_pace, counted_at) = (
            select h.answered * d.recent + excluded.answered, h.failed * d.recent + excluded.failed,
                   h.paced * d.recent + excluded.paced, h.pace * d.recent + excluded.pace,
                   h.usual_paced * d.usual + d.is_ok * excluded.usual_paced,
                   h.usual_pace * d.usual + d.is_ok * excluded.usual_pace, v_now
              from (
                select cogo.decay(h.counted_at, v_now, 30) as recent,
                       cogo.decay(h.counted_at, v_now, 3600) as usual,
                       (h.health = 'ok')::integer as is_ok
              ) as d
          )
  )
  select count(*) into v_count from taken;
  return v_count;
end;
$function$;

create or replace function cogo.create_plan()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at, kind, sink)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.resting_status('pending', 0, false, new.run_at, v_now, 'flow'),
      least(9, greatest(0, new.priority)), new.run_at, 'flow', true
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.notify(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso_timestamp(new.created_at)
    ) || case
      when new.parent_task_id is null then '{}'
      else jsonb_build_object('parent_task_id', new.parent_task_id)
    end,
    cogo.current_actor()
  );
  return null;
end;
$function$;

create or replace function cogo.data_policy_rules(p_preferences jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN CASE jsonb_typeof((p_preferences -> 'data_policy'::text)) WHEN 'string'::text THEN ARRAY[(p_preferences ->> 'data_policy'::text)] WHEN 'array'::text THEN ARRAY(SELECT r.rule FROM jsonb_array_elements_text((data_policy_rules.p_preferences -> 'data_policy'::text)) r(rule)) ELSE '{}'::text[] END;

create or replace function cogo.dead_letter_subtask(p_subtask_id uuid, p_error jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
begin
  update cogo.subtasks s
     set status = 'failed',
         dead_at = cogo.now(),
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id
  returning s.* into v_subtask;

  if v_subtask.on_failure = 'continue' then
    perform cogo.release_dependents(array[v_subtask.id]);
    perform cogo.record_ends(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$function$;

create or replace function cogo.deadline_error()
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
RETURN '{"class": "deadline", "message": "the deadline of the task has passed"}'::jsonb;

create or replace function cogo.describe_answer(p_approval public.cogo_approvals)
 RETURNS text
 LANGUAGE sql
 STABLE
RETURN format('%s by %s at %s%s'::text, CASE WHEN (p_approval).approved THEN 'approved'::text ELSE 'refused'::text END, COALESCE(((p_approval).answered_by)::text, 'an operator'::text), cogo.iso_timestamp((p_approval).answered_at), (': '::text || (p_approval).comment));

create or replace function cogo.end_unserved_steps(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_since timestamptz := cogo.now() - interval '10 minutes';
  v_step record;
  v_count integer := 0;
begin
  for v_step in
    select s.id, s.lane
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'queued' and s.kind in ('check', 'call') and s.created_at < v_since
       and not exists (
         select from public.cogo_agents g where g.heartbeat_at > v_since and s.lane = any (g.lanes)
       )
       -- It may have been queued again, as by a redrive.
       and not exists (
         select from cogo.events e
          where e.task_id = s.task_id and e.subtask_id = s.id and e.kind = 'subtask.queued'
            and e.at > v_since
       )
     order by s.created_at
     limit p_limit
       for no key update of t skip locked
  loop
    update cogo.subtask_payloads p
       set error = jsonb_build_object(
             'class', 'no_agent',
             'message', format('no agent has served the lane %s for ten minutes', v_step.lane),
             'hint', 'start an executor that serves it; `cogo agents` lists what the agents serve'
           )
     where p.subtask_id = v_step.id;
    perform cogo.dead_letter_subtask(v_step.id, p.error)
       from cogo.subtask_payloads p where p.subtask_id = v_step.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$function$;

create or replace function cogo.end_waiting_steps(p_subtask_ids uuid[], p_outputs jsonb[], p_errors jsonb[])
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  select array_agg(s.id order by e.nth), array_agg(e.output order by e.nth),
         array_agg(nullif(e.error, 'null') order by e.nth)
    into v_ids, v_outputs, v_errors
    from unnest(p_subtask_ids, p_outputs, p_errors) with ordinality as e (id, output, error, nth)
    join cogo.subtasks s on s.id = e.id
   where s.status in ('queued', 'delayed', 'waiting', 'held') and s.kind <> 'flow';
  if v_ids is null then
    return 0;
  end if;
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select e.id, s.attempt, coalesce(nullif(e.output, 'null'), '{}')
    from unnest(v_ids, v_outputs, v_errors) as e (id, output, error)
    join cogo.subtasks s on s.id = e.id
   where e.error is null;
  update cogo.subtask_payloads p
     set error = e.error
    from unnest(v_ids, v_errors) as e (id, error)
   where p.subtask_id = e.id and e.error is not null;
  update cogo.subtasks s
     set status = case when e.error is null then 'completed' else 'failed' end,
         dead_at = case when e.error is not null then cogo.now() end,
         finished_at = cogo.now()
    from unnest(v_ids, v_errors) as e (id, error)
   where s.id = e.id;
  perform cogo.record_ends(v_ids);
  return cardinality(v_ids);
end;
$function$;

create or replace function cogo.evaluate_cap(p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean, p_spent numeric, p_reserved numeric, p_usd numeric, OUT answer text, OUT scope text, OUT detail text, OUT resets_at timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_name text := case p_scope
    when 'task' then 'the task''s budget'
    when 'total' then 'the cap on everything'
    else case p_key
      when 'anonymous' then 'the cap that all anonymous sign-ins share'
      when '00000000-0000-0000-0000-000000000000' then 'the cap on tasks without an owner'
      else format('the cap of %s %s', p_scope, p_key)
    end
  end;
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

create or replace function cogo.fail_attempt(p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_interval(p_after_seconds);  -- null: backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.dead_letter_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' and (cogo.is_model_lane(p_subtask.lane) or p_subtask.lane = 'cio') then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter, so that subtasks which failed together are not retried together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$function$;

create or replace function cogo.find_fatal_steps(p_task public.cogo_tasks)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select s.id
    from cogo.flows f
    join cogo.subtasks s on s.task_id = f.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
   where f.task_id = p_task.id and s.status = 'failed' and s.on_failure = 'continue'
     and (
       s.key = p_task.error ->> 'step'
       or p_task.error ? 'step' and s.key = any (f.awaits)
       -- A deadline that has passed is removed from the task.
       or p.error ->> 'class' = 'deadline'
     );
$function$;

create or replace function cogo.find_verdict(p_subtask_id uuid, OUT subtask_id uuid, OUT attempt integer, OUT score double precision)
 RETURNS SETOF record
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select a.subtask_id, a.attempt, v.score
    from cogo.subtasks c
    join cogo.subtask_payloads p on p.subtask_id = c.id
    join cogo.subtask_outputs o on o.subtask_id = c.id
    join cogo.subtasks s on s.task_id = c.task_id and s.key = p.metadata ->> 'judges'
    join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
   cross join lateral (
     select case
              when o.output -> 'report' ->> 'verdict' = 'passed' then
                case when p.metadata ->> 'tests_by' is null then 1 else 0.9 end
              when o.output -> 'report' ->> 'verdict' = 'syntax' then 0
              when o.output -> 'report' ->> 'verdict' in ('failed', 'crashed', 'timeout', 'memory') then
                case when p.metadata ->> 'tests_by' is null then 0 else 0.3 end
            end as score
   ) as v
   where c.id = p_subtask_id and c.kind = 'check' and c.status = 'completed'
     and s.kind = 'ask' and a.outcome = 'completed' and not a.simulated and v.score is not null
     and not exists (
       select from cogo.subtasks e
         join cogo.subtask_payloads ep on ep.subtask_id = e.id
        where e.task_id = c.task_id and e.kind = 'check' and e.status = 'completed'
          and e.end_no < c.end_no and ep.metadata ->> 'judges' = s.key
     );
$function$;

create or replace function cogo.hand_over(p_subtask cogo.subtasks, p_hand_over jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- Most flows that hand over have never been suspended and have no steps.
  if exists (select from cogo.flows f where f.task_id = p_subtask.task_id) then
    update cogo.flows f
       set decisions = coalesce(nullif(p_hand_over -> 'decisions', 'null'), '{}') || f.decisions
     where f.task_id = p_subtask.task_id;
    perform cogo.cancel_steps(p_subtask.task_id, null, 'the workflow has handed over');
  end if;
  perform cogo.insert_steps(
    p_subtask.task_id, jsonb_build_array(p_hand_over -> 'step'),
    coalesce(nullif(p_hand_over -> 'selections', 'null'), '[]'), p_sink => true
  );
end;
$function$;

create or replace function cogo.inherit_data_policy(p_parent jsonb, p_child jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
RETURN (COALESCE(p_child, '{}'::jsonb) || CASE WHEN (cogo.data_policy_rules(p_parent) = '{}'::text[]) THEN '{}'::jsonb ELSE jsonb_build_object('data_policy', ARRAY(SELECT DISTINCT r.rule FROM unnest((cogo.data_policy_rules(inherit_data_policy.p_parent) || cogo.data_policy_rules(inherit_data_policy.p_child))) r(rule) ORDER BY r.rule)) END);

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
           coalesce(nullif(c.child -> 'params', 'null'), '{}'), p_parent.priority, p_parent.owner,
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

create or replace function cogo.insert_plan(p_task_id uuid, p_plan jsonb, p_parent_id uuid DEFAULT NULL::uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;

  with nodes as materialized (
    select n.*, gen_random_uuid() as id,
           (nullif(n.entry ->> 'run_at', ''))::timestamptz as run_at,
           coalesce((n.entry ->> 'needs_approval')::boolean, false) as needs_approval
      from cogo.parse_plan(p_plan) n
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, status, priority, deps_left, max_failures, sink,
      needs_approval, run_at, on_failure
    )
    select n.id, p_task_id, n.key, n.entry ->> 'type', n.entry ->> 'lane',
           cogo.resting_status(
             v_task.status, cardinality(n.dependencies), n.needs_approval, n.run_at, cogo.now(), 'ask'
           ),
           least(9, greatest(0, coalesce((n.entry ->> 'priority')::integer, v_task.priority))),
           cardinality(n.dependencies),
           coalesce((n.entry ->> 'max_failures')::integer, 5),
           n.sink and p_parent_id is null, n.needs_approval, n.run_at,
           coalesce(n.entry ->> 'on_failure', 'fail_task')
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata)
    select n.id, coalesce(nullif(n.entry -> 'params', 'null'), '{}'),
           coalesce(nullif(n.entry -> 'metadata', 'null'), '{}')
      from nodes n
  )
  insert into cogo.dependencies (task_id, parent_id, child_id)
  select p_task_id, parent.id, child.id
    from nodes child
    cross join unnest(child.dependencies) as d (key)
    join nodes parent on parent.key = d.key
   union all
  -- Dependents of the subtask that adds these also wait for the new sinks.
  select p_task_id, added.id, waiting.child_id
    from nodes added
    join cogo.dependencies waiting on waiting.parent_id = p_parent_id
   where added.sink;

  if p_parent_id is not null then
    update cogo.subtasks s
       set deps_left = s.deps_left + (select count(*) from cogo.parse_plan(p_plan) n where n.sink)
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_parent_id);
  end if;

  perform cogo.record_selection(e.selection, p_task_id, s.id)
     from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]'))
          with ordinality as e (selection, ordinal)
     join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
    order by e.ordinal;
end;
$function$;

create or replace function cogo.insert_steps(p_task_id uuid, p_steps jsonb, p_selections jsonb, p_error jsonb DEFAULT NULL::jsonb, p_sink boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_task public.cogo_tasks;
  v_failed uuid[];
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  with nodes as materialized (
    select e.ordinal, e.step, gen_random_uuid() as id,
           (nullif(e.step ->> 'run_at', ''))::timestamptz as run_at,
           coalesce(nullif(e.step -> 'error', 'null'), p_error) as error
      from jsonb_array_elements(p_steps) with ordinality as e (step, ordinal)
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, kind, status, priority, max_failures, sink, on_failure, run_at,
      needs_approval, dead_at, finished_at
    )
    select n.id, p_task_id, n.step ->> 'key', n.step ->> 'type', n.step ->> 'lane', n.step ->> 'kind',
           case
             when n.error is not null then 'failed'
             else cogo.resting_status(
               v_task.status, 0, false, n.run_at, cogo.now(), n.step ->> 'kind'
             )
           end,
           least(9, greatest(0, coalesce((n.step ->> 'priority')::integer, v_task.priority))),
           coalesce((n.step ->> 'max_failures')::integer, 5),
           p_sink, case when p_sink then 'fail_task' else 'continue' end, n.run_at,
           n.step ->> 'kind' = 'approve',
           case when n.error is not null then cogo.now() end,
           case when n.error is not null then cogo.now() end
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata, error)
    select n.id, coalesce(nullif(n.step -> 'params', 'null'), '{}'),
           coalesce(nullif(n.step -> 'metadata', 'null'), '{}'), n.error
      from nodes n
  )
  select array_agg(n.id order by n.ordinal) into v_failed from nodes n where n.error is not null;

  if jsonb_array_length(p_selections) > 0 then
    perform cogo.record_selection(e.selection, p_task_id, s.id)
       from jsonb_array_elements(p_selections) with ordinality as e (selection, ordinal)
       join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
      order by e.ordinal;
  end if;
  if v_failed is null then
    return;
  end if;
  perform cogo.record_ends(v_failed);
  if p_sink then
    perform cogo.fail_task(
      p_task_id,
      p.error || jsonb_build_object('subtask_id', s.id, 'subtask_key', s.key)
    )
       from cogo.subtasks s
       join cogo.subtask_payloads p on p.subtask_id = s.id
      where s.id = v_failed[1];
  end if;
end;
$function$;

create or replace function cogo.is_awaited_child(p_task_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select exists (
    select from cogo.child_tasks k join cogo.subtasks s on s.id = k.subtask_id
     where k.child_id = p_task_id and s.finished_at is null
  );
$function$;

create or replace function cogo.is_model_lane(p_lane text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN ((p_lane <> ALL (ARRAY['cio'::text, 'wait'::text])) AND (p_lane !~~ 'sandbox:%'::text) AND (p_lane !~~ 'tools:%'::text));

create or replace function cogo.load_flow(p_flow cogo.flows)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'first_claimed_at', p_flow.first_claimed_at,
           'deadline_passed', p_flow.deadline_passed_at is not null,
           'decisions', p_flow.decisions,
           'steps', coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'key', f.key, 'kind', f.kind, 'digest', f.digest, 'status', f.status,
                 'end_no', f.end_no, 'ended_at', f.finished_at, 'attempt', f.attempt,
                 'model_id', f.model_id, 'cost_usd', f.cost_usd, 'not_needed', f.not_needed
               ) || case
                 when f.status = 'failed' then jsonb_build_object('error', f.error)
                 when f.output is null then '{}'
                 when f.size <= 65536 then jsonb_build_object('output', f.output)
                 else '{"is_output_left_out": true}'
               end order by f.seq
             ), '[]'
           )
         )
    from (
      select m.*,
             case when m.stored <= 65536 then
               sum(case when m.stored <= 65536 then octet_length(m.output::text) end)
                 over (order by m.end_no desc nulls last)
             end as size
        from (
          select s.key, s.kind, s.status, s.end_no, s.finished_at, s.attempt, s.not_needed, s.seq,
                 p.metadata ->> 'digest' as digest, o.output,
                 case when cogo.is_model_lane(s.lane) then s.lane end as model_id,
                 case s.kind
                   when 'task' then (
                     select case when bool_and(k.cost_usd is not null) is not false then
                              coalesce(sum(k.cost_usd), 0)
                            end
                       from cogo.child_tasks k where k.subtask_id = s.id
                   )
                   else (
                     select case when bool_and(a.cost_usd is not null) is not false then
                              coalesce(sum(a.cost_usd), 0)
                            end
                       from public.cogo_attempts a
                      where a.subtask_id = s.id and a.ended_at is not null
                   )
                 end as cost_usd,
                 case when s.status = 'failed' then coalesce(
                   p.error,
                   (
                     select a.error from public.cogo_attempts a
                      where a.subtask_id = s.id and a.attempt = s.attempt
                   ),
                   '{"class": "failed", "message": "no attempt recorded an error"}'
                 ) end as error,
                 sum(pg_column_size(o.output)) over (order by s.end_no desc nulls last) as stored
            from cogo.subtasks s
            join cogo.subtask_payloads p on p.subtask_id = s.id
            left join cogo.subtask_outputs o on o.subtask_id = s.id
           where s.task_id = p_flow.task_id and s.kind <> 'flow'
        ) as m
    ) as f;
$function$;

drop function cogo.load_leases(uuid[]);

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
#variable_conflict use_column
begin
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model, 'preferences', t.preferences,
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'grants',
           case when exists (select from cogo.grants g where g.owner = s.owner) then
             cogo.granted_models(t.owner)
           end
         ),
         coalesce(parents.outputs, '{}'), coalesce(parents.errors, '{}'),
         case when s.attempt = 1 then '[]' else (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'model_id', a.model_id, 'provider', a.provider,
                        'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id and a.ended_at is not null and a.outcome <> 'suspended'
         ) end,
         s.kind,
         case s.kind when 'flow' then coalesce(
           (select cogo.load_flow(f) from cogo.flows f where f.task_id = s.task_id),
           jsonb_build_object('first_claimed_at', s.started_at)
         ) end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
    cross join lateral (
      -- Subqueries, because few parents are dead; a join would be planned for all.
      select jsonb_object_agg(parent.key, o.output) filter (where o.output is not null) as outputs,
             jsonb_object_agg(
               parent.key,
               coalesce(
                 (
                   select a.error from public.cogo_attempts a
                    where a.subtask_id = parent.id and a.attempt = parent.attempt
                 ),
                 (
                   select pp.metadata -> 'approval' -> 'error'
                     from cogo.subtask_payloads pp where pp.subtask_id = parent.id
                 ),
                 '{"class": "failed", "message": "no attempt recorded an error"}'
               )
             ) filter (where parent.dead_at is not null) as errors
        from cogo.dependencies d
        join cogo.subtasks parent on parent.id = d.parent_id
        left join cogo.subtask_outputs o on o.subtask_id = d.parent_id
       where d.child_id = s.id
    ) as parents
   where s.id = any (p_subtask_ids)
   order by s.place, s.seq;
end;
$function$;

create or replace function cogo.lock_descendants(p_task_id uuid)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_locked uuid[] := '{}';
  v_found uuid[];
begin
  -- Children that are inserted while this waits for a lock are found in the next round.
  loop
    with recursive tree as (
      select t.id, t.seq from public.cogo_tasks t where t.parent_task_id = p_task_id
       union all
      select t.id, t.seq from tree e join public.cogo_tasks t on t.parent_task_id = e.id
    )
    select array_agg(e.id order by e.seq) into v_found from tree e where e.id <> all (v_locked);
    exit when v_found is null;
    perform
       from public.cogo_tasks t
      where t.id = any (v_found)
      order by t.seq + 0  -- as in cogo.lock_tasks()
        for no key update;
    v_locked := v_locked || v_found;
  end loop;
  return v_locked;
end;
$function$;

create or replace function cogo.lock_task_budgets(p_task_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_id uuid := p_task_id;
  v_parent uuid;
  v_budget numeric;
begin
  -- Upwards, so that two calls in a tree never wait for each other.
  while v_id is not null loop
    select t.parent_task_id, t.budget_usd into v_parent, v_budget
      from public.cogo_tasks t where t.id = v_id;
    if v_budget is not null then
      perform pg_advisory_xact_lock(hashtextextended('cogo.budget ' || v_id::text, 0));
    end if;
    v_id := v_parent;
  end loop;
end;
$function$;

create or replace function cogo.lock_trees(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform pg_advisory_xact_lock(hashtextextended('cogo.tree ' || r.id::text, 0))
     from (
       select distinct coalesce(k.root_id, t.id) as id
         from unnest(p_task_ids) as t (id) left join cogo.child_tasks k on k.child_id = t.id
        order by 1
     ) as r;
end;
$function$;

create or replace function cogo.notify_lanes(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_notified text[] := coalesce(nullif(current_setting('cogo.notified_lanes', true), '')::text[], '{}');
  v_count integer := coalesce(nullif(current_setting('cogo.notified_count', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as lane_total
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- The first of each lane come first, so that each lane is announced.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), chosen as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_count and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_notified)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.lane_total - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from chosen t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.build_envelope(
             'MCP_SUBTASK', cogo.truncate_payload(m.payload), cogo.current_actor(), m.topic
           )
      from (
        select n.nth, case s.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'type', s.type,
                 'params', jsonb_build_object(
                   'git_branch', null,
                   'target_file', null,
                   'model_id', s.lane,
                   'generation_prompt', t.prompt
                 ) || p.params,
                 'metadata', jsonb_build_object(
                   'estimated_duration', 30000,
                   'model_preferences', case
                     when p.params ? 'model_id' then jsonb_build_array(p.params ->> 'model_id')
                     when cogo.is_model_lane(s.lane) then jsonb_build_array(s.lane)
                     else '[]'
                   end
                 ) || p.metadata || jsonb_build_object(
                   'priority', case when s.priority <= 3 then 'high'
                                    when s.priority <= 6 then 'medium' else 'low' end,
                   'timestamp', cogo.iso_timestamp(cogo.now())
                 ) || case when n.more > 0 then jsonb_build_object('queued', n.more) else '{}' end
               ) as payload
          from unnest(v_ids, v_more) with ordinality as n (id, more, nth)
          join cogo.subtasks s on s.id = n.id
          join cogo.subtask_payloads p on p.subtask_id = s.id
          join public.cogo_tasks t on t.id = s.task_id
      ) as m
     order by m.nth
  );
  perform cogo.send_messages(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.notified_lanes', (v_notified || v_lanes)::text, true);
  perform set_config('cogo.notified_count', (v_count + cardinality(v_ids))::text, true);
end;
$function$;

create or replace function cogo.on_subtask_status()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_ids uuid[];
  v_from text[];
  v_agents text[];
  v_queued uuid[];
  v_ended uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(null::text), array_agg(n.agent_id)
      into v_ids, v_from, v_agents from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id), array_agg(o.status), array_agg(coalesce(n.agent_id, o.agent_id))
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is null then
    return null;
  end if;

  with numbered as (
    select s.*, c.from_status,
           coalesce(c.agent, nullif(cogo.current_actor(), 'cogo-database')) as actor,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, agent)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
    -- Look up the last number once per task and before the insert: later lookups would pass the new
    -- rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as last_seq
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select c.task_id, coalesce(c.last_seq, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.actor,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso_timestamp(c.run_at) end,
             'kind', case when c.kind <> 'ask' then c.kind end,
             'role', case when c.kind = 'ask' then (
               select left(p.metadata ->> 'role', 100)
                 from cogo.subtask_payloads p where p.subtask_id = c.id
             ) end,
             'name', case when c.kind = 'event' and c.status = 'waiting' then (
               select left(p.params ->> 'name', 100)
                 from cogo.subtask_payloads p where p.subtask_id = c.id
             ) end,
             'awaits', case when c.kind = 'flow' and c.status = 'blocked' then c.deps_left end
           ))
      from changed c
  )
  -- A new flow was announced by TASK_CREATED.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.kind <> 'flow')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.kind <> 'flow')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.publish_subtask_results(v_ended);
  end if;
  return null;
end;
$function$;

create or replace function cogo.open_waiting_steps(p_task_id uuid, p_steps jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_children jsonb[];
begin
  if p_steps @? '$[*] ? (@.kind == "event")' then
    perform cogo.take_events(p_task_id);
  end if;
  if p_steps @? '$[*] ? (@.kind == "task")' then
    select array_agg(s.id order by s.seq), array_agg(e.step -> 'child' order by s.seq)
      into v_ids, v_children
      from jsonb_array_elements(p_steps) e (step)
      join cogo.subtasks s on s.task_id = p_task_id and s.key = e.step ->> 'key'
     where s.kind = 'task' and s.finished_at is null;
    if v_ids is not null then
      perform cogo.start_children(p_task_id, v_ids, v_children);
    end if;
  end if;
end;
$function$;

create or replace function cogo.pass_deadline(p_task_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_running cogo.subtasks[];
begin
  -- Running steps that were asked to stop are over for the workflow.
  select array_agg(s.id order by s.seq),
         array_agg(s.attempt order by s.seq),
         array_agg(s order by s.seq) filter (where s.status = 'running')
    into v_ids, v_attempts, v_running
    from cogo.subtasks s
   where s.task_id = p_task_id and s.kind <> 'flow' and s.finished_at is null
     and s.cancel_requested_at is null;
  update cogo.flows f set deadline_passed_at = cogo.now() where f.task_id = p_task_id;
  if v_running is not null then
    perform cogo.close_attempts(v_ids, v_attempts, 'cancelled', p_error => cogo.deadline_error());
    perform cogo.announce_cancellation(r, 'the deadline of the task has passed')
       from unnest(v_running) as r;
  end if;
  update cogo.subtask_payloads p set error = cogo.deadline_error() where p.subtask_id = any (v_ids);
  update cogo.subtasks s
     set status = 'failed', dead_at = cogo.now(), finished_at = cogo.now(), lease_expires_at = null,
         agent_id = null, claim_request = null
   where s.id = any (v_ids);
  perform cogo.record_ends(v_ids);
  perform cogo.wake_flows(array[p_task_id]);
end;
$function$;

create or replace function cogo.pause_tasks(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.cogo_tasks t
     set status = 'held', paused_at = cogo.now()
   where t.id = any (p_task_ids) and t.status in ('pending', 'running');
  update cogo.subtasks s
     set status = 'held'
   where s.task_id = any (p_task_ids) and s.status in ('blocked', 'queued', 'delayed', 'waiting');
end;
$function$;

create or replace function cogo.promote_due(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
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

create or replace function cogo.publish_subtask_results(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_task_ids uuid[];
  v_payloads jsonb[];
  v_sources text[];
begin
  select array_agg(r.task_id order by r.seq), array_agg(r.payload order by r.seq),
         array_agg(r.source order by r.seq)
    into v_task_ids, v_payloads, v_sources
    from (
      select s.seq, s.task_id, coalesce(a.agent_id, cogo.current_actor()) as source,
             jsonb_build_object(
               'subtask_id', s.id,
               'task_id', s.task_id,
               'status', s.status,
               'execution_time', coalesce(cogo.elapsed_ms(a.claimed_at, s.finished_at), 0),
               'metadata', jsonb_build_object(
                 'source', coalesce(a.agent_id, cogo.current_actor()),
                 'timestamp', cogo.iso_timestamp(s.finished_at),
                 'model_id', a.model_id,
                 'model_performance', jsonb_build_object(
                   'model_id', a.model_id,
                   'response_time', a.duration_ms,
                   'tokens_used',
                   a.input_tokens + coalesce(a.cached_tokens, 0) + a.output_tokens,
                   'cost_usd', a.cost_usd
                 )
               ),
               case s.status when 'completed' then 'output' else 'error' end,
               case s.status
                 when 'completed' then o.output
                 else coalesce(
                   (select p.error from cogo.subtask_payloads p where p.subtask_id = s.id),
                   a.error,
                   (
                     select p.metadata -> 'approval' -> 'error'
                       from cogo.subtask_payloads p where p.subtask_id = s.id
                   )
                 )
               end
             ) as payload
        from cogo.subtasks s
        -- A subtask whose approval was refused may have no attempt.
        left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
        left join cogo.subtask_outputs o on o.subtask_id = s.id
       where s.id = any (p_subtask_ids)
    ) as r;
  perform cogo.publish_results('SUBTASK_RESULT', v_task_ids, v_payloads, v_sources);
end;
$function$;

create or replace function cogo.record_drift(p_subtask cogo.subtasks, p_drift jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if jsonb_array_length(p_drift) = 0 then
    return;
  end if;
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select p_subtask.task_id,
         row_number() over (order by e.ordinal) + (
           select coalesce(max(v.seq), 0) from cogo.events v where v.task_id = p_subtask.task_id
         ),
         cogo.now(), 'workflow.drift', p_subtask.id, p_subtask.attempt, cogo.current_actor(), e.detail
    from (
      select cogo.truncate_json(d.value) as detail, min(d.ordinal) as ordinal
        from jsonb_array_elements(p_drift) with ordinality as d (value, ordinal)
       where d.ordinal <= 1000
       group by 1
    ) as e
   -- Each replay reports it again.
   where not exists (
     select from cogo.events v
      where v.task_id = p_subtask.task_id and v.kind = 'workflow.drift' and v.detail = e.detail
   );
end;
$function$;

create or replace function cogo.record_ends(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_tasks uuid[];
  v_counts integer[];
begin
  with ended as materialized (
    select s.id, s.task_id, s.awaited,
           row_number() over (partition by s.task_id order by e.nth) as nth
      from unnest(p_subtask_ids) with ordinality as e (id, nth)
      join cogo.subtasks s on s.id = e.id
     where s.status in ('completed', 'failed') and s.kind <> 'flow' and s.end_no is null
  ), counted as (
    update cogo.flows f
       set ends = f.ends + c.ends
      from (select e.task_id, count(*)::integer as ends from ended e group by e.task_id) as c
     where f.task_id = c.task_id
    returning f.task_id, f.ends - c.ends as before
  ), numbered as (
    update cogo.subtasks s
       set end_no = c.before + e.nth, awaited = false
      from ended e
      join counted c on c.task_id = e.task_id
     where s.id = e.id
    returning s.task_id, e.awaited
  ), marked as (
    select n.task_id, count(*)::integer as ends from numbered n where n.awaited group by n.task_id
  )
  select array_agg(m.task_id), array_agg(m.ends) into v_tasks, v_counts from marked m;
  if v_tasks is null then
    return;
  end if;
  with counted as (
    update cogo.subtasks s
       set deps_left = greatest(0, s.deps_left - c.ends)
      from unnest(v_tasks, v_counts) as c (task_id, ends)
     where s.task_id = c.task_id and s.key = 'plan' and s.kind = 'flow'
       and s.status in ('blocked', 'held')
    returning s.task_id, s.deps_left
  )
  select array_agg(c.task_id) into v_tasks from counted c where c.deps_left = 0;
  if v_tasks is not null then
    perform cogo.wake_flows(v_tasks);
  end if;
end;
$function$;

create or replace function cogo.refuse_children(p_parent public.cogo_tasks, p_children jsonb[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_link cogo.child_tasks;
  v_count integer;
  v_left numeric;
  v_limit record;
  v_errors jsonb[] := '{}';
  v_child jsonb;
  v_usd numeric;
  v_error jsonb;
begin
  select k.* into v_link from cogo.child_tasks k where k.child_id = p_parent.id;
  select count(*) into v_count
    from cogo.child_tasks k where k.root_id = coalesce(v_link.root_id, p_parent.id);
  select b.* into v_limit from cogo.task_budgets(p_parent.id) b order by b.height limit 1;
  v_left := v_limit.budget_usd - v_limit.spent_usd - v_limit.reserved_usd;

  foreach v_child in array p_children loop
    v_error := null;
    v_usd := (v_child ->> 'budget_usd')::numeric;
    if coalesce(v_link.depth, 0) >= 4 then
      v_error := jsonb_build_object(
        'class', 'child_limit',
        'message', 'child tasks may be nested 4 deep, and this one would be a level below'
      );
    elsif v_count >= 200 then
      v_error := jsonb_build_object(
        'class', 'child_limit',
        'message', 'a task may have 200 child tasks, those of its children included'
      );
    elsif v_usd > v_left then
      v_error := jsonb_build_object(
        'class', 'budget',
        'message', format(
          'the child task asks for a budget of $%s, and of the budget of task %s $%s are left',
          trim_scale(v_usd), v_limit.task_id, round(greatest(v_left, 0), 6)
        )
      );
    else
      v_count := v_count + 1;
      v_left := v_left - coalesce(v_usd, 0);
    end if;
    v_errors := v_errors || coalesce(v_error, 'null');
  end loop;
  return v_errors;
end;
$function$;

create or replace function cogo.release_dependents(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set deps_left = s.deps_left - w.ended,
         status = case s.status
           when 'blocked' then cogo.resting_status(
             t.status, s.deps_left - w.ended, s.needs_approval, s.run_at, cogo.now(), s.kind
           )
           else s.status
         end
    from public.cogo_tasks t,
         (
           select d.child_id, count(*)::integer as ended
             from cogo.dependencies d
            where d.parent_id = any (p_subtask_ids)
            group by d.child_id
         ) as w
   where s.id = w.child_id and t.id = s.task_id;
end;
$function$;

create or replace function cogo.reopen_waiting_steps(p_task_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_step record;
begin
  perform cogo.take_events(p_task_id);
  if exists (
    select from cogo.subtasks s
     where s.task_id = p_task_id and s.kind = 'task' and s.status in ('waiting', 'held')
  ) then
    perform cogo.lock_descendants(p_task_id);
    perform cogo.lock_trees(array[p_task_id]);
  end if;
  for v_step in
    select s.id, c.id as child_id, c.status, c.finished_at,
           jsonb_build_object(
             'type', c.type, 'prompt', c.prompt, 'params', c.params, 'model', c.model,
             'preferences', c.preferences, 'budget_usd', c.budget_usd
           ) as child
      from cogo.subtasks s
      left join lateral (
        select t.*
          from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
         where k.subtask_id = s.id
         order by t.seq desc
         limit 1
      ) as c on true
     where s.task_id = p_task_id and s.kind = 'task' and s.status in ('waiting', 'held')
     order by s.seq
  loop
    if v_step.status = 'failed' then
      perform public.cogo_redrive_task(v_step.child_id);
    elsif v_step.status = 'cancelled' then
      perform cogo.start_children(p_task_id, array[v_step.id], array[v_step.child]);
    elsif v_step.child_id is null or v_step.finished_at is not null then
      insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
      values (p_task_id, coalesce(v_step.child_id, v_step.id), v_step.id, 'ended');
    end if;
  end loop;
end;
$function$;

create or replace function cogo.repeat_task(p_task_id uuid, p_item jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_again constant jsonb := p_item -> 'again';
  v_task public.cogo_tasks;
  v_at timestamptz := nullif(v_again ->> 'at', '');
  v_id uuid;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  insert into public.cogo_tasks (
    type, prompt, params, priority, owner, session_id, model, preferences, budget_usd, deadline,
    run_at, stream, previous_task_id
  ) values (
    v_task.type, v_task.prompt, coalesce(nullif(v_again -> 'params', 'null'), v_task.params),
    v_task.priority, v_task.owner, v_task.session_id, v_task.model, v_task.preferences,
    v_task.budget_usd,
    -- As long after its start as that of this run.
    coalesce(v_at, cogo.now()) + (v_task.deadline - coalesce(v_task.run_at, v_task.created_at)),
    v_at, v_task.stream, v_task.id
  )
  returning id into v_id;
  return p_item || jsonb_build_object(
    'output',
    coalesce(nullif(v_again -> 'output', 'null'), '{}') || jsonb_build_object('next_task_id', v_id)
  );
exception
  -- Such as a model that is not granted any more: for the caller like any other invalid completion.
  when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
    raise data_exception using message = 'the next run cannot be inserted: ' || sqlerrm;
end;
$function$;

create or replace function cogo.requeue_subtask(p_subtask_id uuid, p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_lane text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set status = cogo.resting_status(
           t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now(), s.kind
         ),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$function$;

create or replace function cogo.restamp_subtasks(p_action text, p_lanes text[], p_scope text, p_reason text, p_who text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_owner uuid := cogo.to_uuid(substr(p_scope, length('owner:') + 1));
begin
  select array_agg(w.id) into v_ids
    from (
      select s.id, s.task_id
        from (
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status = 'queued'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'blocked'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'delayed'
           union all
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status in ('waiting', 'held')
        ) as s
        join public.cogo_tasks t on t.id = s.task_id
       where cogo.is_model_lane(s.lane)
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- A task that names its model keeps it, unless the model is banned.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || cogo.task_type(s.id)
           else true
         end
       order by t.seq
         for no key update of t
    ) as w;

  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids)
       and s.status in ('queued', 'blocked', 'delayed', 'waiting', 'held')
    returning s.*
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select m.task_id,
         row_number() over (partition by m.task_id order by m.seq) + coalesce(
           (
             select e.seq from cogo.events e where e.task_id = m.task_id
              order by e.seq desc limit 1
           ), 0
         ),
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0), p_who,
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.notify_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$function$;

create or replace function cogo.resting_status(p_task_status text, p_deps_left integer, p_needs_approval boolean, p_run_at timestamp with time zone, p_now timestamp with time zone, p_kind text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN CASE WHEN (p_task_status = 'held'::text) THEN 'held'::text WHEN (p_deps_left > 0) THEN 'blocked'::text WHEN (p_kind = 'sleep'::text) THEN 'delayed'::text WHEN (p_needs_approval OR (p_kind = ANY (ARRAY['approve'::text, 'event'::text, 'task'::text]))) THEN 'waiting'::text WHEN (p_run_at > p_now) THEN 'delayed'::text ELSE 'queued'::text END;

create or replace function cogo.revive_subtasks(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtask_payloads p
     set error = null
   where p.subtask_id = any (p_subtask_ids) and p.error is not null;
  update cogo.subtasks s
     set status = case
           when s.kind = 'sleep' then 'delayed'
           when s.kind in ('approve', 'event', 'task') then 'waiting'
           else 'queued'
         end,
         -- A question for which there was no model is put to the orchestrators again.
         lane = case when s.kind = 'ask' and s.lane = 'wait' then 'cio' else s.lane end,
         failures = 0, reaps = 0, needs_approval = s.kind = 'approve',
         run_at = case when s.kind = 'sleep' then s.run_at end,
         dead_at = null, finished_at = null, end_no = null
   where s.id = any (p_subtask_ids) and s.status = 'failed';
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
begin
  select t.* into v_parent from public.cogo_tasks t where t.id = p_task_id;
  v_errors := cogo.refuse_children(v_parent, p_children);
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
     where e.error <> 'null' order by e.nth
  );
  if v_refused <> '{}' then
    perform cogo.end_waiting_steps(
      array(select p_subtask_ids[r.nth] from unnest(v_refused) as r (nth) order by r.nth),
      array_fill(null::jsonb, array[cardinality(v_refused)]),
      array(select v_errors[r.nth] from unnest(v_refused) as r (nth) order by r.nth)
    );
  end if;
end;
$function$;

create or replace function cogo.stop_running(p_subtask_ids uuid[], p_reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
begin
  -- The holder learns it from this message or at its next extension; its lease is not shortened.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.id = any (p_subtask_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.announce_cancellation(v_subtask, p_reason);
  end loop;
end;
$function$;

create or replace function cogo.subtask_transitions()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN ARRAY['blocked>queued'::text, 'blocked>delayed'::text, 'blocked>waiting'::text, 'blocked>held'::text, 'blocked>cancelled'::text, 'queued>running'::text, 'queued>held'::text, 'queued>cancelled'::text, 'queued>failed'::text, 'queued>delayed'::text, 'delayed>queued'::text, 'delayed>held'::text, 'delayed>cancelled'::text, 'delayed>failed'::text, 'delayed>completed'::text, 'waiting>queued'::text, 'waiting>completed'::text, 'waiting>failed'::text, 'waiting>held'::text, 'waiting>cancelled'::text, 'held>blocked'::text, 'held>queued'::text, 'held>delayed'::text, 'held>waiting'::text, 'held>cancelled'::text, 'held>completed'::text, 'held>failed'::text, 'running>queued'::text, 'running>delayed'::text, 'running>waiting'::text, 'running>blocked'::text, 'running>completed'::text, 'running>failed'::text, 'running>cancelled'::text, 'running>held'::text, 'failed>queued'::text, 'failed>delayed'::text, 'failed>waiting'::text, 'cancelled>blocked'::text, 'cancelled>queued'::text];

create or replace function cogo.suspend_flow(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_suspend constant jsonb := p_item -> 'suspend';
  v_awaits constant text[] := array(select distinct jsonb_array_elements_text(v_suspend -> 'awaits'));
  v_flow cogo.flows;
  v_open integer;
  v_left integer;
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'suspended', array[p_item -> 'usage']
  );
  insert into cogo.flows as f (task_id, first_claimed_at, decisions, awaits)
  values (
    p_subtask.task_id, p_subtask.started_at,
    coalesce(nullif(v_suspend -> 'decisions', 'null'), '{}'), v_awaits
  )
  on conflict (task_id) do update
    -- What was recorded first wins.
    set decisions = excluded.decisions || f.decisions, awaits = excluded.awaits
  returning * into v_flow;
  perform cogo.record_drift(p_subtask, coalesce(nullif(v_suspend -> 'drift', 'null'), '[]'));
  if jsonb_array_length(coalesce(nullif(v_suspend -> 'cancel', 'null'), '[]')) > 0 then
    perform cogo.cancel_steps(
      p_subtask.task_id, array(select jsonb_array_elements_text(v_suspend -> 'cancel')),
      'the workflow does not need it any more'
    );
  end if;
  if jsonb_array_length(coalesce(nullif(v_suspend -> 'steps', 'null'), '[]')) > 0 then
    perform cogo.insert_steps(
      p_subtask.task_id, v_suspend -> 'steps',
      coalesce(nullif(v_suspend -> 'selections', 'null'), '[]'),
      case when v_flow.deadline_passed_at is not null then cogo.deadline_error() end
    );
  end if;

  -- What ended before this transaction is counted here, under the task lock.
  with marked as (
    update cogo.subtasks s
       set awaited = true
     where s.task_id = p_subtask.task_id and s.key = any (v_awaits) and s.finished_at is null
       and not s.not_needed
    returning s.id
  )
  select count(*) into v_open from marked;
  v_left := case
    when coalesce(v_suspend ->> 'wait', 'all') = 'all' then v_open
    when v_open = cardinality(v_awaits) then 1
    else 0
  end;
  update cogo.subtasks s
     set status = case t.status when 'held' then 'held' else 'blocked' end,
         deps_left = v_left, failures = 0, reaps = 0, run_at = null, lease_expires_at = null,
         agent_id = null, claim_request = null
    from public.cogo_tasks t
   where s.id = p_subtask.id and t.id = s.task_id;
  if v_left = 0 then
    perform cogo.wake_flows(array[p_subtask.task_id]);
  end if;
  if v_suspend @? '$.steps[*] ? (@.kind == "event" || @.kind == "task")' then
    perform cogo.open_waiting_steps(p_subtask.task_id, v_suspend -> 'steps');
  end if;
end;
$function$;

create or replace function cogo.take_events(p_task_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_ids uuid[];
  v_outputs jsonb[];
begin
  with steps as materialized (
    select s.id, p.params ->> 'name' as name,
           row_number() over (partition by p.params ->> 'name' order by s.seq) as nth
      from cogo.subtasks s
      join cogo.subtask_payloads p on p.subtask_id = s.id
     where s.task_id = p_task_id and s.kind = 'event' and s.status in ('waiting', 'held')
  ), buffered as materialized (
    select e.id, e.name, row_number() over (partition by e.name order by e.seq) as nth
      from public.cogo_sent_events e
     where e.task_id = p_task_id and e.taken_at is null
       and e.name in (select s.name from steps s)
  ), taken as (
    update public.cogo_sent_events e
       set subtask_id = s.id, taken_at = cogo.now()
      from buffered b join steps s using (name, nth)
     where e.id = b.id
    returning e.seq, e.subtask_id,
              jsonb_build_object(
                'name', e.name, 'payload', e.payload, 'at', cogo.iso_timestamp(e.sent_at)
              ) as output
  )
  select array_agg(t.subtask_id order by t.seq), array_agg(t.output order by t.seq)
    into v_ids, v_outputs
    from taken t;
  if v_ids is not null then
    perform cogo.end_waiting_steps(
      v_ids, v_outputs, array_fill(null::jsonb, array[cardinality(v_ids)])
    );
  end if;
end;
$function$;

create or replace function cogo.task_budgets(p_task_id uuid)
 RETURNS TABLE(height integer, task_id uuid, budget_usd numeric, spent_usd numeric, reserved_usd numeric)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with recursive path as (
    select 0 as height, t.id, t.parent_task_id, t.budget_usd
      from public.cogo_tasks t where t.id = p_task_id
     union all
    select p.height + 1, t.id, t.parent_task_id, t.budget_usd
      from path p join public.cogo_tasks t on t.id = p.parent_task_id
  ), tree as (
    -- Below each budget on the path: every task, with the highest one above it that has a reservation.
    select p.id as top, p.id, null::uuid as reserving, null::numeric as reservation
      from path p where p.budget_usd is not null
     union all
    select e.top, c.id, coalesce(e.reserving, n.id), coalesce(e.reservation, n.budget_usd)
      from tree e
      join public.cogo_tasks c on c.parent_task_id = e.id
      left join lateral (
        select c.id, greatest(c.budget_usd, 0) as budget_usd
         where c.budget_usd is not null and c.finished_at is null
           and not exists (select from path p where p.id = c.id)
      ) as n on true
  ), used as (
    select e.top, e.reservation,
           sum(
             (select coalesce(sum(c.cost_usd), 0) from public.cogo_calls c where c.task_id = e.id)
           ) as spent,
           sum(cogo.reserved_usd('task', e.id::text)) as reserved
      from tree e
     group by e.top, e.reserving, e.reservation
  )
  select p.height, p.id, p.budget_usd, sum(u.spent),
         sum(u.reserved + greatest(coalesce(u.reservation - u.spent - u.reserved, 0), 0))
    from path p join used u on u.top = p.id
   group by p.height, p.id, p.budget_usd;
$function$;

create or replace function cogo.validate_completion(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_unreadable text;
begin
  -- Dependents, watchers and lists must be able to read these.
  select f.field || ' ' || cogo.validate_json(f.value) into v_unreadable
    from (
      values ('output', p_item -> 'output'), ('plan.subtasks', v_plan -> 'subtasks'),
             ('subtasks', v_added), ('route.params', v_route -> 'params'),
             ('route.metadata', v_route -> 'metadata'),
             ('suspend.steps', p_item -> 'suspend' -> 'steps'),
             ('suspend.decisions', p_item -> 'suspend' -> 'decisions'),
             ('suspend.drift', p_item -> 'suspend' -> 'drift'),
             ('hand_over.step', p_item -> 'hand_over' -> 'step'),
             ('hand_over.decisions', p_item -> 'hand_over' -> 'decisions'),
             ('again', p_item -> 'again')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  elsif jsonb_typeof(p_item -> 'messages') not in ('array', 'null') then
    return 'messages must be a list';
  end if;
  if p_subtask.kind = 'flow' then
    return cogo.validate_flow_end(p_subtask, p_item);
  elsif v_added is not null and (
    p_subtask.lane = 'cio' or p_subtask.sink
    or exists (select from cogo.flows f where f.task_id = p_subtask.task_id)
  ) then
    return 'only a completed subtask that is neither the sink nor a step of a workflow may add subtasks';
  end if;
  if v_route is not null or v_added is not null then
    v_grant := cogo.validate_stamps(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if coalesce(
    v_plan, nullif(p_item -> 'suspend', 'null'), nullif(p_item -> 'hand_over', 'null'),
    nullif(p_item -> 'again', 'null')
  ) is not null then
    return 'only a flow is completed with a plan, a suspension, a hand-over or its next run';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio') then
    return 'a rerouted subtask in lane cio must be completed with a route, others must not';
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') = '' or not cogo.is_model_lane(v_route ->> 'lane') then
      return 'route.lane must name a model';
    elsif jsonb_typeof(coalesce(nullif(v_route -> 'params', 'null'), '{}')) <> 'object'
       or jsonb_typeof(coalesce(nullif(v_route -> 'metadata', 'null'), '{}')) <> 'object' then
      return 'route.params and route.metadata must be objects';
    end if;
  elsif jsonb_typeof(p_item -> 'output') is distinct from 'object' then
    return 'output must be an object';
  elsif v_added is not null then
    return 'TQ006: ' || cogo.validate_plan(
      p_item, array(select s.key from cogo.subtasks s where s.task_id = p_subtask.task_id)
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_flow_end(p_subtask cogo.subtasks, p_item jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_problem text;
  v_ends text[] := array(
    select e.name
      from unnest(array['plan', 'suspend', 'hand_over', 'again']) as e (name)
     where nullif(p_item -> e.name, 'null') is not null
  );
begin
  if cardinality(v_ends) > 1 then
    return 'a flow ends its attempt in one way, not with ' || array_to_string(v_ends, ' and ');
  elsif jsonb_typeof(coalesce(p_item -> 'route', 'null')) <> 'null'
     or jsonb_typeof(coalesce(p_item -> 'subtasks', 'null')) <> 'null' then
    return 'a flow must not be completed with a route or subtasks';
  elsif v_ends = '{}' then
    if jsonb_typeof(p_item -> 'output') is distinct from 'object' then
      return 'output must be an object';
    end if;
    return null;
  elsif jsonb_typeof(p_item -> v_ends[1]) <> 'object' then
    return v_ends[1] || ' must be an object';
  end if;
  v_problem := case v_ends[1]
    when 'suspend' then cogo.validate_suspension(p_subtask.task_id, p_item -> 'suspend')
    when 'hand_over' then cogo.validate_hand_over(p_subtask.task_id, p_item -> 'hand_over')
    when 'again' then cogo.validate_next_run(p_subtask.task_id, p_item -> 'again')
  end;
  if v_problem is not null then
    return v_problem;
  end if;
  v_problem := cogo.validate_stamps(p_subtask.task_id, p_item);
  if v_problem is not null then
    return 'TQ007: ' || v_problem;
  elsif v_ends[1] = 'plan' then
    return 'TQ006: ' || cogo.validate_plan(p_item -> 'plan');
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_hand_over(p_task_id uuid, p_hand_over jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_step constant jsonb := p_hand_over -> 'step';
  v_problem text;
begin
  if jsonb_typeof(v_step) is distinct from 'object' then
    return 'hand_over.step must be an object';
  elsif jsonb_typeof(coalesce(nullif(p_hand_over -> 'decisions', 'null'), '{}')) <> 'object' then
    return 'hand_over.decisions must be an object';
  end if;
  v_problem := cogo.validate_steps(
    jsonb_build_array(v_step), coalesce(nullif(p_hand_over -> 'selections', 'null'), '[]'),
    array(
      select s.key from cogo.subtasks s where s.task_id = p_task_id and s.key = v_step ->> 'key'
    )
  );
  if v_problem is not null then
    return v_problem;
  elsif v_step ->> 'kind' not in ('ask', 'check', 'call') then
    return format(
      'step %s of kind %s cannot be handed over: await it, and return its result',
      v_step ->> 'key', v_step ->> 'kind'
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_next_run(p_task_id uuid, p_again jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if jsonb_typeof(coalesce(p_again -> 'params', 'null')) not in ('object', 'null') then
    return 'again.params must be an object';
  elsif jsonb_typeof(coalesce(p_again -> 'output', 'null')) not in ('object', 'null') then
    return 'again.output must be an object';
  elsif exists (
    select from public.cogo_tasks t where t.id = p_task_id and t.parent_task_id is not null
  ) then
    return 'a child task cannot repeat itself: let its parent do so';
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_stamps(p_task_id uuid, p_item jsonb)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with body as (
    select case
             when jsonb_typeof(p_item -> 'hand_over') = 'object' then jsonb_build_object(
               'subtasks', jsonb_build_array(p_item -> 'hand_over' -> 'step'),
               'selections', p_item -> 'hand_over' -> 'selections'
             )
             when jsonb_typeof(p_item -> 'suspend') = 'object' then jsonb_build_object(
               'subtasks', p_item -> 'suspend' -> 'steps',
               'selections', p_item -> 'suspend' -> 'selections'
             )
             else coalesce(nullif(p_item -> 'plan', 'null'), p_item)
           end as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamps as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
     where jsonb_typeof(coalesce(e.step -> 'error', 'null')) = 'null'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.validate_grant(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamps s
   where t.id = p_task_id and cogo.is_model_lane(s.lane)
     and cogo.validate_grant(t.owner, s.lane, s.provider) is not null
   limit 1;
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
  elsif v_kind = 'event'
        and coalesce(p_step -> 'params' ->> 'name', '') !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    return format('step %s: the name of an event must be 1 to 100 of A-Z a-z 0-9 _ . : -', v_key);
  elsif (v_kind = 'task') <> (jsonb_typeof(coalesce(p_step -> 'child', 'null')) = 'object') then
    return format('step %s: a step of kind task needs a child, and no other may have one', v_key);
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_steps(p_steps jsonb, p_selections jsonb, p_taken text[])
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  v_problem text;
  v_keys text[] := array(select e.value ->> 'key' from jsonb_array_elements(p_steps) e);
begin
  select cogo.validate_step(e.value) into v_problem
    from jsonb_array_elements(p_steps) e where cogo.validate_step(e.value) is not null
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  select k.key into v_problem
    from unnest(v_keys || p_taken) as k (key) group by k.key having count(*) > 1 limit 1;
  if v_problem is not null then
    return format('the key %s is taken', v_problem);
  end if;
  if jsonb_typeof(p_selections) <> 'array' then
    return 'selections must be a list';
  end if;
  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_problem
    from jsonb_array_elements(p_selections) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_problem is not null then
    return 'a selection is for a key that is not among the new steps: ' || left(v_problem, 200);
  end if;
  return null;
end;
$function$;

create or replace function cogo.validate_suspension(p_task_id uuid, p_suspend jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_max_steps constant integer := 1000;
  v_max_open constant integer := 100;
  v_steps constant jsonb := coalesce(nullif(p_suspend -> 'steps', 'null'), '[]');
  v_taken text[];
  v_open text[];
  v_new text[];
  v_cancel text[];
  v_field text;
  v_problem text;
begin
  foreach v_field in array array['steps', 'awaits', 'cancel', 'drift'] loop
    if jsonb_typeof(coalesce(nullif(p_suspend -> v_field, 'null'), '[]')) <> 'array' then
      return format('suspend.%s must be a list', v_field);
    end if;
  end loop;
  if jsonb_typeof(coalesce(nullif(p_suspend -> 'decisions', 'null'), '{}')) <> 'object' then
    return 'suspend.decisions must be an object';
  elsif octet_length((p_suspend -> 'decisions')::text) > 1048576 then
    return 'suspend.decisions has more than 1 MiB';
  elsif coalesce(p_suspend ->> 'wait', 'all') not in ('all', 'any') then
    return 'suspend.wait must be all or any';
  elsif jsonb_array_length(coalesce(nullif(p_suspend -> 'awaits', 'null'), '[]')) = 0 then
    return 'a suspension must await at least one step';
  elsif p_suspend @? '$.drift[*] ? (@.type() != "object")' then
    return 'suspend.drift must be a list of objects';
  end if;

  select coalesce(array_agg(s.key), '{}'),
         coalesce(array_agg(s.key) filter (where s.finished_at is null), '{}')
    into v_taken, v_open
    from cogo.subtasks s where s.task_id = p_task_id and s.kind <> 'flow';
  if cardinality(v_taken) + jsonb_array_length(v_steps) > v_max_steps then
    return format(
      'a task may have %s steps: it has %s and asks for %s more; run.again() begins a new record',
      v_max_steps, cardinality(v_taken), jsonb_array_length(v_steps)
    );
  end if;
  v_problem := cogo.validate_steps(
    v_steps, coalesce(nullif(p_suspend -> 'selections', 'null'), '[]'), v_taken
  );
  if v_problem is not null then
    return v_problem;
  end if;

  v_new := array(select e.value ->> 'key' from jsonb_array_elements(v_steps) e);
  v_cancel := array(
    select jsonb_array_elements_text(coalesce(nullif(p_suspend -> 'cancel', 'null'), '[]'))
  );
  select coalesce(w.key, 'null') into v_problem
    from jsonb_array_elements_text(p_suspend -> 'awaits') as w (key)
   where coalesce(w.key <> all (v_taken || v_new), true)
   limit 1;
  if v_problem is not null then
    return format('the awaited step %s does not exist', left(v_problem, 200));
  end if;
  select coalesce(c.key, 'null') into v_problem
    from unnest(v_cancel) as c (key)
   where coalesce(c.key <> all (v_taken), true) or p_suspend -> 'awaits' ? c.key
   limit 1;
  if v_problem is not null then
    return format('the cancelled step %s does not exist or is awaited', left(v_problem, 200));
  end if;
  v_open := array(select k.key from unnest(v_open) as k (key) where k.key <> all (v_cancel));
  if cardinality(v_open) + (
    select count(*) from jsonb_array_elements(v_steps) e
     where jsonb_typeof(coalesce(e.value -> 'error', 'null')) = 'null'
  ) > v_max_open then
    return format(
      'a task may have %s open steps at once: it has %s and asks for %s more; await some first',
      v_max_open, cardinality(v_open), jsonb_array_length(v_steps)
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.wake_flows(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtasks s
     set awaited = false
   where s.task_id = any (p_task_ids) and s.awaited;
  update cogo.subtasks s
     set deps_left = 0,
         status = case s.status
           when 'blocked' then cogo.resting_status(t.status, 0, false, null, cogo.now(), s.kind)
           else s.status
         end
    from public.cogo_tasks t
   where s.task_id = any (p_task_ids) and s.key = 'plan' and s.kind = 'flow'
     and s.status in ('blocked', 'held') and t.id = s.task_id;
end;
$function$;

create or replace function cogo.wake_parent()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id,
         case when old.finished_at is null then 'ended' else 'cost' end
    from cogo.child_tasks k
   where k.child_id = old.id;
  if found and old.finished_at is null then
    perform cogo.notify(
      'cogo-tasks', 'CHILD_ENDED',
      jsonb_build_object(
        'task_id', old.parent_task_id, 'child_task_id', old.id,
        'status', new.status,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end if;
  return null;
end;
$function$;

create or replace function cogo.wake_parent_of_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- If the parent is deleted with it, that row is gone already.
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id, 'ended'
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.parent_id
   where k.child_id = old.id;
  if found then
    perform cogo.notify(
      'cogo-tasks', 'CHILD_ENDED',
      jsonb_build_object(
        'task_id', old.parent_task_id, 'child_task_id', old.id, 'status', 'deleted',
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end if;
  return old;
end;
$function$;

create or replace function cogo.withdraw_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.cogo_approvals a
     set withdrawn_at = cogo.now()
   where a.subtask_id = new.id and a.answered_at is null and a.withdrawn_at is null;
  return null;
end;
$function$;

create or replace function public.cogo_answer_approval(p_approval_id uuid, p_approved boolean, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
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
  if v_subtask.status not in ('waiting', 'held') then
    raise exception using errcode = 'TQ003',
      message = format('%s is %s: it waits for no approval', v_approval.key, v_subtask.status);
  end if;

  update public.cogo_approvals a
     set answered_at = cogo.now(), approved = p_approved, answered_by = v_person,
         comment = p_comment
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
  v_row public.cogo_subtasks;
begin
  perform cogo.check_size('p_comment', length(p_comment));
  perform cogo.authorize_task(s.task_id) from cogo.subtasks s where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select a.id into v_approval_id from public.cogo_approvals a where a.subtask_id = p_subtask_id;
  if not found then
    raise exception using errcode = 'TQ003',
      message = format('subtask %s waits for no approval', p_subtask_id);
  end if;
  perform public.cogo_answer_approval(v_approval_id, p_approved, p_comment);
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone)
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
      return query select 'stale', null::text, 'the attempt is over', null::timestamptz;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    return query select 'ok', null::text, null::text, null::timestamptz;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'not_granted', null::text, detail, null::timestamptz;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    return query select 'banned', null::text, detail, null::timestamptz;
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
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd, v_cap.allow_unpriced, v_cap.spent_usd,
        cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      ) p;
    if answer is not null then
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
  return query select 'ok', null::text, null::text, null::timestamptz;
end;
$function$;

create or replace function public.cogo_cancel_task(p_task_id uuid, p_reason text DEFAULT NULL::text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_reason text := coalesce(p_reason, 'cancelled by its owner');
begin
  perform cogo.check_size('p_reason', length(p_reason));
  if v_task.status <> 'cancelled' then
    if v_task.finished_at is not null then
      raise exception using errcode = 'TQ003',
        message = format('task %s is %s: there is nothing to cancel', p_task_id, v_task.status);
    end if;
    -- So that all of them can be cancelled with it.
    perform cogo.lock_descendants(p_task_id);
    perform cogo.cancel_tasks(array[p_task_id], v_reason);
    select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  end if;
  return v_task;
end;
$function$;

create or replace function public.cogo_claim_subtasks(p_agent_id text, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb)
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
  select array_agg(o.lane),
         array_agg(greatest(0, least(o.room, cogo.to_integer(p_lane_limits ->> o.lane))))
    into v_lanes, v_rooms
    from cogo.lane_capacity(p_lanes) o;
  v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);
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

create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_items must be a list of completions';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  if p_items @? '$[*].suspend.steps[*] ? (@.kind == "task")' then
    perform cogo.lock_trees(
      array(
        select s.task_id
          from jsonb_array_elements(p_items) i
          join cogo.subtasks s on s.id = cogo.to_uuid(i.value ->> 'subtask_id')
         where i.value @? '$.suspend.steps[*] ? (@.kind == "task")'
      )
    );
  end if;
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$function$;

create or replace function public.cogo_extend_leases(p_agent_id text, p_leases jsonb, p_lease_seconds numeric DEFAULT 15)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, lease_expires_at timestamp with time zone)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_leases) is distinct from 'array' or p_lease_seconds is null
     or p_lease_seconds <= 0 then
    raise exception using errcode = 'TQ004',
      message = 'p_leases must be a list of {subtask_id, attempt} and p_lease_seconds positive';
  end if;

  return query
    with wanted as materialized (
      select l.ordinal,
             cogo.to_uuid(l.lease ->> 'subtask_id') as id,
             cogo.to_integer(l.lease ->> 'attempt') as attempt,
             l.lease -> 'checkpoint' as checkpoint
        from jsonb_array_elements(p_leases) with ordinality as l (lease, ordinal)
    ), locked as materialized (
      select s.id, s.attempt, s.cancel_requested_at is not null as is_cancelled
        from cogo.subtasks s
       where s.id in (select a.id from wanted a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and not k.is_cancelled
         and exists (select from wanted a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now
        from (
          select x.id, x.attempt from extended x
           union all
          -- Keep the last text of a cancelled one: watchers have seen it.
          select k.id, k.attempt from locked k where k.is_cancelled
        ) e
        join wanted a on a.id = e.id and a.attempt = e.attempt
       where jsonb_typeof(a.checkpoint) = 'object'
      on conflict (subtask_id) do update
        set attempt = excluded.attempt,
            content = excluded.content,
            reasoning = excluded.reasoning,
            updated_at = excluded.updated_at
    )
    select a.id, a.attempt,
           case
             when e.id is not null then 'ok'
             -- It may have been ended already, as by the deadline, but not what it has cost.
             when s.id is null and exists (
               select from public.cogo_attempts c
                where c.subtask_id = a.id and c.attempt = a.attempt
                  and c.agent_id = p_agent_id and c.outcome = 'cancelled'
             ) then 'cancel'
             when s.id is null then 'lost'
             when s.cancel_requested_at is not null then 'cancel'
             else 'ok'
           end,
           coalesce(e.lease_expires_at, s.lease_expires_at)
      from wanted a
      left join extended e on e.id = a.id and e.attempt = a.attempt
      left join cogo.subtasks s
             on s.id = a.id and s.attempt = a.attempt and s.status = 'running'
            and s.agent_id = p_agent_id
     order by a.ordinal;
end;
$function$;

create or replace function public.cogo_fail_subtask(p_agent_id text, p_subtask_id uuid, p_attempt integer, p_error jsonb, p_action text DEFAULT 'retry'::text, p_retry_after_seconds numeric DEFAULT NULL::numeric, p_usage jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, status text, run_at timestamp with time zone, after_ms bigint)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_answer text;
  -- A failure can always be recorded: an unreadable error is reduced to its class and message.
  v_error constant jsonb := case when cogo.validate_json(p_error) is null then p_error
    else jsonb_build_object('class', p_error ->> 'class', 'message', p_error ->> 'message') end;
begin
  perform cogo.set_actor(p_agent_id);
  if p_action is null or p_action not in ('retry', 'reroute', 'give_up', 'snooze') then
    raise exception using
      errcode = 'TQ004', message = 'p_action must be retry, reroute, give_up or snooze';
  elsif jsonb_typeof(p_error) is distinct from 'object' or p_error ->> 'class' is null then
    raise exception using
      errcode = 'TQ004', message = 'p_error must be an object with class and message';
  end if;

  perform cogo.lock_tasks(array[p_subtask_id]);
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;
  select a.* into v_attempt
    from public.cogo_attempts a where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
  v_answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
  if v_answer = 'held' then
    perform cogo.fail_attempt(v_subtask, v_error, p_action, p_retry_after_seconds, p_usage);
  elsif v_answer = 'closing' then
    perform cogo.cancel_running(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'cancelled' then
    perform cogo.book_late_usage(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'released' and v_attempt.error ->> 'class' <> 'released' then
    v_answer := 'snoozed';
  end if;

  return query
    select p_subtask_id, p_attempt,
           case
             when v_answer = 'held' then 'ok'
             when v_answer in ('failed', 'rerouted', 'snoozed') then 'duplicate'
             when v_answer in ('closing', 'cancelled') then 'closed'
             when v_answer = 'unknown' then 'unknown'
             else 'stale'
           end,
           s.status, s.run_at, cogo.elapsed_ms(cogo.now(), s.run_at)
      from (select) as always
      left join cogo.subtasks s on s.id = p_subtask_id;
end;
$function$;

create or replace function public.cogo_feedback(p_task_id uuid, p_score numeric, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_ratings
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_weight constant double precision := 3;
  v_model_id text;
  v_task_type text;
  v_old public.cogo_ratings;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select a.model_id, cogo.task_type(s.id) into v_model_id, v_task_type
    from cogo.subtasks s
    join public.cogo_attempts a on a.subtask_id = s.id and a.outcome = 'completed'
    join cogo.subtask_payloads p on p.subtask_id = s.id
   -- A workflow that ends by itself has the answer of a step.
   where s.task_id = p_task_id and a.model_id is not null
     and (s.sink or p.metadata -> 'answer' = 'true' and s.status = 'completed')
   order by s.sink desc, s.end_no desc, a.attempt desc
   limit 1;
  if v_model_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  select r.* into v_old
    from public.cogo_ratings r where r.task_id = p_task_id and r.person = v_person;
  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (p_task_id, v_person, p_score, p_comment, v_model_id, v_task_type)
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  if v_task.simulated then
    return v_new;
  end if;
  -- A rating is rarer and more reliable than an outcome: it counts as three.
  insert into cogo.model_outcomes as m (model_id, task_type, judged, good)
  values (v_model_id, v_task_type, v_weight, v_weight * p_score)
  on conflict (model_id, task_type, after) do update
    set judged = m.judged
          + case when v_old.model_id is distinct from v_model_id then v_weight else 0 end,
        good = greatest(0, m.good + v_weight * (
          p_score - case when v_old.model_id = v_model_id then v_old.score else 0 end
        ));
  return v_new;
end;
$function$;

create or replace function public.cogo_pause_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
begin
  if v_task.status = 'held' then
    return v_task;
  elsif v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to pause', p_task_id, v_task.status);
  end if;
  perform cogo.pause_tasks(p_task_id || cogo.lock_descendants(p_task_id));
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_prune(p_limit integer DEFAULT 100, p_older_than interval DEFAULT '30 days'::interval)
 RETURNS TABLE(pruned integer)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if p_limit is null or p_limit < 0 or p_older_than is null or p_older_than < interval '0' then
    raise exception using errcode = 'TQ004', message = 'p_limit and p_older_than must be 0 or more';
  end if;
  with old as materialized (
    select t.id, t.finished_at
      from public.cogo_tasks t
     where t.finished_at < cogo.now() - p_older_than
       -- Child tasks are deleted with their parent.
       and t.parent_task_id is null
       -- Its agent has been asked to stop and must still learn what became of its lease.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
       and not exists (
         select from cogo.child_tasks k join cogo.subtasks s on s.task_id = k.child_id
          where k.root_id = t.id and s.finished_at is null
       )
     order by t.finished_at
     limit p_limit
       for update skip locked
  ), measured as (
    select o.id, sum(h.events) over (order by o.finished_at, o.id) - h.events as before
      from old o
     cross join lateral (
       select coalesce(max(e.seq), 0) + (
                select count(*) from cogo.child_tasks k join cogo.events c on c.task_id = k.child_id
                 where k.root_id = o.id
              ) as events
         from cogo.events e where e.task_id = o.id
     ) as h
  )
  delete from public.cogo_tasks t
   using measured m
   where t.id = m.id and m.before < 5000;
  get diagnostics pruned = row_count;
  return next;
end;
$function$;

create or replace function public.cogo_prune_records(p_limit integer DEFAULT 1000, p_switches_older_than interval DEFAULT NULL::interval, p_calls_older_than interval DEFAULT NULL::interval)
 RETURNS TABLE(pruned integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_calls integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  -- Materialized: a plan that reads the rows again for each deleted one would skip those and take
  -- more than p_limit.
  with old as materialized (
    select o.seq from public.cogo_model_switches o
     where o.at < cogo.now() - p_switches_older_than
     order by o.at limit p_limit
       for update skip locked
  )
  delete from public.cogo_model_switches w using old where w.seq = old.seq;
  get diagnostics pruned = row_count;
  with old as materialized (
    select o.id, o.outcome
      from public.cogo_calls o
     where o.started_at < cogo.now() - p_calls_older_than
       and not exists (
         select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
       )
       and not exists (
         select from cogo.child_tasks k join public.cogo_tasks r on r.id = k.root_id
          where k.child_id = o.task_id and r.finished_at is null
       )
     order by o.started_at limit p_limit
       for update skip locked
  )
  delete from public.cogo_calls c using old where c.id = old.id and c.outcome = old.outcome;
  get diagnostics v_calls = row_count;
  pruned := pruned + v_calls;
  return next;
end;
$function$;

create or replace function public.cogo_queue()
 RETURNS TABLE(lane text, owner uuid, queued bigint, blocked bigint, delayed bigint, waiting bigint, held bigint, running bigint, dead bigint, oldest_at timestamp with time zone, oldest_ms bigint, completed_per_minute numeric, failed_per_minute numeric, lane_paused boolean, lane_max_running integer, lane_per_minute integer, owner_paused boolean, owner_max_running integer, owner_per_minute integer)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with open as (
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'queued'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'blocked'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'running'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'delayed'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status in ('waiting', 'held')
     union all
    select s.lane, s.owner, 'dead', null
      from cogo.subtasks s where s.dead_at is not null
  ), counts as (
    select o.lane, o.owner,
           count(*) filter (where o.status = 'queued') as queued,
           count(*) filter (where o.status = 'blocked') as blocked,
           count(*) filter (where o.status = 'delayed') as delayed,
           count(*) filter (where o.status = 'waiting') as waiting,
           count(*) filter (where o.status = 'held') as held,
           count(*) filter (where o.status = 'running') as running,
           count(*) filter (where o.status = 'dead') as dead,
           min(o.created_at) filter (where o.status = 'queued') as oldest_at
      from open o
     group by o.lane, o.owner
  ), rates as (
    select a.lane, s.owner,
           round(count(*) filter (where a.outcome in ('completed', 'suspended')) / 5.0, 1) as completed,
           round(count(*) filter (where a.outcome in ('failed', 'reaped')) / 5.0, 1) as failed
      from public.cogo_attempts a
      join cogo.subtasks s on s.id = a.subtask_id
     where a.ended_at > (select cogo.now()) - interval '5 minutes'
     group by a.lane, s.owner
  )
  select lane, nullif(owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(q.queued, 0), coalesce(q.blocked, 0), coalesce(q.delayed, 0),
         coalesce(q.waiting, 0), coalesce(q.held, 0), coalesce(q.running, 0), coalesce(q.dead, 0),
         q.oldest_at, cogo.elapsed_ms(q.oldest_at, cogo.now()),
         coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from counts q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
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

create or replace function public.cogo_redrive_subtask(p_subtask_id uuid)
 RETURNS public.cogo_subtasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_subtask cogo.subtasks;
  v_task public.cogo_tasks;
  v_row public.cogo_subtasks;
begin
  select a.* into v_task
    from cogo.subtasks s cross join lateral cogo.authorize_task(s.task_id) a
   where s.id = p_subtask_id;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no subtask %s', p_subtask_id);
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;

  if v_subtask.dead_at is not null and v_subtask.on_failure = 'fail_task' then
    perform public.cogo_redrive_task(v_subtask.task_id);
  elsif v_subtask.dead_at is not null
        and exists (select from cogo.flows f where f.task_id = v_subtask.task_id) then
    if v_task.status <> 'failed' then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'the workflow of task %s has recorded the failure of step %s: redrive it if the task fails',
          v_subtask.task_id, v_subtask.key
        );
    end if;
    perform public.cogo_redrive_task(v_subtask.task_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    perform cogo.reopen_waiting_steps(v_subtask.task_id);
  elsif v_subtask.dead_at is not null then
    if v_task.finished_at is not null or exists (
      select from cogo.dependencies d join cogo.subtasks child on child.id = d.child_id
       where d.parent_id = p_subtask_id and child.status not in ('blocked', 'held')
    ) then
      raise exception using
        errcode = 'TQ003',
        message = format(
          'subtask %s is a dead letter and its task has continued without it', p_subtask_id
        );
    end if;
    update cogo.subtasks s
       set deps_left = s.deps_left + 1
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
    perform cogo.revive_subtasks(array[p_subtask_id]);
    if v_task.status = 'held' then
      update cogo.subtasks s set status = 'held' where s.id = p_subtask_id;
    end if;
  elsif v_subtask.finished_at is not null then
    raise exception using
      errcode = 'TQ003',
      message = format(
        'subtask %s is %s: only a dead letter can be redriven', p_subtask_id, v_subtask.status
      );
  end if;
  select v.* into v_row from public.cogo_subtasks v where v.id = p_subtask_id;
  return v_row;
end;
$function$;

create or replace function public.cogo_redrive_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_now timestamptz := cogo.now();
  v_subtask cogo.subtasks;
begin
  if v_task.status in ('pending', 'running') then
    return v_task;
  elsif v_task.status <> 'failed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only a failed one can be redriven', p_task_id, v_task.status);
  elsif v_task.parent_task_id is not null and not cogo.is_awaited_child(p_task_id) then
    raise exception using errcode = 'TQ003',
      message = format(
        'task %s went on without its child task %s', v_task.parent_task_id, p_task_id
      ),
      hint = 'redriving the parent, if it failed, redrives the child';
  end if;

  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         error = null,
         finished_at = null,
         deadline = case when t.deadline > v_now then t.deadline end
   where t.id = p_task_id;

  -- Subtasks that were asked to stop and still run lose their leases.
  for v_subtask in
    select s.* from cogo.subtasks s where s.task_id = p_task_id and s.status = 'running'
     order by s.seq
  loop
    if v_subtask.not_needed then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
    else
      perform cogo.take_back_lease(v_subtask, 'cancelled', null, false);
    end if;
  end loop;

  -- Redriving a refused subtask approves it. Dead letters with on_failure continue stay, except those
  -- whose failure ended the workflow.
  perform cogo.revive_subtasks(
    array(
      select s.id from cogo.subtasks s
       where s.task_id = p_task_id and s.status = 'failed' and s.on_failure = 'fail_task'
      union all
      select f.id from cogo.find_fatal_steps(v_task) as f (id)
    )
  );
  -- The flow is replayed, which finds out again what it waits for.
  update cogo.subtasks s
     set awaited = false, deps_left = case s.kind when 'flow' then 0 else s.deps_left end
   where s.task_id = p_task_id and (s.awaited or s.kind = 'flow');
  update cogo.flows f set deadline_passed_at = null where f.task_id = p_task_id;
  update cogo.subtasks s
     set status = case
           when s.deps_left = 0 and not s.needs_approval and s.run_at is null
             and s.kind not in ('approve', 'event', 'task') then 'queued'
           else 'blocked'
         end,
         cancel_requested_at = null, finished_at = null
   where s.task_id = p_task_id and s.status = 'cancelled' and not s.not_needed;
  update cogo.subtasks s
     set status = cogo.resting_status('running', 0, s.needs_approval, s.run_at, v_now, s.kind)
   where s.task_id = p_task_id and s.status = 'blocked' and s.deps_left = 0;
  perform cogo.reopen_waiting_steps(p_task_id);

  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_resume_task(p_task_id uuid)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_ids uuid[];
begin
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: there is nothing to resume', p_task_id, v_task.status);
  elsif v_task.status <> 'held' then
    return v_task;
  end if;
  v_ids := p_task_id || cogo.lock_descendants(p_task_id);
  update public.cogo_tasks t
     set status = case when t.started_at is null then 'pending' else 'running' end,
         paused_at = null
   where t.id = any (v_ids) and t.status = 'held';
  update cogo.subtasks s
     set status = cogo.resting_status(
           'running', s.deps_left, s.needs_approval, s.run_at, cogo.now(), s.kind
         )
   where s.task_id = any (v_ids) and s.status = 'held';
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  return v_task;
end;
$function$;

create or replace function public.cogo_send_event(p_task_id uuid, p_name text, p_payload jsonb DEFAULT 'null'::jsonb, p_idempotency_key text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid)
 RETURNS public.cogo_sent_events
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id);
  v_payload jsonb := coalesce(p_payload, 'null');
  v_event public.cogo_sent_events;
  v_problem text := cogo.validate_json(v_payload);
begin
  if p_name is null or p_name !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_name must be 1 to 100 letters, digits and _ . : -';
  end if;
  perform cogo.check_size('p_payload', octet_length(v_payload::text), 65536, 'bytes'),
          cogo.check_size('p_idempotency_key', length(p_idempotency_key), 255);
  if v_problem is not null then
    raise exception using errcode = 'TQ009', message = 'p_payload ' || v_problem;
  end if;

  if p_idempotency_key is not null then
    select e.* into v_event
      from public.cogo_sent_events e
     where e.task_id = p_task_id and e.idempotency_key = p_idempotency_key;
    if found and (v_event.name, v_event.payload) = (p_name, v_payload) then
      return v_event;
    elsif found then
      raise exception using errcode = 'TQ004',
        message = format(
          'the idempotency key %L was used for another event', left(p_idempotency_key, 100)
        ),
        hint = 'repeat the first event as it was, or choose a new key';
    end if;
  end if;
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: nothing waits for events', p_task_id, v_task.status);
  end if;
  perform cogo.check_size(
    'the task', 1 + (
      select count(*) from public.cogo_sent_events e
       where e.task_id = p_task_id and e.taken_at is null
    ), 1000, 'events that no step has taken'
  );

  insert into public.cogo_sent_events (task_id, name, payload, idempotency_key, sent_by)
  values (
    p_task_id, p_name, v_payload, p_idempotency_key,
    case when cogo.is_operator() then p_person else auth.uid() end
  )
  returning * into v_event;
  perform cogo.take_events(p_task_id);
  select e.* into v_event from public.cogo_sent_events e where e.id = v_event.id;
  return v_event;
end;
$function$;

create or replace function public.cogo_step_outputs(p_task_id uuid, p_keys text[])
 RETURNS TABLE(key text, output jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select s.key, o.output
    from cogo.subtasks s
    join cogo.subtask_outputs o on o.subtask_id = s.id
   where s.task_id = p_task_id and s.key = any (p_keys) and s.status = 'completed'
   order by s.seq;
$function$;

drop function cogo.evaluate_cap(text,text,text,numeric,boolean,numeric,numeric);

drop function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone);

drop function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid);

create or replace view public.cogo_dead_letters with (security_invoker=true) as
 SELECT id AS subtask_id,
    task_id,
    key,
    type,
    lane,
    on_failure,
    failures,
    reaps,
    dead_at,
    ( SELECT COALESCE(jsonb_agg(jsonb_build_object('attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane, 'model_id', a.model_id, 'claimed_at', a.claimed_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error) ORDER BY a.attempt), '[]'::jsonb) AS "coalesce"
           FROM public.cogo_attempts a
          WHERE (a.subtask_id = s.id)) AS attempts,
    kind,
    ( SELECT p.error
           FROM cogo.subtask_payloads p
          WHERE (p.subtask_id = s.id)) AS error
   FROM cogo.subtasks s
  WHERE (dead_at IS NOT NULL);

create or replace view public.cogo_subtasks with (security_invoker=true) as
 SELECT s.id,
    s.seq,
    s.task_id,
    s.key,
    s.type,
    s.lane,
    s.status,
    s.priority,
    s.deps_left,
    s.attempt,
    s.failures,
    s.max_failures,
    s.reaps,
    s.max_reaps,
    s.sink,
    s.needs_approval,
    s.run_at,
    s.lease_expires_at,
    s.agent_id,
    s.cancel_requested_at,
    s.dead_at,
    s.created_at,
    s.started_at,
    s.finished_at,
    COALESCE(p.params, '{}'::jsonb) AS params,
    COALESCE(p.metadata, '{}'::jsonb) AS metadata,
    o.output,
    COALESCE(p.error, a.error) AS error,
        CASE
            WHEN (c.subtask_id IS NOT NULL) THEN jsonb_build_object('attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning)
            ELSE NULL::jsonb
        END AS checkpoint,
    ARRAY( SELECT d.parent_id
           FROM cogo.dependencies d
          WHERE (d.child_id = s.id)
          ORDER BY d.parent_id) AS dependencies,
    s.on_failure,
    s.kind,
    s.end_no,
    s.not_needed,
        CASE s.kind
            WHEN 'flow'::text THEN COALESCE(( SELECT f.decisions
               FROM cogo.flows f
              WHERE (f.task_id = s.task_id)), (o.output -> 'decisions'::text))
            ELSE NULL::jsonb
        END AS decisions
   FROM ((((cogo.subtasks s
     LEFT JOIN cogo.subtask_payloads p ON ((p.subtask_id = s.id)))
     LEFT JOIN cogo.subtask_outputs o ON ((o.subtask_id = s.id)))
     LEFT JOIN cogo.checkpoints c ON ((c.subtask_id = s.id)))
     LEFT JOIN public.cogo_attempts a ON (((a.subtask_id = s.id) AND (a.attempt = s.attempt))));

create or replace view public.cogo_task_previews with (security_invoker=true) as
 SELECT id,
    seq,
    type,
    "left"(prompt, 300) AS prompt,
    cogo.truncate_json(params) AS params,
    priority,
    owner,
    session_id,
    idempotency_key,
    model,
    cogo.truncate_json(preferences) AS preferences,
    budget_usd,
    deadline,
    run_at,
    stream,
    status,
    cogo.truncate_json(result) AS result,
    cogo.truncate_json(error) AS error,
    cost_usd,
    input_tokens,
    cached_tokens,
    output_tokens,
    reasoning_tokens,
    simulated,
    cancel_requested_at,
    paused_at,
    created_at,
    started_at,
    finished_at,
    parent_task_id,
    previous_task_id
   FROM public.cogo_tasks t;

create or replace trigger ask_approval AFTER UPDATE OF status ON cogo.subtasks FOR EACH ROW WHEN (((new.status = 'waiting'::text) AND (old.status IS DISTINCT FROM new.status) AND (new.needs_approval OR (new.kind = 'approve'::text)))) EXECUTE FUNCTION cogo.ask_approval();

create or replace trigger ask_approval_inserted AFTER INSERT ON cogo.subtasks FOR EACH ROW WHEN (((new.status = 'waiting'::text) AND (new.needs_approval OR (new.kind = 'approve'::text)))) EXECUTE FUNCTION cogo.ask_approval();

create or replace trigger cancel_child AFTER UPDATE OF status ON cogo.subtasks FOR EACH ROW WHEN (((new.kind = 'task'::text) AND (new.status = ANY (ARRAY['failed'::text, 'cancelled'::text])) AND (old.finished_at IS NULL))) EXECUTE FUNCTION cogo.cancel_child();

create or replace trigger withdraw_approval AFTER UPDATE OF status ON cogo.subtasks FOR EACH ROW WHEN (((new.needs_approval OR (new.kind = 'approve'::text)) AND (new.finished_at IS NOT NULL) AND (old.finished_at IS NULL))) EXECUTE FUNCTION cogo.withdraw_approval();

create or replace trigger wake_parent AFTER UPDATE ON public.cogo_tasks FOR EACH ROW WHEN (((new.parent_task_id IS NOT NULL) AND (new.finished_at IS NOT NULL) AND ((old.finished_at IS NULL) OR (new.cost_usd IS DISTINCT FROM old.cost_usd)))) EXECUTE FUNCTION cogo.wake_parent();

create or replace trigger wake_parent_of_deleted BEFORE DELETE ON public.cogo_tasks FOR EACH ROW WHEN ((old.parent_task_id IS NOT NULL)) EXECUTE FUNCTION cogo.wake_parent_of_deleted();

create policy "owners read their flows" on cogo.flows as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE ((t.id = flows.task_id) AND (t.owner = ( SELECT auth.uid() AS uid))))));

create policy "owners and approvers read approvals" on public.cogo_approvals as PERMISSIVE for SELECT to authenticated using (((owner = ( SELECT auth.uid() AS uid)) OR (by = (( SELECT auth.uid() AS uid))::text)));

create policy "owners read their sent events" on public.cogo_sent_events as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE ((t.id = cogo_sent_events.task_id) AND (t.owner = ( SELECT auth.uid() AS uid))))));

comment on table cogo.child_tasks is
  'The step of its parent that each child task was inserted for, and how much of its cost and tokens has
been added to the parent.';

comment on table cogo.flows is
  'What is recorded of a workflow that waits for steps, beside the steps themselves.';

comment on table cogo.wakes is
  'What child tasks and their parents must still learn of each other. Applied by cogo.apply_wakes().';

comment on table public.cogo_approvals is
  'Questions to people: one for each subtask that waits for an approval. Each is answered once, with
cogo_answer_approval().';

comment on table public.cogo_sent_events is
  'Events that people and programs sent to tasks. Each is taken once, by the oldest step that waits for
its name; early ones are kept until a step asks.';

comment on column cogo.child_tasks.depth is
  'The number of tasks above it.';

comment on column cogo.child_tasks.root_id is
  'The task without a parent that is above all of them.';

comment on column cogo.events.kind is
  'task.<status> or subtask.<status>: the new status; workflow.drift: a step is now asked otherwise.';

comment on column cogo.flows.awaits is
  'The keys of the steps that the last suspension waits for.';

comment on column cogo.flows.deadline_passed_at is
  'When the deadline of the task ended its open steps; the task fails 30 seconds later.';

comment on column cogo.flows.decisions is
  'What the workflow took from the world, by key, such as a choice of models. The first one stays.';

comment on column cogo.flows.ends is
  'How many of its steps have completed or failed: the last end_no, counted under the task lock.';

comment on column cogo.model_outcomes.after is
  'The models whose answers to the same question failed before; {} counts every attempt.';

comment on column cogo.model_outcomes.good is
  'How many of judged were good; an answer without verification counts as 0.8, code that was run as its
tests say.';

comment on column cogo.subtask_payloads.error is
  'Why it failed, if no attempt at it failed; otherwise the attempt has the error.';

comment on column cogo.subtasks.awaited is
  'Whether the suspended flow of its task waits for it: its end counts off the deps_left of the flow.';

comment on column cogo.subtasks.end_no is
  'Its place among the ends of the steps of its task''s flow; null: it has not completed or failed.';

comment on column cogo.subtasks.kind is
  'flow: it runs the workflow of its task; others: the kind of the step.';

comment on column cogo.subtasks.lane is
  'Who may claim it: cio, a canonical model id, sandbox:<language>, tools:<module>; wait: nobody.';

comment on column cogo.subtasks.not_needed is
  'Whether its workflow cancelled it. A redrive of the task leaves it.';

comment on column public.cogo_approvals.answered_by is
  'The person; null: an operator.';

comment on column public.cogo_approvals.by is
  'Who may answer: null: the owner of the task; the uuid of a person; or operators, who always may.';

comment on column public.cogo_approvals.show is
  'What the person should see before the answer.';

comment on column public.cogo_approvals.withdrawn_at is
  'When the subtask ended without an answer, for example because its task was cancelled.';

comment on column public.cogo_sent_events.subtask_id is
  'The step that took it.';

comment on column public.cogo_tasks.parent_task_id is
  'The task whose workflow inserted this one and waits for it. Its cost is the parent''s too.';

comment on column public.cogo_tasks.previous_task_id is
  'The run before this one, if its workflow repeats itself. It may have been deleted.';

comment on function cogo.accept_outputs(uuid[],integer[],jsonb[],text[]) is
  'Complete attempts and apply each by its kind: plan, hand_over, step or sink. Others are skipped.';

comment on function cogo.announce_approval(text,public.cogo_approvals) is
  'Send a message about an approval on cogo-tasks, on the topic of its task, and on that of the person
who is asked by name.';

comment on function cogo.announce_cancellation(cogo.subtasks,text) is
  'Send SUBTASK_CANCELLED to the holder of a running subtask.';

comment on function cogo.apply_answer(cogo.subtasks,public.cogo_approvals) is
  'Continue after the answer of a person: a step of a workflow ends with it as its output; another
subtask is queued, or fails its task if it was refused.';

comment on function cogo.apply_wakes(integer) is
  'Let parents continue after the ends of child tasks, for at most p_limit wakes, and book their costs.
Skips locked parents: waiting for them could deadlock with a cancellation.';

comment on function cogo.ask_approval() is
  'Ask a person about a subtask that waits for an approval: once, also if its task is paused and
resumed.';

comment on function cogo.book_child_costs(uuid[]) is
  'Add what ended child tasks have cost since the last time to their parents, whose locks the caller
holds.';

comment on function cogo.book_late_usage(uuid,integer,jsonb) is
  'Add what the holder of a cancelled attempt reports after its end; once. The caller holds the task
lock.';

comment on function cogo.can_read_topic(text) is
  'Return whether the calling user may listen to a topic: only to the results of their own tasks,
and to questions that ask them by name.';

comment on function cogo.cancel_child() is
  'Cancel the child task of a step that ended without it.';

comment on function cogo.cancel_steps(uuid,text[],text) is
  'Cancel open steps of a task, those with these keys or (null) all, as not needed; ask running ones to
stop, whose cost still counts. What has ended stays as it is.';

comment on function cogo.cancel_tasks(uuid[],text) is
  'Cancel open tasks. The caller holds their locks.';

comment on function cogo.cancel_unneeded(uuid[]) is
  'Cancel child tasks whose steps have ended; those that are locked now, at the next wake.';

comment on function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb) is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked. Ended
attempts stay as they are, but cancelled ones without usage get it. Simulated ones are not counted in
statistics.';

comment on function cogo.create_plan() is
  'Create the flow of a new task, which is its sink until it hands over; notify the orchestrators.';

comment on function cogo.data_policy_rules(jsonb) is
  'Return the rules of preferences.data_policy.';

comment on function cogo.deadline_error() is
  'Return the error of what a deadline has ended.';

comment on function cogo.describe_answer(public.cogo_approvals) is
  'Return how an approval was answered, for a sentence.';

comment on function cogo.end_unserved_steps(integer) is
  'End queued checks and calls whose lane no agent has served for ten minutes, as no_agent; return how
many. Skips locked tasks.';

comment on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) is
  'End steps that nobody has leased, each with an output or an error, number them in the given order, and
wake their flows; return how many. Others, such as ended ones, are left out. The caller holds the task
locks.';

comment on function cogo.evaluate_cap(text,text,text,numeric,boolean,numeric,numeric,numeric) is
  'Return why a cap stops a call: refused, or wait if it only waits for running calls.';

comment on function cogo.find_fatal_steps(public.cogo_tasks) is
  'Return the dead steps whose failure ended the workflow of a failed task: the one that its error names,
and the others that it waited for then; and those that its deadline ended.';

comment on function cogo.find_verdict(uuid) is
  'Return the attempt whose code a check was the first to run, and what the check says of it, from 0 to
1; nothing for other subtasks, and where the answer was simulated.';

comment on function cogo.hand_over(cogo.subtasks,jsonb) is
  'Insert the step with whose output the task ends, and cancel what is open. The flow is complete.';

comment on function cogo.inherit_data_policy(jsonb,jsonb) is
  'Return the preferences of a child task with the data policy of its parent added to its own.';

comment on function cogo.insert_children(public.cogo_tasks,uuid[],jsonb[]) is
  'Insert child tasks for steps of a task, whose lock the caller holds; return for each the error why it
could not be inserted, or JSON null.';

comment on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) is
  'Insert and announce the valid steps that a workflow asks for, and record their selections; with
p_error, or an error of their own, they have failed. p_sink: the one step to which the flow hands over.';

comment on function cogo.is_awaited_child(uuid) is
  'Return whether the step of a child task is open.';

comment on function cogo.is_model_lane(text) is
  'Return whether the subtasks of a lane are calls of a model, which is then its name.';

comment on function cogo.load_flow(cogo.flows) is
  'Return the record of a flow for its lease: every step and its end, and 64 KiB of outputs, the newest
first.';

comment on function cogo.load_leases(uuid[]) is
  'Return all that the holders of leases need for the work.';

comment on function cogo.lock_descendants(uuid) is
  'Lock the child tasks of a task and theirs, by seq, and return their ids. The caller holds its lock.';

comment on function cogo.lock_task_budgets(uuid) is
  'Lock the budgets that a task''s calls count towards.';

comment on function cogo.lock_trees(uuid[]) is
  'Lock the trees of tasks, by root, before child tasks are inserted. The caller has locked all tasks that
it will change.';

comment on function cogo.open_waiting_steps(uuid,jsonb) is
  'Begin steps that a suspension has inserted and nobody leases: events that came early are taken, and
child tasks inserted. Called last, because it may end steps.';

comment on function cogo.pass_deadline(uuid) is
  'End the open steps of a task whose deadline has passed, running ones too, and wake its flow, so that
it can return what it has. The caller holds the task lock.';

comment on function cogo.pause_tasks(uuid[]) is
  'Pause open tasks. The caller holds their locks.';

comment on function cogo.promote_due(integer) is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks.';

comment on function cogo.record_drift(cogo.subtasks,jsonb) is
  'Record steps whose request differs from what the workflow now asks, as events workflow.drift.';

comment on function cogo.record_ends(uuid[]) is
  'Number the ends of steps in the given order, count awaited ones off the flows of their tasks, and wake
those that wait for none any more. Subtasks of tasks without a suspended flow are left out. The caller
holds the task locks.';

comment on function cogo.refuse_children(public.cogo_tasks,jsonb[]) is
  'Return for each child task the error why its parent may not have it; JSON null: it may.';

comment on function cogo.reopen_waiting_steps(uuid) is
  'Let the steps of a redriven task wait again: events that came meanwhile are taken, a failed child task
is redriven, a cancelled one inserted anew.';

comment on function cogo.repeat_task(uuid,jsonb) is
  'Insert the next run of a task whose workflow repeats itself; return the completion with its output, in
which next_task_id names that run.';

comment on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) is
  'Return the status of an open subtask that is not running.';

comment on function cogo.revive_subtasks(uuid[]) is
  'Queue dead letters again, with fresh limits. Steps lose their end_no.';

comment on function cogo.start_children(uuid,uuid[],jsonb[]) is
  'Insert the child tasks of waiting steps; a step whose child is refused ends as failed. The caller
holds the locks of their task and of its tree.';

comment on function cogo.stop_running(uuid[],text) is
  'Ask the holders of running subtasks to stop.';

comment on function cogo.suspend_flow(cogo.subtasks,jsonb) is
  'End an attempt at a flow that waits for steps. The caller holds the task lock and has validated
p_item.';

comment on function cogo.take_events(uuid) is
  'Give the oldest events of a task to the oldest steps that wait for their names. The caller holds the
task lock.';

comment on function cogo.task_budgets(uuid) is
  'Return the budgets that a task''s calls count towards, its own and those of the tasks above it: what
is spent, and reserved by running calls and open child tasks. height is 0 for its own.';

comment on function cogo.validate_flow_end(cogo.subtasks,jsonb) is
  'Return what is wrong with the end of an attempt at a flow, as a sentence; null if it is valid.';

comment on function cogo.validate_hand_over(uuid,jsonb) is
  'Return what is wrong with a hand-over, as a sentence; null if it is valid.';

comment on function cogo.validate_next_run(uuid,jsonb) is
  'Return what is wrong with the next run of a task, as a sentence; null if it is valid.';

comment on function cogo.validate_stamps(uuid,jsonb) is
  'Return why the models of a plan, a suspension, a hand-over, a route or added subtasks are not granted;
null if they are. A step that has failed needs no grant.';

comment on function cogo.validate_step(jsonb) is
  'Return what is wrong with a step that a workflow asks for, as a sentence; null if it is valid.';

comment on function cogo.validate_steps(jsonb,jsonb,text[]) is
  'Return what is wrong with new steps and their selections; null if they are valid. p_taken: the keys
that the task has.';

comment on function cogo.validate_suspension(uuid,jsonb) is
  'Return what is wrong with a suspension, as a sentence; null if it is valid.';

comment on function cogo.wake_flows(uuid[]) is
  'Queue the suspended flows of tasks; one that is held is queued when its task is resumed. The caller
holds the task locks.';

comment on function cogo.wake_parent() is
  'Tell the parent of a child task that it ended, or cost more after its end. The parent is not locked
here, because a cancellation locks parents before their children.';

comment on function cogo.wake_parent_of_deleted() is
  'Tell the parent of a child task that it was deleted.';

comment on function cogo.withdraw_approval() is
  'Withdraw the question of a subtask that ended without an answer.';

comment on function public.cogo_answer_approval(uuid,boolean,text,uuid) is
  'Answer a question to people. The first answer counts: repeating it returns the row, another one raises
TQ003 with the first. Operators answer for p_person, or without it as operators.';

comment on function public.cogo_approve_subtask(uuid,boolean,text) is
  'Answer the approval of a subtask, like cogo_answer_approval().';

comment on function public.cogo_cancel_task(uuid,text) is
  'Cancel an open task and its child tasks at once; running subtasks are asked to stop.';

comment on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits, and at most p_lane_limits ->> lane of a lane. The same p_request_id again returns the
leases that still run.';

comment on function public.cogo_pause_task(uuid) is
  'Pause a task and its child tasks: running subtasks are finished, nothing is claimed until it is
resumed.';

comment on function public.cogo_reap(integer) is
  'Do the housekeeping: expired leases, due subtasks, ends of child tasks, deadlines, unserved lanes,
expired answers. Every agent calls this every few seconds.';

comment on function public.cogo_resume_task(uuid) is
  'Resume a paused task and its child tasks.';

comment on function public.cogo_send_event(uuid,text,jsonb,text,uuid) is
  'Send an event to an open task. The oldest step that waits for its name takes it; without one it is
kept for the next. A p_idempotency_key that was used returns its event. Raises TQ003 after the end of
the task.';

comment on function public.cogo_step_outputs(uuid,text[]) is
  'Return outputs of completed steps that the lease of their flow left out.';

revoke all on table cogo.child_tasks from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.child_tasks to service_role;

revoke all on table cogo.flows from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.flows to service_role;

grant select on table cogo.flows to authenticated;

revoke all on table cogo.wakes from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.wakes to service_role;

revoke all on table public.cogo_approvals from public, anon, authenticated, service_role;

grant delete, insert, select, update on table public.cogo_approvals to service_role;

grant select on table public.cogo_approvals to authenticated;

revoke all on table public.cogo_sent_events from public, anon, authenticated, service_role;

grant delete, insert, select, update on table public.cogo_sent_events to service_role;

grant select on table public.cogo_sent_events to authenticated;

revoke all on function cogo.announce_approval(text,public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.announce_approval(text,public.cogo_approvals) to service_role;

revoke all on function cogo.announce_cancellation(cogo.subtasks,text) from public, anon, authenticated, service_role;

grant execute on function cogo.announce_cancellation(cogo.subtasks,text) to service_role;

revoke all on function cogo.apply_answer(cogo.subtasks,public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.apply_answer(cogo.subtasks,public.cogo_approvals) to service_role;

revoke all on function cogo.apply_wakes(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.apply_wakes(integer) to service_role;

revoke all on function cogo.ask_approval() from public, anon, authenticated, service_role;

grant execute on function cogo.ask_approval() to service_role;

revoke all on function cogo.book_child_costs(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.book_child_costs(uuid[]) to service_role;

revoke all on function cogo.book_late_usage(uuid,integer,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.book_late_usage(uuid,integer,jsonb) to service_role;

revoke all on function cogo.cancel_child() from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_child() to service_role;

revoke all on function cogo.cancel_steps(uuid,text[],text) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_steps(uuid,text[],text) to service_role;

revoke all on function cogo.cancel_tasks(uuid[],text) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_tasks(uuid[],text) to service_role;

revoke all on function cogo.cancel_unneeded(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_unneeded(uuid[]) to service_role;

revoke all on function cogo.data_policy_rules(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.data_policy_rules(jsonb) to service_role;

revoke all on function cogo.deadline_error() from public, anon, authenticated, service_role;

grant execute on function cogo.deadline_error() to service_role;

revoke all on function cogo.describe_answer(public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.describe_answer(public.cogo_approvals) to service_role;

revoke all on function cogo.end_unserved_steps(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.end_unserved_steps(integer) to service_role;

revoke all on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.end_waiting_steps(uuid[],jsonb[],jsonb[]) to service_role;

revoke all on function cogo.evaluate_cap(text,text,text,numeric,boolean,numeric,numeric,numeric) from public, anon, authenticated, service_role;

grant execute on function cogo.evaluate_cap(text,text,text,numeric,boolean,numeric,numeric,numeric) to service_role;

revoke all on function cogo.find_fatal_steps(public.cogo_tasks) from public, anon, authenticated, service_role;

grant execute on function cogo.find_fatal_steps(public.cogo_tasks) to service_role;

revoke all on function cogo.find_verdict(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.find_verdict(uuid) to service_role;

revoke all on function cogo.hand_over(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.hand_over(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.inherit_data_policy(jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.inherit_data_policy(jsonb,jsonb) to service_role;

revoke all on function cogo.insert_children(public.cogo_tasks,uuid[],jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.insert_children(public.cogo_tasks,uuid[],jsonb[]) to service_role;

revoke all on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) from public, anon, authenticated, service_role;

grant execute on function cogo.insert_steps(uuid,jsonb,jsonb,jsonb,boolean) to service_role;

revoke all on function cogo.is_awaited_child(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.is_awaited_child(uuid) to service_role;

revoke all on function cogo.is_model_lane(text) from public, anon, authenticated, service_role;

grant execute on function cogo.is_model_lane(text) to service_role;

revoke all on function cogo.load_flow(cogo.flows) from public, anon, authenticated, service_role;

grant execute on function cogo.load_flow(cogo.flows) to service_role;

revoke all on function cogo.load_leases(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.load_leases(uuid[]) to service_role;

revoke all on function cogo.lock_descendants(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_descendants(uuid) to service_role;

revoke all on function cogo.lock_task_budgets(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_task_budgets(uuid) to service_role;

revoke all on function cogo.lock_trees(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_trees(uuid[]) to service_role;

revoke all on function cogo.open_waiting_steps(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.open_waiting_steps(uuid,jsonb) to service_role;

revoke all on function cogo.pass_deadline(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.pass_deadline(uuid) to service_role;

revoke all on function cogo.pause_tasks(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.pause_tasks(uuid[]) to service_role;

revoke all on function cogo.record_drift(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.record_drift(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.record_ends(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_ends(uuid[]) to service_role;

revoke all on function cogo.refuse_children(public.cogo_tasks,jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.refuse_children(public.cogo_tasks,jsonb[]) to service_role;

revoke all on function cogo.reopen_waiting_steps(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.reopen_waiting_steps(uuid) to service_role;

revoke all on function cogo.repeat_task(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.repeat_task(uuid,jsonb) to service_role;

revoke all on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) from public, anon, authenticated, service_role;

grant execute on function cogo.resting_status(text,integer,boolean,timestamp with time zone,timestamp with time zone,text) to service_role;

revoke all on function cogo.revive_subtasks(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.revive_subtasks(uuid[]) to service_role;

revoke all on function cogo.start_children(uuid,uuid[],jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.start_children(uuid,uuid[],jsonb[]) to service_role;

revoke all on function cogo.stop_running(uuid[],text) from public, anon, authenticated, service_role;

grant execute on function cogo.stop_running(uuid[],text) to service_role;

revoke all on function cogo.suspend_flow(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.suspend_flow(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.take_events(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.take_events(uuid) to service_role;

revoke all on function cogo.task_budgets(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.task_budgets(uuid) to service_role;

revoke all on function cogo.validate_flow_end(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_flow_end(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.validate_hand_over(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_hand_over(uuid,jsonb) to service_role;

revoke all on function cogo.validate_next_run(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_next_run(uuid,jsonb) to service_role;

revoke all on function cogo.validate_step(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_step(jsonb) to service_role;

revoke all on function cogo.validate_steps(jsonb,jsonb,text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_steps(jsonb,jsonb,text[]) to service_role;

revoke all on function cogo.validate_suspension(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_suspension(uuid,jsonb) to service_role;

revoke all on function cogo.wake_flows(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.wake_flows(uuid[]) to service_role;

revoke all on function cogo.wake_parent() from public, anon, authenticated, service_role;

grant execute on function cogo.wake_parent() to service_role;

revoke all on function cogo.wake_parent_of_deleted() from public, anon, authenticated, service_role;

grant execute on function cogo.wake_parent_of_deleted() to service_role;

revoke all on function cogo.withdraw_approval() from public, anon, authenticated, service_role;

grant execute on function cogo.withdraw_approval() to service_role;

revoke all on function public.cogo_answer_approval(uuid,boolean,text,uuid) from public, anon, authenticated, service_role;

grant execute on function public.cogo_answer_approval(uuid,boolean,text,uuid) to authenticated;

grant execute on function public.cogo_answer_approval(uuid,boolean,text,uuid) to service_role;

revoke all on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) to service_role;

revoke all on function public.cogo_send_event(uuid,text,jsonb,text,uuid) from public, anon, authenticated, service_role;

grant execute on function public.cogo_send_event(uuid,text,jsonb,text,uuid) to authenticated;

grant execute on function public.cogo_send_event(uuid,text,jsonb,text,uuid) to service_role;

revoke all on function public.cogo_step_outputs(uuid,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_step_outputs(uuid,text[]) to service_role;

insert into cogo.schema_versions (version) values ('20261129023342')
on conflict (version) do nothing;

-- Plans that are open, or may be redriven, become flows.
update cogo.subtasks s
   set kind = 'flow', sink = true
 where s.type = 'PLAN' and s.key = 'plan' and s.status not in ('completed', 'cancelled');

-- Subtasks that wait for an approval already.
insert into public.cogo_approvals (task_id, subtask_id, owner, key, question)
select s.task_id, s.id, t.owner, s.key,
       format('May the subtask %s (%s, in lane %s) run?', s.key, s.type, s.lane)
  from cogo.subtasks s join public.cogo_tasks t on t.id = s.task_id
 where s.status in ('waiting', 'held') and s.needs_approval
on conflict do nothing;
