-- Tools.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.turns (
  subtask_id uuid not null,
  seq integer not null,
  kind text not null,
  attempt integer not null,
  body jsonb not null,
  created_at timestamp with time zone default cogo.now() not null
);

alter table cogo.turns enable row level security;

alter table cogo.checkpoints add column turn integer;

alter table public.cogo_approvals add column attempt integer;

alter table public.cogo_approvals add column call_id text;

alter table public.cogo_approvals drop constraint cogo_approvals_subtask_id_key;

alter table cogo.grants drop constraint grants_kind_check;

alter table cogo.grants add constraint grants_kind_check CHECK ((kind = ANY (ARRAY['model'::text, 'provider'::text, 'alias'::text, 'priority'::text, 'tool'::text])));

alter table cogo.turns add constraint turns_body_check CHECK ((jsonb_typeof(body) = 'object'::text));

alter table cogo.turns add constraint turns_kind_check CHECK ((kind = ANY (ARRAY['answer'::text, 'begun'::text, 'result'::text, 'approval'::text])));

alter table cogo.turns add constraint turns_pkey PRIMARY KEY (subtask_id, seq);

alter table cogo.turns add constraint turns_seq_check CHECK ((seq > 0));

alter table public.cogo_approvals add constraint cogo_approvals_subtask_id_key_key UNIQUE (subtask_id, key);

create or replace function cogo.add_up_costs(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
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
   where t.id = any (p_task_ids) and t.cost_usd is null;
end;
$function$;

create or replace function cogo.append_turns(p_subtask_id uuid, p_attempt integer, p_turns jsonb)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_last integer;
  v_problem text;
begin
  select coalesce(max(u.seq), 0) into v_last from cogo.turns u where u.subtask_id = p_subtask_id;
  v_problem := cogo.validate_turns(p_turns, v_last);
  if v_problem is not null then
    return v_problem;
  end if;
  select format('turn %s was stored with another content', u.seq) into v_problem
    from jsonb_array_elements(p_turns) as e (turn)
    join cogo.turns u on u.subtask_id = p_subtask_id and u.seq = (e.turn ->> 'seq')::integer
   where (u.kind, u.body) is distinct from (e.turn ->> 'kind', e.turn -> 'body')
   order by u.seq
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  insert into cogo.turns (subtask_id, seq, kind, attempt, body)
  select p_subtask_id, (e.turn ->> 'seq')::integer, e.turn ->> 'kind', p_attempt, e.turn -> 'body'
    from jsonb_array_elements(p_turns) as e (turn)
   where (e.turn ->> 'seq')::integer > v_last;
  -- Deaths before a new answer or result say nothing about what comes next. Whatever dies at each
  -- turn ends at the limits of its turns, or at the deadline.
  update cogo.subtasks s
     set reaps = 0
   where s.id = p_subtask_id and s.reaps > 0 and exists (
     select from jsonb_array_elements(p_turns) as e (turn)
      where (e.turn ->> 'seq')::integer > v_last and e.turn ->> 'kind' in ('answer', 'result')
   );
  return null;
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
  if p_approval.call_id is not null then
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

create or replace function cogo.ask_about_call(p_subtask cogo.subtasks, p_question jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
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
         show = nullif(p_question -> 'show', 'null'), by = p_question ->> 'by'
   where a.subtask_id = p_subtask.id and a.call_id = v_call_id and a.answered_at is null
  returning * into v_approval;
  if not found then
    -- Some servers number the calls of each answer anew.
    insert into public.cogo_approvals (
      task_id, subtask_id, owner, key, question, show, by, call_id, attempt
    )
    select p_subtask.task_id, p_subtask.id, t.owner, k.key,
           left(p_question ->> 'question', 10000), nullif(p_question -> 'show', 'null'),
           p_question ->> 'by', v_call_id, p_subtask.attempt
      from public.cogo_tasks t
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
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_approval public.cogo_approvals;
begin
  -- One that waits in the middle of a tool loop has asked already, and asks again after a redrive.
  if cogo.reopen_call_approvals(new) then
    return null;
  end if;
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
  on conflict (subtask_id, key) do update
    set withdrawn_at = null, asked_at = excluded.asked_at
    where a.withdrawn_at is not null
  returning * into v_approval;
  if found then
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end if;
  return null;
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
  perform cogo.add_up_costs(
    array(select k.parent_id from cogo.child_tasks k where k.child_id = any (p_child_ids))
  );
end;
$function$;

create or replace function cogo.book_late_call(p_subtask_id uuid, p_attempt integer)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_before public.cogo_attempts;
  v_after public.cogo_attempts;
begin
  select a.* into v_before
    from public.cogo_attempts a
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.ended_at is not null
     and a.usage is null
     for no key update;
  if not found then
    return;
  end if;
  update public.cogo_attempts a
     set provider = coalesce(g.usage ->> 'provider', a.provider),
         input_tokens = (g.usage ->> 'input_tokens')::bigint,
         cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
         output_tokens = (g.usage ->> 'output_tokens')::bigint,
         reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
         cost_usd = (g.usage ->> 'cost_usd')::numeric
    from (
      select cogo.sum_calls(v_before.task_id, v_before.subtask_id, v_before.attempt) as usage
    ) as g
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt
  returning a.* into v_after;
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + v_after.cost_usd - v_before.cost_usd,
         input_tokens = t.input_tokens
           + coalesce(v_after.input_tokens, 0) - coalesce(v_before.input_tokens, 0),
         cached_tokens = t.cached_tokens
           + coalesce(v_after.cached_tokens, 0) - coalesce(v_before.cached_tokens, 0),
         output_tokens = t.output_tokens
           + coalesce(v_after.output_tokens, 0) - coalesce(v_before.output_tokens, 0),
         reasoning_tokens = t.reasoning_tokens
           + coalesce(v_after.reasoning_tokens, 0) - coalesce(v_before.reasoning_tokens, 0)
   where t.id = v_before.task_id;
  perform cogo.add_up_costs(array[v_before.task_id]);
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
  perform cogo.add_up_costs(array[s.task_id]) from cogo.subtasks s where s.id = p_subtask_id;
end;
$function$;

create or replace function cogo.can_select_object(p_claims jsonb, p_bucket text, p_path text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
 SET role TO 'authenticated'
AS $function$
declare
  v_names constant text[] := array['request.jwt.claims', 'request.jwt.claim.sub', 'storage.operation'];
  v_values constant text[] := array[p_claims::text, '', 'storage.object.get_authenticated'];
  v_before text[];
  v_may boolean;
begin
  v_before := array(
    select coalesce(current_setting(n.name, true), '')
      from unnest(v_names) with ordinality as n (name, nth) order by n.nth
  );
  perform set_config(n.name, n.value, true) from unnest(v_names, v_values) as n (name, value);
  perform set_config('role', p_claims ->> 'role', true);
  v_may := exists (
    select from storage.objects o
     where o.bucket_id = p_bucket and o.name = p_path
       and to_jsonb(o) ->> 'archived_at' is null
       and to_jsonb(o) ->> 'is_delete_marker' is distinct from 'true'
  );
  perform set_config(n.name, n.value, true) from unnest(v_names, v_before) as n (name, value);
  return v_may;
exception
  -- A policy that fails allows nothing.
  when syntax_error_or_access_rule_violation or data_exception or raise_exception then
    return false;
end;
$function$;

create or replace function cogo.check_model_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind in ('model', 'provider', 'alias')
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.describe_grants(cogo.granted_models(new.owner))
      );
  end if;
  return null;
end;
$function$;

create or replace function cogo.check_task_limits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  if octet_length(new.params::text) > 1048576 then
    raise exception using errcode = 'TQ008',
      message = format(
        'params has %s bytes; the limit is 1048576. Put large files into Supabase Storage and attach '
        'them as storage:BUCKET/PATH', octet_length(new.params::text)
      );
  end if;
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.validate_json(new.params)),
        ('preferences', cogo.validate_json(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.validate_time(new.deadline)),
        ('run_at', cogo.validate_time(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$function$;

create or replace function cogo.close_attempts(p_subtask_ids uuid[], p_attempts integer[], p_outcome text, p_usages jsonb[] DEFAULT '{}'::jsonb[], p_error jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- From here on they begin no call. Calls are read in a later statement, which sees all of them.
  perform
     from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
     join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
    where coalesce(jsonb_typeof(n.usage), 'null') <> 'object' and a.ended_at is null
      and cogo.is_calling_lane(a.lane)
      for no key update of a;
  with closed as (
    update public.cogo_attempts a
       set ended_at = coalesce(a.ended_at, cogo.now()),
           outcome = p_outcome,
           error = coalesce(nullif(p_error, 'null'), a.error),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.booked ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.elapsed_ms(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.booked ->> 'input_tokens')::bigint,
           cached_tokens = (g.booked ->> 'cached_tokens')::bigint,
           output_tokens = (g.booked ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.booked ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.booked is not null then (g.booked ->> 'cost_usd')::numeric
             when not cogo.is_calling_lane(a.lane) then 0
             when p_outcome in ('completed', 'failed', 'rerouted', 'suspended') then 0
             when p_outcome = 'released' and p_error ->> 'class' <> 'released' then 0
             when g.simulated then 0
           end,
           simulated = g.simulated
      from (
        select u.id, u.attempt, u.usage,
               case
                 when u.usage is not null then u.usage
                 when cogo.is_calling_lane(b.lane) and b.ended_at is null then
                   cogo.sum_calls(b.task_id, b.subtask_id, b.attempt)
               end as booked,
               -- What was booked when it was cancelled. Of one that runs all is null.
               b as before,
               case
                 when u.usage is not null then coalesce(u.usage -> 'simulated' = 'true', false)
                 else exists (
                   select from public.cogo_attempts h
                     join public.cogo_agents g on g.id = h.agent_id
                    where h.subtask_id = u.id and h.attempt = u.attempt
                      and cogo.is_calling_lane(h.lane)
                      and g.details @> '{"simulated": true}'
                 )
               end as simulated
          from (
            select n.id, n.attempt, cogo.sanitize_usage(n.usage) as usage
              from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
          ) as u
          join public.cogo_attempts b on b.subtask_id = u.id and b.attempt = u.attempt
      ) as g
     where a.subtask_id = g.id and a.attempt = g.attempt
       and (
         a.ended_at is null
         -- Cancelled before its holder has reported what it has cost.
         or p_outcome = 'cancelled' and a.outcome = 'cancelled'
           and a.usage is null and g.usage is not null
       )
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.simulated, g.booked,
              a.cost_usd - coalesce((g.before).cost_usd, 0) as cost_usd,
              coalesce(a.input_tokens, 0) - coalesce((g.before).input_tokens, 0) as input,
              coalesce(a.cached_tokens, 0) - coalesce((g.before).cached_tokens, 0) as cached,
              coalesce(a.output_tokens, 0) - coalesce((g.before).output_tokens, 0) as output,
              coalesce(a.reasoning_tokens, 0) - coalesce((g.before).reasoning_tokens, 0) as reasoning
  ), uncounted as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where (cogo.is_model_lane(c.lane) or c.lane like 'sandbox:%') and not c.simulated
       and p_outcome in ('completed', 'failed', 'rerouted')
  ), spent as (
    select c.task_id,
           case when bool_and(c.cost_usd is not null) then sum(c.cost_usd) end as cost_usd,
           sum(c.input) as input,
           sum(c.cached) as cached,
           sum(c.output) as output,
           sum(c.reasoning) as reasoning,
           bool_or(c.simulated) as simulated
      from closed c
     where c.booked is not null or c.cost_usd is null or c.simulated
     group by c.task_id
  )
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + s.cost_usd,
         input_tokens = t.input_tokens + s.input,
         cached_tokens = t.cached_tokens + s.cached,
         output_tokens = t.output_tokens + s.output,
         reasoning_tokens = t.reasoning_tokens + s.reasoning,
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
             when jsonb_typeof(j.item -> 'wait') = 'object' then 'wait'
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from checked j;

  if v_kinds && '{closing,cancelled,route,outdated,suspend,wait}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              when 'cancelled' then cogo.book_late_usage(k.id, k.attempt, k.item -> 'usage')
              when 'route' then cogo.route_subtask(s, k.item)
              when 'suspend' then cogo.suspend_flow(s, k.item)
              when 'wait' then cogo.wait_for_answers(s, k.item)
              else cogo.fail_attempt(
                s, '{"class": "released", "message": "a plan for a task that has steps"}', 'snooze',
                null, k.item -> 'usage'
              )
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'cancelled', 'route', 'outdated', 'suspend', 'wait');
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

create or replace function cogo.delete_subtask_records()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  delete from cogo.turns u using old_rows o where u.subtask_id = o.id;
  return null;
end;
$function$;

create or replace function cogo.granted_models(p_owner uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind in ('model', 'provider', 'alias')
  having count(*) > 0;
$function$;

create or replace function cogo.granted_tools(p_owner uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select coalesce(jsonb_agg(g.name order by g.name) filter (where g.name <> 'none'), '[]')
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000') and g.kind = 'tool'
  having count(*) > 0;
$function$;

create or replace function cogo.is_calling_lane(p_lane text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (cogo.is_model_lane(p_lane) OR (p_lane ~~ 'tools:cogo.embeddings/_%'::text));

drop function cogo.load_leases(uuid[]);

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
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
         ) end,
         case when s.attempt = 1 then 0 else (
           select coalesce(max(u.seq), 0) from cogo.turns u where u.subtask_id = s.id
         ) end,
         case when s.kind in ('flow', 'call') or p.params ? 'tools' then
           cogo.granted_tools(s.owner)
         end
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

create or replace function cogo.record_call_answer(p_subtask cogo.subtasks, p_approval public.cogo_approvals)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
       set withdrawn_at = null, asked_at = cogo.now()
     where a.subtask_id = p_subtask.id and a.attempt = p_subtask.attempt
       and a.withdrawn_at is not null
    returning a.*
  loop
    perform cogo.announce_approval('APPROVAL_REQUESTED', v_approval);
  end loop;
  return true;
end;
$function$;

create or replace function cogo.revive_subtasks(p_subtask_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update cogo.subtask_payloads p
     set error = null
   where p.subtask_id = any (p_subtask_ids) and p.error is not null;
  -- A call of a tool that a person has refused is asked about again.
  delete from cogo.turns u
   using cogo.subtasks s
   where s.id = any (p_subtask_ids) and s.kind = 'call' and s.status = 'failed'
     and u.subtask_id = s.id;
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

create or replace function cogo.sum_calls(p_task_id uuid, p_subtask_id uuid, p_attempt integer)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
  select case
           when count(c.id) > 0 or u.is_unfinished or u.has_turns then jsonb_build_object(
             'provider', (array_agg(c.provider order by c.ended_at desc))[1],
             'input_tokens', sum(c.input_tokens + coalesce(c.cache_write_tokens, 0)),
             'cached_tokens', sum(c.cached_tokens),
             'output_tokens', sum(c.output_tokens),
             'reasoning_tokens', sum(c.reasoning_tokens),
             'cost_usd',
             case
               when u.is_unfinished
                 or bool_or(c.cost_usd is null and c.outcome in ('lost', 'completed', 'cancelled'))
                 then null
               when count(c.id) = 0 then 0
               -- Vendors charge for none that failed, unless they say so.
               else sum(c.cost_usd)
             end
           )
         end
    from (
      select exists (
               select from cogo.reservations r
                where r.subtask_id = p_subtask_id and r.attempt = p_attempt
                  and coalesce(r.call -> 'simulated' <> 'true', true)
             ) as is_unfinished,
             exists (select from cogo.turns t where t.subtask_id = p_subtask_id) as has_turns
    ) as u
    left join (
      select distinct on (k.id) k.*
        from public.cogo_calls k
       where k.task_id = p_task_id and k.subtask_id = p_subtask_id and k.attempt = p_attempt
       order by k.id, k.outcome = 'lost'
    ) as c on true
   group by u.is_unfinished, u.has_turns;
$function$;

create or replace function cogo.user_claims(p_owner uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_claims jsonb := jsonb_build_object(
    'sub', p_owner, 'role', 'authenticated', 'aud', 'authenticated', 'aal', 'aal1'
  );
  v_user jsonb;
begin
  if to_regclass('auth.users') is null then
    return v_claims;
  end if;
  select to_jsonb(u) into v_user from auth.users u where u.id = p_owner;
  return v_claims || jsonb_strip_nulls(
    jsonb_build_object(
      'email', v_user -> 'email', 'phone', v_user -> 'phone',
      'is_anonymous', v_user -> 'is_anonymous',
      'app_metadata', v_user -> 'raw_app_meta_data',
      'user_metadata', v_user -> 'raw_user_meta_data'
    )
  );
end;
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
             ('again', p_item -> 'again'), ('wait', p_item -> 'wait')
    ) as f (field, value)
   where cogo.validate_json(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  elsif jsonb_typeof(p_item -> 'messages') not in ('array', 'null') then
    return 'messages must be a list';
  elsif nullif(p_item -> 'wait', 'null') is not null then
    if coalesce(
      v_plan, v_route, v_added, nullif(p_item -> 'suspend', 'null'),
      nullif(p_item -> 'hand_over', 'null'), nullif(p_item -> 'again', 'null')
    ) is not null then
      return 'an attempt ends in one way, not with wait and another';
    end if;
    return cogo.validate_wait(p_subtask, p_item -> 'wait');
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

create or replace function cogo.validate_turns(p_turns jsonb, p_last integer)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  v_turn jsonb;
  v_seq integer;
  v_next integer;
  v_problem text;
begin
  if jsonb_typeof(p_turns) is distinct from 'array' then
    return 'turns must be a list';
  end if;
  for v_turn in select e.value from jsonb_array_elements(p_turns) e loop
    v_seq := cogo.to_integer(v_turn ->> 'seq');
    if coalesce(v_seq, 0) < 1 then
      return format('every turn needs a seq of 1 or more: %s', left(v_turn::text, 200));
    elsif v_seq > 1000 then
      return 'a subtask may have 1000 turns';
    elsif v_seq > coalesce(v_next, p_last + 1) then
      return format('turn %s does not follow turn %s', v_seq, coalesce(v_next - 1, p_last));
    elsif v_seq < v_next then
      return 'turns must be in the order of their seq';
    elsif coalesce(v_turn ->> 'kind', '') <> all ('{answer,begun,result}') then
      return format('turn %s must be of the kind answer, begun or result', v_seq);
    elsif jsonb_typeof(v_turn -> 'body') is distinct from 'object' then
      return format('the body of turn %s must be an object', v_seq);
    elsif octet_length((v_turn -> 'body')::text) > 1048576 then
      return format('the body of turn %s has more than 1 MiB', v_seq);
    end if;
    v_problem := cogo.validate_json(v_turn -> 'body');
    if v_problem is not null then
      return format('the body of turn %s %s', v_seq, v_problem);
    end if;
    v_next := v_seq + 1;
  end loop;
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
    return 'only a step that calls tools may wait for answers about them';
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
  if v_subtask.status not in ('waiting', 'held') or v_approval.withdrawn_at is not null then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s is %s: it waits for no approval', v_approval.key,
        case when v_approval.withdrawn_at is null then v_subtask.status else 'withdrawn' end
      );
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
   where a.subtask_id = p_subtask_id
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

drop function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb);

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

create or replace function public.cogo_end_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(booked boolean)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_call public.cogo_calls := jsonb_populate_record(
    null::public.cogo_calls, cogo.sanitize_usage(p_call)
  );
  v_began timestamptz;
  v_caps cogo.budgets[];
  v_is_late boolean;
begin
  perform cogo.set_actor(p_agent_id);
  -- Tasks are locked before budgets.
  v_is_late := exists (
    select from public.cogo_attempts a
     where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
       and a.ended_at is not null and a.usage is null and cogo.is_calling_lane(a.lane)
  );
  if v_is_late then
    perform cogo.lock_tasks(array[v_call.subtask_id]);
  end if;
  v_caps := array(
    select b from cogo.lock_budgets(cogo.budget_key(v_call.owner), v_call.provider) b
  );
  delete from cogo.reservations r where r.call_id = v_call.id returning r.made_at into v_began;

  v_call.agent_id := p_agent_id;
  v_call.simulated := coalesce(v_call.simulated, false);
  if v_call.simulated then
    v_call.cost_usd := 0;
  end if;
  v_call.ended_at := cogo.now();
  -- Without its reservation (its attempt has ended) only the caller knows the duration.
  v_call.started_at := coalesce(
    v_began, cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
  );
  insert into public.cogo_calls select v_call.* on conflict do nothing;
  booked := found;
  if booked and v_call.cost_usd > 0 then
    update cogo.budgets b
       set spent_usd = b.spent_usd + v_call.cost_usd
      from unnest(v_caps) as held
     where (b.scope, b.key, b.per) = (held.scope, held.key, held.per);
  end if;
  if booked and v_is_late then
    perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
  end if;
  return next;
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
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at, turn)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now, cogo.to_integer(a.checkpoint ->> 'turn')
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
            updated_at = excluded.updated_at,
            turn = excluded.turn
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

drop function public.cogo_grants();

create or replace function public.cogo_grants()
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority,
         cogo.granted_tools(o.owner)
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted_models(o.owner) as granted) g
   order by o.owner;
$function$;

create or replace function public.cogo_may_read_object(p_owner uuid, p_bucket text, p_path text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if to_regclass('storage.objects') is null or p_bucket is null or p_path is null then
    return false;
  elsif cogo.can_select_object(
    case when p_owner is null then '{"role": "anon"}' else cogo.user_claims(p_owner) end,
    p_bucket, p_path
  ) then
    return true;
  end if;
  -- Anyone may read by their address, without any policy.
  return exists (
    select from storage.objects o
      join storage.buckets b on b.id = o.bucket_id
     where b.public and o.bucket_id = p_bucket and o.name = p_path
       and to_jsonb(o) ->> 'archived_at' is null
       and to_jsonb(o) ->> 'is_delete_marker' is distinct from 'true'
  );
end;
$function$;

create or replace function public.cogo_set_grants(p_owner uuid, p_models text[] DEFAULT '{}'::text[], p_providers text[] DEFAULT '{}'::text[], p_aliases text[] DEFAULT '{}'::text[], p_priority integer DEFAULT NULL::integer, p_tools text[] DEFAULT NULL::text[])
 RETURNS TABLE(owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 removes it, null keeps it';
  elsif exists (
    select from unnest(p_tools) as t (name)
     where t.name is null or t.name !~ '^[A-Za-z0-9_.:/-]{1,200}(/\*)?$'
        or t.name = 'none' and cardinality(p_tools) > 1
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_tools must be names of tools, SOURCE/* for all of a source, or none alone';
  end if;
  -- Two calls at the same time would mix their rows.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       when 'tool' then p_tools is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0
   union select v_owner, 'tool', unnest(p_tools);

  -- Queued subtasks get new levels. Tasks by seq, then their subtasks, as the lock order says.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set level = cogo.owner_level(v_owner, s.priority)
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and s.level <> cogo.owner_level(v_owner, s.priority);
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           ),
           cogo.granted_tools(p_owner)
      from (select cogo.granted_models(p_owner) as granted) g;
end;
$function$;

create or replace function public.cogo_store_turns(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_item jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_state text;
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004',
      message = 'p_items must be a list of {subtask_id, attempt, turns}';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  for v_item in select i.value from jsonb_array_elements(p_items) i loop
    subtask_id := cogo.to_uuid(v_item ->> 'subtask_id');
    attempt := cogo.to_integer(v_item ->> 'attempt');
    detail := null;
    select s.* into v_subtask
      from cogo.subtasks s where s.id = cogo.to_uuid(v_item ->> 'subtask_id');
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_item ->> 'attempt');
    v_state := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
    if v_state = 'held' then
      detail := cogo.append_turns(v_subtask.id, v_attempt.attempt, v_item -> 'turns');
    end if;
    answer := case
      when detail is not null then 'invalid'
      when v_state = 'held' then 'ok'
      when v_state in ('closing', 'cancelled') then 'cancel'
      else 'stale'
    end;
    return next;
  end loop;
end;
$function$;

create or replace function public.cogo_subtask_turns(p_subtask_id uuid, p_after integer DEFAULT 0)
 RETURNS TABLE(seq integer, kind text, attempt integer, body jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_bytes bigint := 0;
begin
  for seq, kind, attempt, body in
    select u.seq, u.kind, u.attempt, u.body
      from cogo.turns u
     where u.subtask_id = p_subtask_id and u.seq > coalesce(p_after, 0)
     order by u.seq
  loop
    return next;
    v_bytes := v_bytes + octet_length(body::text);
    exit when v_bytes >= 4194304;
  end loop;
end;
$function$;

drop function public.cogo_set_grants(uuid,text[],text[],text[],integer);

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
            WHEN (c.subtask_id IS NOT NULL) THEN jsonb_build_object('attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning, 'turn', c.turn)
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

create or replace view public.cogo_turns with (security_invoker=true) as
 SELECT s.task_id,
    u.subtask_id,
    s.key,
    u.seq,
    u.kind,
    u.attempt,
    u.body,
    u.created_at
   FROM (cogo.turns u
     JOIN cogo.subtasks s ON ((s.id = u.subtask_id)));

create policy "owners read their turns" on cogo.turns as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM cogo.subtasks s
  WHERE (s.id = turns.subtask_id))));

comment on table cogo.grants is
  'What operators granted an owner: models and providers (all, without such a row), tools (all, without
such a row) and a priority among owners. The nil uuid stands for tasks without an owner.';

comment on table cogo.turns is
  'The transcript of a subtask in which a model calls tools: the next attempt goes on after the last row.
Numbered without gaps from 1, and never changed.';

comment on table public.cogo_approvals is
  'Questions to people: one for each subtask that waits for an approval, or one for each call of a tool
that it waits for. Each is answered once, with cogo_answer_approval().';

comment on column cogo.checkpoints.turn is
  'Which answer of the model it is the text of, from 1, in a subtask in which the model calls tools.';

comment on column cogo.grants.kind is
  'model, provider; alias: another name of a granted model, in lower case; priority: the highest (lowest
number) that counts among owners, 5 without such a row; tool: the name of a tool as in params.tools, all
of a source, as mcp:docs/*, or none.';

comment on column cogo.subtasks.reaps is
  'How many holders have died since it last made progress: a stored turn, or a suspension.';

comment on column cogo.turns.attempt is
  'The attempt that stored it, or that asked for the approval.';

comment on column cogo.turns.kind is
  'answer: an answer of the model; begun: a tool is about to run; result: what it gave; approval: what a
person answered.';

comment on column public.cogo_approvals.attempt is
  'The attempt that waits with the call.';

comment on column public.cogo_approvals.call_id is
  'The call of a tool, in the turns of the subtask, that waits for the answer; key ends with it.';

comment on view public.cogo_turns is
  'Answers of models that call tools, and what the calls gave. Each subtask has at most 1,000, of 1 MiB
at most each: read them in pages.';

comment on function cogo.add_up_costs(uuid[]) is
  'Set the unknown costs of tasks of which all is known now. The caller holds their locks.';

comment on function cogo.append_turns(uuid,integer,jsonb) is
  'Store the turns that are not stored yet; return why not, with nothing written. The caller holds the
task lock.';

comment on function cogo.apply_answer(cogo.subtasks,public.cogo_approvals) is
  'Continue after the answer of a person: a step of a workflow ends with it as its output; a tool loop
goes on after the last one; another subtask is queued, or fails its task if it was refused.';

comment on function cogo.ask_about_call(cogo.subtasks,jsonb) is
  'Ask a person about a call of a tool. The caller holds the task lock.';

comment on function cogo.book_late_call(uuid,integer) is
  'Book a call whose end was reported after that of its attempt, of which no usage was reported. The
caller holds the task lock.';

comment on function cogo.can_select_object(jsonb,text,text) is
  'Return whether the policies of Supabase Storage let the holder of a token with these claims read an
object.';

comment on function cogo.close_attempts(uuid[],integer[],text,jsonb[],jsonb) is
  'End attempts and add their tokens and cost to their tasks, which the caller has locked. Ended
attempts stay as they are, but cancelled ones without usage get it in place of what was booked. Simulated
ones are not counted in statistics.';

comment on function cogo.delete_subtask_records() is
  'Delete the outputs, attempts and turns of deleted subtasks.';

comment on function cogo.granted_tools(uuid) is
  'Return the names of the tools granted to an owner, in which SOURCE/* stands for all of a source; null:
all tools.';

comment on function cogo.is_calling_lane(text) is
  'Return whether the subtasks of a lane pay for calls, which are in the audit log: those of a model, and
embeddings.';

comment on function cogo.load_leases(uuid[]) is
  'Return all that the holders of leases need for the work.';

comment on function cogo.lock_trees(uuid[]) is
  'Lock the trees of tasks, by root, before child tasks are inserted. The caller has locked all tasks
that it will change.';

comment on function cogo.record_call_answer(cogo.subtasks,public.cogo_approvals) is
  'Add the answer about a call of a tool to the turns of its subtask, which is queued after the last one.
The caller holds the task lock.';

comment on function cogo.reopen_call_approvals(cogo.subtasks) is
  'Ask again what the last attempt of a subtask asked about calls of tools and was withdrawn; return
whether it had asked anything.';

comment on function cogo.sum_calls(uuid,uuid,integer) is
  'Return what the ended calls of an attempt have used and cost, as its holder would report it; the cost
is null if one of them has none or has not ended. Null if nothing is known of its calls.';

comment on function cogo.take_back_lease(cogo.subtasks,text,jsonb,boolean) is
  'Take a lease from its holder and queue the subtask; return false if it is now a dead letter: after as
many deaths since the last stored turn as it may have.';

comment on function cogo.user_claims(uuid) is
  'Return the claims of a user''s access token, after a sign-in without a second factor.';

comment on function cogo.validate_turns(jsonb,integer) is
  'Return why turns cannot be stored after the last one, as a sentence; null if they can.';

comment on function cogo.validate_wait(cogo.subtasks,jsonb) is
  'Return why a subtask cannot wait for answers about calls of tools, as a sentence; null if it can.';

comment on function cogo.wait_for_answers(cogo.subtasks,jsonb) is
  'End an attempt in the middle of a tool loop, which goes on when people have answered. The caller holds
the task lock and has validated p_item.';

comment on function public.cogo_approve_subtask(uuid,boolean,text) is
  'Answer the only open approval of a subtask, like cogo_answer_approval().';

comment on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits, and at most p_lane_limits ->> lane of a lane. The same p_request_id again returns the
leases that still run.';

comment on function public.cogo_end_call(text,jsonb) is
  'End a call to a model: write its audit row, add its cost to every cap that applies and free its
reservation. booked is false if this was done before. An attempt that has ended without usage gets it.';

comment on function public.cogo_grants() is
  'Return the grants of owners: models and providers (both empty: all), the priority that counts among
owners (null: none), and tools (null: all).';

comment on function public.cogo_may_read_object(uuid,text,text) is
  'Return whether an owner (null: anyone) could read an object of Supabase Storage: by its policies, or
because its bucket is public. False if there is none, or no Storage.';

comment on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) is
  'Allow an owner (null: tasks without one) only these models, by canonical id, and all models of these
providers; both empty: everything, both null: as it is. p_aliases are other names of the models.
p_priority is the highest priority that counts among owners; -1: none, null: as it is. p_tools are the
tools that a task may use: names as in params.tools, SOURCE/* (all of a source), or none alone; empty:
all, null: as it is.';

comment on function public.cogo_store_turns(text,jsonb) is
  'Store turns of the holders of leases, each item independently, and answer for each, in order: ok (also
if they were stored before), stale (no longer yours), cancel (stop: the task is over) or invalid (nothing
of it was written, see detail). Repeat the call until it answers.';

comment on function public.cogo_subtask_turns(uuid,integer) is
  'Return the turns of a subtask after seq p_after, in order: all, or as many as have 4 MiB together.
Continue after the last one until there is none.';

revoke all on table cogo.turns from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.turns to service_role;

grant select on table cogo.turns to authenticated;

revoke all on table public.cogo_turns from public, anon, authenticated, service_role;

grant select on table public.cogo_turns to authenticated;

grant select on table public.cogo_turns to service_role;

revoke all on function cogo.add_up_costs(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.add_up_costs(uuid[]) to service_role;

revoke all on function cogo.append_turns(uuid,integer,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.append_turns(uuid,integer,jsonb) to service_role;

revoke all on function cogo.ask_about_call(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.ask_about_call(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.book_late_call(uuid,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.book_late_call(uuid,integer) to service_role;

revoke all on function cogo.can_select_object(jsonb,text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.can_select_object(jsonb,text,text) to service_role;

revoke all on function cogo.granted_tools(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.granted_tools(uuid) to service_role;

revoke all on function cogo.is_calling_lane(text) from public, anon, authenticated, service_role;

grant execute on function cogo.is_calling_lane(text) to service_role;

revoke all on function cogo.load_leases(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.load_leases(uuid[]) to service_role;

revoke all on function cogo.record_call_answer(cogo.subtasks,public.cogo_approvals) from public, anon, authenticated, service_role;

grant execute on function cogo.record_call_answer(cogo.subtasks,public.cogo_approvals) to service_role;

revoke all on function cogo.reopen_call_approvals(cogo.subtasks) from public, anon, authenticated, service_role;

grant execute on function cogo.reopen_call_approvals(cogo.subtasks) to service_role;

revoke all on function cogo.sum_calls(uuid,uuid,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.sum_calls(uuid,uuid,integer) to service_role;

revoke all on function cogo.user_claims(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.user_claims(uuid) to service_role;

revoke all on function cogo.validate_turns(jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_turns(jsonb,integer) to service_role;

revoke all on function cogo.validate_wait(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.validate_wait(cogo.subtasks,jsonb) to service_role;

revoke all on function cogo.wait_for_answers(cogo.subtasks,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.wait_for_answers(cogo.subtasks,jsonb) to service_role;

revoke all on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_claim_subtasks(text,text[],integer,numeric,uuid,jsonb) to service_role;

revoke all on function public.cogo_grants() from public, anon, authenticated, service_role;

grant execute on function public.cogo_grants() to service_role;

revoke all on function public.cogo_may_read_object(uuid,text,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_may_read_object(uuid,text,text) to service_role;

revoke all on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_set_grants(uuid,text[],text[],text[],integer,text[]) to service_role;

revoke all on function public.cogo_store_turns(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_store_turns(text,jsonb) to service_role;

revoke all on function public.cogo_subtask_turns(uuid,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_subtask_turns(uuid,integer) to service_role;

insert into cogo.schema_versions (version) values ('20261129093406')
on conflict (version) do nothing;
