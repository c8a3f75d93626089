-- One round trip.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.create_owner_caps(p_owner_keys text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below. A second transaction that does the same waits for the first.
  if exists (select from cogo.budgets d where d.scope = 'owner' and d.key = '*') then
    insert into cogo.budgets (
      scope, key, per, limit_usd, allow_unpriced, is_default, period_start, spent_usd
    )
    select 'owner', o.key, d.per, d.limit_usd, d.allow_unpriced, true,
           cogo.period_start(d.per, v_now),
           cogo.spent_usd('owner', o.key, cogo.period_start(d.per, v_now))
      from (select distinct unnest(p_owner_keys) as key) as o
      join cogo.budgets d on d.scope = 'owner' and d.key = '*'
     where o.key <> '00000000-0000-0000-0000-000000000000'
       and not exists (
         select from cogo.budgets b
          where b.scope = 'owner' and b.key = o.key and (b.per = d.per or not b.is_default)
       )
     order by o.key, d.per
    on conflict do nothing;
  end if;
end;
$function$;

create or replace function cogo.find_late_calls(p_calls jsonb)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select coalesce(array_agg(late.subtask_id), '{}')
    from jsonb_array_elements(p_calls) c
   -- Not joined: one row is read for each call.
   cross join lateral (
     select a.subtask_id
       from public.cogo_attempts a
      where a.subtask_id = cogo.to_uuid(c.value ->> 'subtask_id')
        and a.attempt = cogo.to_integer(c.value ->> 'attempt')
        and a.ended_at is not null and a.usage is null and cogo.is_calling_lane(a.lane)
     offset 0
   ) as late;
$function$;

create or replace function cogo.lock_budgets(p_owner_keys text[], p_providers text[], p_column_ids uuid[])
 RETURNS SETOF cogo.budgets
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.create_owner_caps(p_owner_keys);
  perform
     from cogo.budgets b
    where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
       or b.scope = 'provider' and b.key = any (p_providers)
       or b.scope = 'column' and b.key = any (p_column_ids::text[])
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
     where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
        or b.scope = 'provider' and b.key = any (p_providers)
        or b.scope = 'column' and b.key = any (p_column_ids::text[])
    returning b.*;
end;
$function$;

create or replace function cogo.lock_completions(p_items jsonb, p_others uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.lock_tasks(
    p_others
      || array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  if p_items @? '$[*].messages[*]' then
    perform cogo.lock_sessions(
      array(
        select cogo.to_uuid(i.value ->> 'subtask_id')
          from jsonb_array_elements(p_items) i where i.value @? '$.messages[*]'
      )
    );
  end if;
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
end;
$function$;

create or replace function cogo.lock_task_budgets(p_task_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  -- In one order, so that two transactions never wait for each other.
  perform pg_advisory_xact_lock(b.key)
     from (
       with recursive path as (
         select t.id, t.parent_task_id, t.budget_usd
           from public.cogo_tasks t where t.id = any (p_task_ids)
          union
         select t.id, t.parent_task_id, t.budget_usd
           from path p join public.cogo_tasks t on t.id = p.parent_task_id
       )
       select hashtextextended('cogo.budget ' || p.id::text, 0) as key
         from path p
        where p.budget_usd is not null
        order by key
       offset 0
     ) as b;
end;
$function$;

create or replace function cogo.may_claim_at_once(p_lanes text[])
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return not exists (
           select from cogo.lanes l
            where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
         )
     and not exists (select from cogo.owners)
     and not exists (
           select from cogo.subtasks s where s.status = 'delayed' and s.run_at <= cogo.now()
         )
     and not exists (
           select from cogo.subtasks s
            where s.status = 'running' and s.lease_expires_at < cogo.now()
         )
     and not ('cio' = any (p_lanes) and exists (select from cogo.wakes))
     and cogo.find_inherited() is null;
end;
$function$;

create or replace function cogo.record_calls(p_agent_id text, p_calls jsonb, p_late uuid[])
 RETURNS public.cogo_calls[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_item jsonb;
  v_call public.cogo_calls;
  v_reserved cogo.reservations;
  v_recorded public.cogo_calls[] := '{}';
begin
  -- A cap that is created later would find these calls in the audit log, and they would count twice.
  perform cogo.create_owner_caps(
    array(
      select cogo.budget_key(cogo.to_uuid(c.value ->> 'owner')) from jsonb_array_elements(p_calls) c
    )
  );
  for v_item in select c.value from jsonb_array_elements(p_calls) c loop
    v_call := jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(v_item));
    delete from cogo.reservations r where r.call_id = v_call.id returning r.* into v_reserved;
    -- Its task may have been deleted, and its attempt lost.
    v_call.column_id := coalesce(
      v_reserved.column_id,
      (select c.column_id from public.cogo_calls c where c.id = v_call.id limit 1),
      cogo.find_task_column(v_call.task_id)
    );
    v_call.agent_id := p_agent_id;
    v_call.simulated := coalesce(v_call.simulated, false);
    if v_call.simulated then
      v_call.cost_usd := 0;
    end if;
    v_call.ended_at := cogo.now();
    -- Without its reservation (its attempt has ended) only the caller knows the duration.
    v_call.started_at := coalesce(
      v_reserved.made_at,
      cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
    );
    insert into public.cogo_calls select v_call.* on conflict do nothing;
    if found then
      v_recorded := v_recorded || v_call;
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  return v_recorded;
end;
$function$;

create or replace function cogo.record_calls_isolated(p_agent_id text, p_calls jsonb, p_late uuid[], OUT recorded public.cogo_calls[], OUT problems jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_call jsonb;
  v_one record;
begin
  problems := '[]';
  begin
    recorded := cogo.record_calls(p_agent_id, p_calls, p_late);
    return;
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
      recorded := '{}';
      if jsonb_array_length(p_calls) = 1 then
        problems := jsonb_build_array(
          jsonb_build_object('id', p_calls -> 0 -> 'id', 'detail', sqlerrm)
        );
        return;
      end if;
  end;
  for v_call in select c.value from jsonb_array_elements(p_calls) c loop
    v_one := cogo.record_calls_isolated(p_agent_id, jsonb_build_array(v_call), p_late);
    recorded := recorded || v_one.recorded;
    problems := problems || v_one.problems;
  end loop;
end;
$function$;

create or replace function cogo.spend_calls(p_calls public.cogo_calls[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not exists (select from unnest(p_calls) c where c.cost_usd > 0) then
    return;
  end if;
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider), array_agg(c.column_id)
  )
     from unnest(p_calls) c where c.cost_usd > 0;
  update cogo.budgets b
     set spent_usd = b.spent_usd + s.usd
    from (
      select a.scope, a.key, sum(c.cost_usd) as usd
        from unnest(p_calls) c
       cross join lateral (
         values ('total', ''), ('owner', cogo.budget_key(c.owner)), ('provider', c.provider),
                ('column', c.column_id::text)
       ) as a (scope, key)
       where c.cost_usd > 0
       group by a.scope, a.key
    ) as s
   where b.scope = s.scope and b.key = s.key;
  insert into cogo.ai_counts (column_id, state, priority, usd)
  select k.id, 'spent', 0, c.cost_usd
    from unnest(p_calls) c
    join cogo.ai_columns k on k.id = c.column_id
   where c.cost_usd > 0;
end;
$function$;

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
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
  v_call.column_id := cogo.find_task_column(v_call.task_id);
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
    perform cogo.lock_task_budgets(array[v_call.task_id]);
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
        perform cogo.note_refusal(
          v_call, answer, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, detail,
          null, v_usd
        );
        return next;
        return;
      end if;
    end loop;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(
      array[v_key], array[v_call.provider], array[v_call.column_id]
    ) b
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
      perform cogo.note_refusal(
        v_call, answer, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.allow_unpriced, detail, resets_at, v_usd
      );
      return next;
      return;
    end if;
  end loop;

  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd,
    column_id
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd, v_call.column_id
  )
  on conflict do nothing;
  answer := 'ok';
  detail := null;
  return next;
end;
$function$;

create or replace function public.cogo_begin_calls(p_agent_id text, p_calls jsonb)
 RETURNS TABLE(id uuid, answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_held uuid[];
  v_calls public.cogo_calls[];
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_calls must be a list of calls';
  end if;
  v_calls := array(
    select c
      from jsonb_array_elements(p_calls) i
     cross join jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(i.value)) c
  );
  v_held := array(
    select a.subtask_id
      from unnest(v_calls) c
      join public.cogo_attempts a on a.subtask_id = c.subtask_id and a.attempt = c.attempt
     where a.agent_id = p_agent_id and a.ended_at is null
     order by a.subtask_id, a.attempt
       for share of a skip locked
  );
  v_calls := array(
    select c
      from unnest(v_calls) c
     where c.subtask_id is null or c.subtask_id = any (v_held) or not exists (
       select from public.cogo_attempts a
        where a.subtask_id = c.subtask_id and a.attempt = c.attempt
          and a.agent_id = p_agent_id and a.ended_at is null
     )
  );
  perform cogo.lock_task_budgets(
    array(select c.task_id from unnest(v_calls) c where c.simulated is not true)
  );
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider),
    array_agg(cogo.find_task_column(c.task_id))
  )
     from unnest(v_calls) c;
  return query
    select cogo.to_uuid(i.item ->> 'id'), b.*
      from jsonb_array_elements(p_calls) with ordinality as i (item, ordinal)
     cross join lateral public.cogo_begin_call(p_agent_id, i.item) b
     where cogo.to_uuid(i.item ->> 'id') = any (array(select c.id from unnest(v_calls) c))
     order by i.ordinal;
end;
$function$;

create or replace function public.cogo_complete_and_claim(p_agent_id text, p_items jsonb, p_lanes text[], p_limit integer, p_lease_seconds numeric DEFAULT 15, p_request_id uuid DEFAULT NULL::uuid, p_lane_limits jsonb DEFAULT NULL::jsonb, p_calls jsonb DEFAULT '[]'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_answers jsonb;
  v_claimed jsonb;
  v_refusal text;
  v_ended public.cogo_calls[];
  v_problems jsonb;
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array'
     or jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_items must be a list of completions, and p_calls one of calls';
  end if;
  perform cogo.lock_completions(
    p_items,
    array(select cogo.to_uuid(c.value ->> 'subtask_id') from jsonb_array_elements(p_calls) c)
  );
  if p_calls <> '[]' then
    select r.recorded, r.problems into v_ended, v_problems
      from cogo.record_calls_isolated(p_agent_id, p_calls, cogo.find_late_calls(p_calls)) r;
  end if;
  select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
    into v_answers
    from cogo.complete_isolated(p_agent_id, p_items) with ordinality c;
  if p_calls <> '[]' then
    perform cogo.spend_calls(v_ended);
  end if;
  if p_limit > 0 and cogo.may_claim_at_once(p_lanes) then
    begin
      select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
        into v_claimed
        from public.cogo_claim_subtasks(
          p_agent_id, p_lanes, p_limit, p_lease_seconds, p_request_id, p_lane_limits
        ) with ordinality c;
    exception
      -- Whatever it is, the completions are kept.
      when others then
        v_refusal := sqlerrm;
    end;
  end if;
  return jsonb_build_object(
    'answers', v_answers, 'claimed', v_claimed, 'refusal', v_refusal,
    'problems', coalesce(v_problems, '[]')
  );
end;
$function$;

create or replace function public.cogo_complete_subtasks(p_agent_id text, p_items jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, detail text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
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
  perform cogo.lock_completions(p_items, '{}');
  return query select * from cogo.complete_isolated(p_agent_id, p_items);
end;
$function$;

create or replace function public.cogo_end_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(booked boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_calls jsonb := jsonb_build_array(p_call);
  v_late uuid[];
  v_recorded public.cogo_calls[];
begin
  perform cogo.set_actor(p_agent_id);
  -- Tasks are locked before budgets.
  v_late := cogo.find_late_calls(v_calls);
  if v_late <> '{}' then
    perform cogo.lock_tasks(v_late);
  end if;
  v_recorded := cogo.record_calls(p_agent_id, v_calls, v_late);
  perform cogo.spend_calls(v_recorded);
  booked := cardinality(v_recorded) > 0;
  return next;
end;
$function$;

drop function cogo.lock_budgets(text,text,uuid);

drop function cogo.lock_task_budgets(uuid);

comment on function cogo.create_owner_caps(text[]) is
  'Give owners without a cap of their own the default one.';

comment on function cogo.find_late_calls(jsonb) is
  'Return the subtasks of ended calls whose attempts have ended before, without usage.';

comment on function cogo.lock_budgets(text[],text[],uuid[]) is
  'Lock the caps that apply to calls, by key, and begin new periods; return them. Owners without a cap
of their own get the default one.';

comment on function cogo.lock_completions(jsonb,uuid[]) is
  'Lock what completions change, and the tasks of other subtasks.';

comment on function cogo.lock_task_budgets(uuid[]) is
  'Lock the budgets that calls of tasks count towards.';

comment on function cogo.may_claim_at_once(text[]) is
  'Return whether a claim would wait for no lock: there are no limits, and nothing else to do.';

comment on function cogo.record_calls(text,jsonb,uuid[]) is
  'Write the audit rows of ended calls and free their reservations; return those that were not recorded
before. p_late: what cogo.find_late_calls() has returned. The caller has locked the tasks of these, and
adds the costs with cogo.spend_calls().';

comment on function cogo.record_calls_isolated(text,jsonb,uuid[]) is
  'Call cogo.record_calls(), and return why calls cannot be recorded: {id, detail}.';

comment on function cogo.spend_calls(public.cogo_calls[]) is
  'Add the costs of recorded calls to every cap that applies.';

comment on function public.cogo_begin_calls(text,jsonb) is
  'Begin calls to models, each as cogo_begin_call does, in order: an earlier one may use up what a cap
has left. One whose attempt another transaction holds has no answer: begin it with cogo_begin_call.';

comment on function public.cogo_complete_and_claim(text,jsonb,text[],integer,numeric,uuid,jsonb,jsonb) is
  'Record the ends of calls to models (p_calls) as cogo_end_call, then completions as
cogo_complete_subtasks, then claim as cogo_claim_subtasks, in one transaction. Returns answers, one for
each completion; claimed, the leases, null if nothing was claimed because of a refusal (why; the rest is
kept) or because a claim could wait: then call cogo_claim_subtasks; and problems, the calls that cannot
be recorded and why ({id, detail}). Repeat the call until it answers.';

revoke all on function cogo.create_owner_caps(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.create_owner_caps(text[]) to service_role;

revoke all on function cogo.find_late_calls(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.find_late_calls(jsonb) to service_role;

revoke all on function cogo.lock_budgets(text[],text[],uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_budgets(text[],text[],uuid[]) to service_role;

revoke all on function cogo.lock_completions(jsonb,uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_completions(jsonb,uuid[]) to service_role;

revoke all on function cogo.lock_task_budgets(uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_task_budgets(uuid[]) to service_role;

revoke all on function cogo.may_claim_at_once(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.may_claim_at_once(text[]) to service_role;

revoke all on function cogo.record_calls(text,jsonb,uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_calls(text,jsonb,uuid[]) to service_role;

revoke all on function cogo.record_calls_isolated(text,jsonb,uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.record_calls_isolated(text,jsonb,uuid[]) to service_role;

revoke all on function cogo.spend_calls(public.cogo_calls[]) from public, anon, authenticated, service_role;

grant execute on function cogo.spend_calls(public.cogo_calls[]) to service_role;

revoke all on function public.cogo_begin_calls(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_begin_calls(text,jsonb) to service_role;

revoke all on function public.cogo_complete_and_claim(text,jsonb,text[],integer,numeric,uuid,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_complete_and_claim(text,jsonb,text[],integer,numeric,uuid,jsonb,jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130053207')
on conflict (version) do nothing;
