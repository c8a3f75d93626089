-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0700_fence.sql
create or replace function cogo.fence(
  p_agent_id text, p_attempt public.cogo_attempts, p_subtask cogo.subtasks
)
  returns text
  language sql
  immutable
  return case
    when (p_attempt).agent_id is null then 'unknown'
    when (p_attempt).agent_id <> p_agent_id then 'stale'
    when (p_attempt).ended_at is not null then (p_attempt).outcome
    when (p_subtask).cancel_requested_at is not null then 'closing'
    else 'held'
  end;
comment on function cogo.fence(text, public.cogo_attempts, cogo.subtasks) is
  'Whether an agent still holds an attempt of a subtask: held, closing (its task is over), stale
(another agent''s), unknown (no such row), or the outcome that ended it. An expired lease that nobody
took is held.';

revoke all on function cogo.fence(text, public.cogo_attempts, cogo.subtasks)
  from public, anon, authenticated, service_role;
grant execute on function cogo.fence(text, public.cogo_attempts, cogo.subtasks) to service_role;

-- schemas/0701_granted_text.sql
create or replace function cogo.granted_text(p_granted jsonb)
  returns text
  language sql
  immutable
  set search_path = ''
as $$
  select concat_ws(
    ' and ',
    (select string_agg(m.name, ', ') from jsonb_array_elements_text(p_granted -> 'models') m (name)),
    (
      select 'everything of ' || string_agg(p.name, ', ')
        from jsonb_array_elements_text(p_granted -> 'providers') p (name)
    )
  );
$$;
comment on function cogo.granted_text(jsonb) is 'What cogo.granted() gave, in words.';

revoke all on function cogo.granted_text(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.granted_text(jsonb) to service_role;

-- schemas/0702_granted.sql
create or replace function cogo.granted(p_owner uuid)
  returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind <> 'priority'
  having count(*) > 0;
$$;
comment on function cogo.granted(uuid) is
  'The models and providers that operators granted to an owner; null: everything is allowed.';

revoke all on function cogo.granted(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.granted(uuid) to service_role;

-- schemas/0703_grant_problem.sql
create or replace function cogo.grant_problem(p_owner uuid, p_model text, p_provider text)
  returns text
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_granted jsonb := cogo.granted(p_owner);
begin
  if v_granted is null or v_granted -> 'models' ? p_model or v_granted -> 'providers' ? p_provider
  then
    return null;
  end if;
  return format(
    'model %s is not granted to this owner; granted are %s', p_model, cogo.granted_text(v_granted)
  );
end;
$$;
comment on function cogo.grant_problem(uuid, text, text) is
  'Why an owner may not use this model there, with what is granted; null when nothing forbids it.';

revoke all on function cogo.grant_problem(uuid, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.grant_problem(uuid, text, text) to service_role;

-- schemas/0704_stamp_problem.sql
create or replace function cogo.stamp_problem(p_task_id uuid, p_item jsonb)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  with body as (
    select coalesce(nullif(p_item -> 'plan', 'null'), p_item) as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamped as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.grant_problem(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamped s
   where t.id = p_task_id and s.lane <> 'cio'
     and cogo.grant_problem(t.owner, s.lane, s.provider) is not null
   limit 1;
$$;
comment on function cogo.stamp_problem(uuid, jsonb) is
  'Why a plan, a route or added subtasks may not be stamped with their models: what is granted.';

revoke all on function cogo.stamp_problem(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.stamp_problem(uuid, jsonb) to service_role;

-- schemas/0705_is_anonymous.sql
-- Security definer: agents may not read auth.users. Projects with users of another service, or an Auth
-- that knows no anonymous sign-ins, have none.
create or replace function cogo.is_anonymous(p_owner uuid)
  returns boolean
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
begin
  if to_regclass('auth.users') is null or not exists (
    select from pg_catalog.pg_attribute a
     where a.attrelid = to_regclass('auth.users') and a.attname = 'is_anonymous'
  ) then
    return false;
  end if;
  return exists (select from auth.users u where u.id = p_owner and u.is_anonymous);
end;
$$;
comment on function cogo.is_anonymous(uuid) is 'Whether an owner signed in anonymously.';

revoke all on function cogo.is_anonymous(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.is_anonymous(uuid) to service_role;

-- schemas/0705_lock_tasks.sql
create or replace function cogo.lock_tasks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  -- By seq: two batches that share tasks would otherwise wait for each other. Zero is added lest all
  -- tasks are read in the order of that index, which is as cheap as any way while they are few: the
  -- plan is kept when they are many.
  perform
     from public.cogo_tasks t
    where t.id = any (
            array(select s.task_id from cogo.subtasks s where s.id = any (p_subtask_ids))
          )
    order by t.seq + 0
      for no key update;
end;
$$;
comment on function cogo.lock_tasks(uuid[]) is
  'Locks the tasks of subtasks, in the order that everybody follows.';

revoke all on function cogo.lock_tasks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_tasks(uuid[]) to service_role;

-- schemas/0706_budget_key.sql
create or replace function cogo.budget_key(p_owner uuid)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  select case
    when p_owner is null then '00000000-0000-0000-0000-000000000000'
    when exists (
      select from cogo.budgets b
       where b.scope = 'owner' and b.key = p_owner::text and not b.is_default
    ) then p_owner::text
    when exists (select from cogo.budgets b where b.scope = 'owner' and b.key in ('*', 'anonymous'))
      and cogo.is_anonymous(p_owner) then 'anonymous'
    else p_owner::text
  end;
$$;
comment on function cogo.budget_key(uuid) is
  'Whose cap an owner''s calls count towards: anonymous sign-ins without a cap of their own share one.';

revoke all on function cogo.budget_key(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.budget_key(uuid) to service_role;

-- schemas/0706_period_end.sql
-- A day is added where days have no offset: added to a moment it would be one of the session's time
-- zone, an hour shorter twice a year, and a month from there begins on another date.
create or replace function cogo.period_end(p_per text, p_now timestamptz)
  returns timestamptz
  language sql
  stable
  set search_path = ''
as $$
  select case
    when p_per in ('day', 'month') then (
      date_trunc(p_per, p_now at time zone 'utc') + ('1 ' || p_per)::interval
    ) at time zone 'utc'
  end;
$$;
comment on function cogo.period_end(text, timestamptz) is
  'When the day or month (UTC) of a budget ends; null: never.';

revoke all on function cogo.period_end(text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.period_end(text, timestamptz) to service_role;

-- schemas/0706_period_start.sql
create or replace function cogo.period_start(p_per text, p_now timestamptz)
  returns timestamptz
  language sql
  stable
  set search_path = ''
as $$
  select case p_per
    when 'ever' then 'epoch'::timestamptz
    else date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'
  end;
$$;
comment on function cogo.period_start(text, timestamptz) is
  'When the day or month (UTC) of a budget began; for ever: the epoch.';

revoke all on function cogo.period_start(text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.period_start(text, timestamptz) to service_role;

-- schemas/0707_reserved_usd.sql
create or replace function cogo.reserved_usd(p_scope text, p_key text)
  returns numeric
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(sum(r.usd), 0)
    from cogo.reservations r
   where case p_scope
           when 'total' then true
           when 'owner' then p_key in (r.owner::text, r.budget_key)
           when 'provider' then r.provider = p_key
           when 'task' then r.task_id = p_key::uuid
         end
     and (r.subtask_id is not null or r.made_at > cogo.now() - interval '1 hour');
$$;
comment on function cogo.reserved_usd(text, text) is
  'What the calls that run now may cost at most, as far as they count towards a cap.';

revoke all on function cogo.reserved_usd(text, text) from public, anon, authenticated, service_role;
grant execute on function cogo.reserved_usd(text, text) to service_role;

-- schemas/0707_spent_usd.sql
create or replace function cogo.spent_usd(p_scope text, p_key text, p_since timestamptz)
  returns numeric
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(sum(c.cost_usd), 0)
    from public.cogo_calls c
   where c.started_at >= p_since
     and case
       when p_scope = 'total' then true
       when p_scope = 'provider' then c.provider = p_key
       when p_key = 'anonymous' then cogo.is_anonymous(c.owner)
       -- Nobody's in particular.
       when p_key = '*' then false
       else c.owner is not distinct from nullif(p_key, '00000000-0000-0000-0000-000000000000')::uuid
     end;
$$;
comment on function cogo.spent_usd(text, text, timestamptz) is
  'What the calls that count towards a cap have cost since then, from the audit.';

revoke all on function cogo.spent_usd(text, text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.spent_usd(text, text, timestamptz) to service_role;

-- schemas/0708_lock_budgets.sql
create or replace function cogo.lock_budgets(p_owner_key text, p_provider text)
  returns setof cogo.budgets
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below; of two who make one at once the second waits for the first.
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
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    returning b.*;
end;
$$;
comment on function cogo.lock_budgets(text, text) is
  'Locks the caps that hold for a call, of cogo.budget_key() at a provider, in key order, and begins new
periods. An owner without a cap of their own gets the default one.';

revoke all on function cogo.lock_budgets(text, text) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_budgets(text, text) to service_role;

-- schemas/0709_cap_problem.sql
create or replace function cogo.cap_problem(
  p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean,
  p_spent numeric, p_usd numeric,
  out answer text, out scope text, out detail text, out resets_at timestamptz
)
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_reserved numeric := cogo.reserved_usd(p_scope, p_key);
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
  elsif p_spent + v_reserved + p_usd > p_limit then
    resets_at := cogo.period_end(p_per, cogo.now());
    -- What runs now seldom costs all that is reserved for it: then waiting helps.
    answer := case when v_reserved > 0 and p_spent + p_usd <= p_limit then 'wait' else 'refused' end;
    detail := format(
      '%s is $%s%s: $%s are spent, $%s are reserved for calls that run, $%s are left, and this call '
      'may cost up to $%s%s%s',
      v_name, trim_scale(p_limit), case when p_per <> 'ever' then ' a ' || p_per else '' end,
      round(p_spent, 6), round(v_reserved, 6), round(greatest(p_limit - p_spent - v_reserved, 0), 6),
      round(p_usd, 6),
      case when p_scope = 'task' then
        format('; a budget of $%s would do', round(ceil((p_spent + v_reserved + p_usd) * 1e6) / 1e6, 6))
      end,
      '; it resets at ' || cogo.iso(resets_at)
    );
  end if;
  scope := case when answer is not null then p_scope end;
end;
$$;
comment on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric) is
  'Why a cap holds a call back: refused, or wait when only calls that run stand in the way.';

revoke all on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric)
  from public, anon, authenticated, service_role;
grant execute on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric)
  to service_role;

-- schemas/0710_close_attempts.sql
-- A cost that is not reported is 0 where no model can have been asked (the lane of the
-- orchestrators, an outcome that the holder itself reported), and unknown where a holder vanished.
create or replace function cogo.close_attempts(
  p_subtask_ids uuid[],
  p_attempts integer[],
  p_outcome text,
  p_usages jsonb[] default '{}',
  p_error jsonb default null
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  with closed as (
    update public.cogo_attempts a
       set ended_at = cogo.now(),
           outcome = p_outcome,
           error = nullif(p_error, 'null'),
           usage = g.usage,
           model_id = coalesce(g.usage ->> 'model_id', a.model_id),
           provider = coalesce(g.usage ->> 'provider', a.provider),
           first_token_ms = (g.usage ->> 'first_token_ms')::bigint,
           duration_ms = coalesce(
             (g.usage ->> 'duration_ms')::bigint, cogo.milliseconds(a.claimed_at, cogo.now())
           ),
           input_tokens = (g.usage ->> 'input_tokens')::bigint,
           cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
           output_tokens = (g.usage ->> 'output_tokens')::bigint,
           reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
           finish_reason = g.usage ->> 'finish_reason',
           cost_usd = case
             when g.usage is not null then (g.usage ->> 'cost_usd')::numeric
             when a.lane = 'cio' or p_outcome in ('completed', 'failed', 'rerouted') then 0
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
                    where h.subtask_id = u.id and h.attempt = u.attempt and h.lane <> 'cio'
                      and g.details @> '{"simulated": true}'
                 )
               end as simulated
          from (
            select n.id, n.attempt, cogo.plausible(n.usage) as usage
              from unnest(p_subtask_ids, p_attempts, p_usages) as n (id, attempt, usage)
          ) as u
      ) as g
     where a.subtask_id = g.id and a.attempt = g.attempt and a.ended_at is null
    returning a.subtask_id, a.attempt, a.lane, a.task_id, a.cost_usd, a.input_tokens,
              a.cached_tokens, a.output_tokens, a.reasoning_tokens, a.simulated, g.usage
  ), to_learn as (
    insert into cogo.outcomes (subtask_id, attempt)
    select c.subtask_id, c.attempt
      from closed c
     where c.lane <> 'cio' and not c.simulated and p_outcome in ('completed', 'failed', 'rerouted')
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
$$;
comment on function cogo.close_attempts(uuid[], integer[], text, jsonb[], jsonb) is
  'Ends attempts and books their tokens and their cost on their tasks, of which the caller holds the
locks. An attempt that has ended stays as it is. Nothing is learned from simulated ones.';

revoke all on function cogo.close_attempts(uuid[], integer[], text, jsonb[], jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.close_attempts(uuid[], integer[], text, jsonb[], jsonb)
  to service_role;

-- schemas/0711_lose_calls.sql
create or replace function cogo.lose_calls()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  -- Mostly its holder said how they ended.
  if not exists (
    select from ended e join cogo.reservations r using (subtask_id, attempt)
     where e.ended_at is not null
  ) then
    return null;
  end if;
  with gone as (
    delete from cogo.reservations r
     using ended e
     where r.subtask_id = e.subtask_id and r.attempt = e.attempt and e.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256
    from gone g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
  return null;
end;
$$;
comment on function cogo.lose_calls() is
  'An attempt that ends with a call of which nobody said how it ended: the money that was reserved
for it is free again, and the audit says that the call is lost.';

revoke all on function cogo.lose_calls() from public, anon, authenticated, service_role;

create or replace trigger lose_calls
  after update on public.cogo_attempts
  referencing new table as ended
  for each statement execute function cogo.lose_calls();

-- schemas/0715_requeue_subtask.sql
create or replace function cogo.requeue_subtask(
  p_subtask_id uuid,
  p_run_at timestamptz default null,
  p_lane text default null
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  update cogo.subtasks s
     set status = cogo.standing(t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now()),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$$;
comment on function cogo.requeue_subtask(uuid, timestamptz, text) is
  'Puts a running subtask, whose attempt was just closed, back where it can be claimed.';

revoke all on function cogo.requeue_subtask(uuid, timestamptz, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.requeue_subtask(uuid, timestamptz, text) to service_role;

-- schemas/0720_cancel_running.sql
create or replace function cogo.cancel_running(p_subtask_id uuid, p_attempt integer, p_usage jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask_id], array[p_attempt], 'cancelled', array[p_usage]
  );
  update cogo.subtasks s
     set status = 'cancelled',
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id and s.status = 'running' and s.attempt = p_attempt;
end;
$$;
comment on function cogo.cancel_running(uuid, integer, jsonb) is
  'Ends the attempt of a subtask whose task is over. What it made is dropped, what it cost is not.';

revoke all on function cogo.cancel_running(uuid, integer, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.cancel_running(uuid, integer, jsonb) to service_role;

-- schemas/0725_close_subtasks.sql
create or replace function cogo.close_subtasks(p_task_ids uuid[], p_reason text)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_subtask cogo.subtasks;
begin
  -- Mostly the last one was the sink, and nothing is open.
  if not exists (
    select from cogo.subtasks s where s.task_id = any (p_task_ids) and s.finished_at is null
  ) then
    return;
  end if;
  update cogo.subtasks s
     set status = 'cancelled', finished_at = cogo.now()
   where s.task_id = any (p_task_ids)
     and s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held');

  -- A holder hears it here or at its next extension; its lease is not cut short.
  for v_subtask in
    update cogo.subtasks s
       set cancel_requested_at = cogo.now()
     where s.task_id = any (p_task_ids) and s.status = 'running' and s.cancel_requested_at is null
    returning s.*
  loop
    perform cogo.ring(
      'cogo-subtasks', 'SUBTASK_CANCELLED',
      jsonb_build_object(
        'subtask_id', v_subtask.id, 'task_id', v_subtask.task_id,
        'attempt', v_subtask.attempt, 'reason', p_reason,
        'timestamp', cogo.iso(cogo.now())
      ),
      cogo.actor()
    );
  end loop;
end;
$$;
comment on function cogo.close_subtasks(uuid[], text) is
  'Cancels what is open of tasks that are over; running subtasks are asked to stop.';

revoke all on function cogo.close_subtasks(uuid[], text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.close_subtasks(uuid[], text) to service_role;

-- schemas/0726_ban_problem.sql
create or replace function cogo.ban_problem(
  p_owner uuid, p_subtask_id uuid, p_model text, p_provider text
)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  select format('%s is banned: %s', c.subject, c.reason)
    from cogo.controls c
   where c.action = 'ban'
     and c.subject in (p_model, p_provider)
     and case
       when c.scope like 'owner:%' then c.scope = 'owner:' || p_owner::text
       when c.scope like 'task_type:%' then c.scope = 'task_type:' || coalesce(
         (
           select m.requirements ->> 'taskType' from public.cogo_model_selections m
            where m.subtask_id = p_subtask_id order by m.created_at desc limit 1
         ), 'general'
       )
       else true
     end
   order by c.scope, c.subject
   limit 1;
$$;
comment on function cogo.ban_problem(uuid, uuid, text, text) is
  'Why operators want no call of this model at this provider for such work; null when none said so.';

revoke all on function cogo.ban_problem(uuid, uuid, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.ban_problem(uuid, uuid, text, text) to service_role;

-- schemas/0730_fail_task.sql
create or replace function cogo.fail_task(p_task_id uuid, p_error jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_subtasks(array[p_task_id], 'the task failed');
  update public.cogo_tasks t
     set status = 'failed', error = p_error, paused_at = null, finished_at = cogo.now()
   where t.id = p_task_id;
end;
$$;
comment on function cogo.fail_task(uuid, jsonb) is
  'Ends an open task as failed. The caller holds the task lock.';

revoke all on function cogo.fail_task(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.fail_task(uuid, jsonb) to service_role;

-- schemas/0735_bury_subtask.sql
create or replace function cogo.bury_subtask(p_subtask_id uuid, p_error jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
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
    perform cogo.release_dependants(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$$;
comment on function cogo.bury_subtask(uuid, jsonb) is
  'Makes a subtask a dead letter, which fails its task, or lets what waits for it go on without.
Its attempt has been closed.';

revoke all on function cogo.bury_subtask(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.bury_subtask(uuid, jsonb) to service_role;

-- schemas/0740_complete_tasks.sql
create or replace function cogo.complete_tasks(p_task_ids uuid[], p_results jsonb[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_subtasks(p_task_ids, 'the task is complete');
  -- A paused task whose last subtask was already running has nothing left to be paused.
  if exists (
    select from public.cogo_tasks t where t.id = any (p_task_ids) and t.status = 'held'
  ) then
    update public.cogo_tasks t
       set status = 'running', paused_at = null
     where t.id = any (p_task_ids) and t.status = 'held';
  end if;
  update public.cogo_tasks t
     set status = 'completed', result = r.result, finished_at = cogo.now()
    from unnest(p_task_ids, p_results) as r (task_id, result)
   where t.id = r.task_id;
end;
$$;
comment on function cogo.complete_tasks(uuid[], jsonb[]) is
  'Ends tasks with the outputs of their sinks. The caller holds the task locks.';

revoke all on function cogo.complete_tasks(uuid[], jsonb[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_tasks(uuid[], jsonb[]) to service_role;

-- schemas/0745_release_dependants.sql
-- By counter under the task lock. Asking whether an unfinished parent exists would lose the
-- wake-up when two parents finish at once: neither sees the other.
create or replace function cogo.release_dependants(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  update cogo.subtasks s
     set deps_left = s.deps_left - w.done,
         status = case s.status
           when 'blocked' then cogo.standing(
             t.status, s.deps_left - w.done, s.needs_approval, s.run_at, cogo.now()
           )
           else s.status
         end
    from public.cogo_tasks t,
         (
           select d.child_id, count(*)::integer as done
             from cogo.dependencies d
            where d.parent_id = any (p_subtask_ids)
            group by d.child_id
         ) as w
   where s.id = w.child_id and t.id = s.task_id;
end;
$$;
comment on function cogo.release_dependants(uuid[]) is
  'Counts subtasks that are done with off those that wait for them, and opens those that wait for
no more.';

revoke all on function cogo.release_dependants(uuid[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.release_dependants(uuid[]) to service_role;

-- schemas/0748_plan_nodes.sql
create or replace function cogo.plan_nodes(p_plan jsonb)
  returns table (ordinal bigint, key text, entry jsonb, dependencies text[], sink boolean)
  language plpgsql
  immutable
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with nodes as (
    select e.ordinal, e.entry ->> 'key' as key, e.entry,
           array(
             select distinct d.key
               from jsonb_array_elements_text(
                 coalesce(nullif(e.entry -> 'dependencies', 'null'), '[]')
               ) as d (key)
           ) as dependencies,
           coalesce((e.entry ->> 'sink')::boolean, false) as chosen
      from jsonb_array_elements(p_plan -> 'subtasks') with ordinality as e (entry, ordinal)
  ), waited_for as (
    select distinct d.key from nodes n cross join unnest(n.dependencies) as d (key)
  )
  select n.ordinal, n.key, n.entry, n.dependencies,
         case
           when bool_or(n.chosen) over () then n.chosen
           else n.key not in (select w.key from waited_for w where w.key is not null)
         end
    from nodes n;
end;
$$;
comment on function cogo.plan_nodes(jsonb) is
  'The subtasks of a plan as rows. Without a chosen sink, what nothing waits for is one.';

revoke all on function cogo.plan_nodes(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.plan_nodes(jsonb) to service_role;

-- schemas/0750_plan_problem.sql
create or replace function cogo.plan_problem(p_plan jsonb, p_taken text[] default null)
  returns text
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_entry jsonb;
  v_keys text[] := '{}';
  v_settled text[] := '{}';
  v_next text[];
  v_text text;
begin
  if jsonb_typeof(p_plan -> 'subtasks') is distinct from 'array'
     or jsonb_array_length(p_plan -> 'subtasks') = 0 then
    return 'plan.subtasks must be a list of at least one subtask';
  end if;

  for v_entry in select e.value from jsonb_array_elements(p_plan -> 'subtasks') e loop
    foreach v_text in array array['key', 'type', 'lane'] loop
      if jsonb_typeof(v_entry -> v_text) is distinct from 'string'
         or v_entry ->> v_text = '' then
        return format('every planned subtask needs a text %s: %s', v_text, left(v_entry::text, 200));
      end if;
    end loop;
    foreach v_text in array array['params', 'metadata'] loop
      if jsonb_typeof(coalesce(v_entry -> v_text, '{}')) not in ('object', 'null') then
        return format('%s of subtask %s must be an object', v_text, v_entry ->> 'key');
      end if;
    end loop;
    if jsonb_typeof(coalesce(v_entry -> 'dependencies', '[]')) not in ('array', 'null') then
      return format('dependencies of subtask %s must be a list of keys', v_entry ->> 'key');
    end if;
    if coalesce(v_entry ->> 'on_failure', 'fail_task') not in ('fail_task', 'continue') then
      return format('on_failure of subtask %s must be fail_task or continue', v_entry ->> 'key');
    end if;
    if v_entry ->> 'key' = 'plan' or v_entry ->> 'key' = any (v_keys || p_taken) then
      return format('the key %s is taken', v_entry ->> 'key');
    end if;
    v_keys := v_keys || (v_entry ->> 'key');
  end loop;

  select string_agg(format('%s waits for %s', n.key, d.key), ', ') into v_text
    from cogo.plan_nodes(p_plan) n cross join unnest(n.dependencies) as d (key)
   where d.key <> all (v_keys);
  if v_text is not null then
    return 'a dependency is not in the plan: ' || v_text;
  end if;

  if p_taken is not null then
    if p_plan @? '$.subtasks[*] ? (@.sink == true)' then
      return 'a subtask that is added later cannot be the sink';
    end if;
  elsif (select count(*) from cogo.plan_nodes(p_plan) n where n.sink) <> 1 then
    return 'a plan needs exactly one sink: the subtask whose output is the result';
  elsif exists (
    select from cogo.plan_nodes(p_plan) n
     where n.sink and n.entry ->> 'on_failure' = 'continue'
  ) then
    return 'nothing can continue without the sink: its on_failure must be fail_task';
  end if;

  select string_agg(coalesce(e.value ->> 'key', 'null'), ', ') into v_text
    from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]')) e
   where e.value ->> 'key' is null or e.value ->> 'key' <> all (v_keys);
  if v_text is not null then
    return 'a selection is for a key that is not in the plan: ' || v_text;
  end if;

  -- Settle what depends on settled subtasks only, until nothing moves.
  loop
    select array_agg(n.key) into v_next
      from cogo.plan_nodes(p_plan) n
     where n.key <> all (v_settled) and n.dependencies <@ v_settled;
    exit when v_next is null;
    v_settled := v_settled || v_next;
  end loop;
  select string_agg(k.key, ', ') into v_text
    from unnest(v_keys) as k (key) where k.key <> all (v_settled);
  if v_text is not null then
    return 'subtasks wait for each other: ' || v_text;
  end if;
  return null;
end;
$$;
comment on function cogo.plan_problem(jsonb, text[]) is
  'What is wrong with a plan, or with subtasks added to one whose keys are p_taken, as a sentence;
null when nothing is.';

revoke all on function cogo.plan_problem(jsonb, text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.plan_problem(jsonb, text[]) to service_role;

-- schemas/0755_record_selection.sql
create or replace function cogo.record_selection(
  p_selection jsonb, p_task_id uuid, p_subtask_id uuid
)
  returns public.cogo_model_selections
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_request_id uuid := cogo.to_uuid(p_selection ->> 'request_id');
  v_selection public.cogo_model_selections;
begin
  -- Its id was made of its words, so the same words later are another request.
  if (p_selection ->> 'unnamed_request')::boolean then
    update public.cogo_model_selections m
       set request_id = null
     where m.request_id = v_request_id and m.created_at < cogo.now() - interval '10 seconds';
  end if;
  insert into public.cogo_model_selections (
    request_id, task_id, subtask_id, requested_model, selected_model, provider, policy, requirements,
    candidates, reason, agent_id
  ) values (
    v_request_id, p_task_id, p_subtask_id,
    p_selection ->> 'requested_model', p_selection ->> 'selected_model',
    p_selection ->> 'provider', p_selection ->> 'policy',
    coalesce(nullif(p_selection -> 'requirements', 'null'), '{}'),
    coalesce(nullif(p_selection -> 'candidates', 'null'), '[]'),
    p_selection ->> 'reason', cogo.actor()
  )
  on conflict (request_id) where request_id is not null do nothing
  returning * into v_selection;
  if v_selection.id is null then
    -- Somebody has answered this request.
    select m.* into v_selection
      from public.cogo_model_selections m
     where m.request_id = v_request_id;
    return v_selection;
  end if;

  perform cogo.ring(
    'model-selection', 'MODEL_SELECTION_RESPONSE',
    jsonb_build_object(
      'request_id', v_selection.request_id,
      'task_id', coalesce(p_selection ->> 'task_id', v_selection.task_id::text),
      'subtask_id', coalesce(p_selection ->> 'subtask_id', v_selection.subtask_id::text),
      'requested_model', v_selection.requested_model,
      'selected_model', v_selection.selected_model,
      'available_models', coalesce(nullif(p_selection -> 'available_models', 'null'), '[]'),
      'model_capabilities', coalesce(nullif(p_selection -> 'model_capabilities', 'null'), '{}'),
      'selection_reason', v_selection.reason,
      'timestamp', cogo.iso(v_selection.created_at)
    ) || case
      when v_selection.selected_model is null then
        jsonb_build_object('error', v_selection.reason)
      else '{}'
    end,
    cogo.actor(), 'cogo-model-selection'
  );
  return v_selection;
end;
$$;
comment on function cogo.record_selection(jsonb, uuid, uuid) is
  'Keeps and announces one choice of a model, or that none can be made. Of the answers to one request
only the first counts.';

revoke all on function cogo.record_selection(jsonb, uuid, uuid)
  from public, anon, authenticated, service_role;
grant execute on function cogo.record_selection(jsonb, uuid, uuid) to service_role;

-- schemas/0760_insert_plan.sql
create or replace function cogo.insert_plan(
  p_task_id uuid, p_plan jsonb, p_parent_id uuid default null
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
  -- A time without an offset is meant as UTC, whatever the session is set to.
  set timezone = 'UTC'
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;

  with nodes as materialized (
    select n.*, gen_random_uuid() as id,
           (nullif(n.entry ->> 'run_at', ''))::timestamptz as run_at,
           coalesce((n.entry ->> 'needs_approval')::boolean, false) as needs_approval
      from cogo.plan_nodes(p_plan) n
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, status, priority, deps_left, max_failures, sink,
      needs_approval, run_at, on_failure
    )
    select n.id, p_task_id, n.key, n.entry ->> 'type', n.entry ->> 'lane',
           cogo.standing(
             v_task.status, cardinality(n.dependencies), n.needs_approval, n.run_at, cogo.now()
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
  -- What waited for the subtask that adds these waits for the ends of them as well.
  select p_task_id, added.id, waiting.child_id
    from nodes added
    join cogo.dependencies waiting on waiting.parent_id = p_parent_id
   where added.sink;

  if p_parent_id is not null then
    update cogo.subtasks s
       set deps_left = s.deps_left + (select count(*) from cogo.plan_nodes(p_plan) n where n.sink)
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_parent_id);
  end if;

  perform cogo.record_selection(e.selection, p_task_id, s.id)
     from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]'))
          with ordinality as e (selection, ordinal)
     join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
    order by e.ordinal;
end;
$$;
comment on function cogo.insert_plan(uuid, jsonb, uuid) is
  'Writes the subtasks of a plan that cogo.plan_problem() found nothing wrong with; with p_parent_id
those that this running subtask adds.';

revoke all on function cogo.insert_plan(uuid, jsonb, uuid)
  from public, anon, authenticated, service_role;
grant execute on function cogo.insert_plan(uuid, jsonb, uuid) to service_role;

-- schemas/0765_completion_problem.sql
create or replace function cogo.completion_problem(p_subtask cogo.subtasks, p_item jsonb)
  returns text
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_grant text;
  v_plan jsonb := nullif(p_item -> 'plan', 'null');
  v_route jsonb := nullif(p_item -> 'route', 'null');
  v_added jsonb := nullif(p_item -> 'subtasks', 'null');
  v_unreadable text;
begin
  -- What others will have to read: the next subtasks, watchers, lists.
  select f.field || ' ' || cogo.json_problem(f.value) into v_unreadable
    from (
      values ('output', p_item -> 'output'), ('plan.subtasks', v_plan -> 'subtasks'),
             ('subtasks', v_added), ('route.params', v_route -> 'params'),
             ('route.metadata', v_route -> 'metadata')
    ) as f (field, value)
   where cogo.json_problem(f.value) is not null
   limit 1;
  if v_unreadable is not null then
    return v_unreadable;
  end if;
  if v_added is not null and (
    p_subtask.type = 'PLAN' or p_subtask.lane = 'cio' or p_subtask.sink
  ) then
    return 'only a subtask that is done, and not the sink, adds subtasks';
  end if;
  if v_plan is not null or v_route is not null or v_added is not null then
    v_grant := cogo.stamp_problem(p_subtask.task_id, p_item);
    if v_grant is not null then
      return 'TQ007: ' || v_grant;
    end if;
  end if;
  if (v_plan is not null) <> (p_subtask.type = 'PLAN') then
    return 'a PLAN is completed with a plan, and nothing else is';
  elsif (v_route is not null) <> (p_subtask.lane = 'cio' and p_subtask.type <> 'PLAN') then
    return 'a subtask that came back to lane cio is completed with a route, and nothing else is';
  elsif v_plan is not null then
    return 'TQ006: ' || cogo.plan_problem(v_plan);
  elsif v_route is not null then
    if coalesce(v_route ->> 'lane', '') in ('', 'cio') then
      return 'route.lane must be the model that shall do it';
    elsif jsonb_typeof(coalesce(nullif(v_route -> 'params', 'null'), '{}')) <> 'object'
       or jsonb_typeof(coalesce(nullif(v_route -> 'metadata', 'null'), '{}')) <> 'object' then
      return 'route.params and route.metadata must be objects';
    end if;
  elsif jsonb_typeof(p_item -> 'output') is distinct from 'object' then
    return 'output must be an object';
  elsif v_added is not null then
    return 'TQ006: ' || cogo.plan_problem(
      p_item, array(select s.key from cogo.subtasks s where s.task_id = p_subtask.task_id)
    );
  end if;
  return null;
end;
$$;
comment on function cogo.completion_problem(cogo.subtasks, jsonb) is
  'What is wrong with a completion, as a sentence; null when nothing is.';

revoke all on function cogo.completion_problem(cogo.subtasks, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.completion_problem(cogo.subtasks, jsonb) to service_role;

-- schemas/0770_route_subtask.sql
create or replace function cogo.route_subtask(p_subtask cogo.subtasks, p_item jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_route jsonb := p_item -> 'route';
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], 'routed', array[p_item -> 'usage']
  );
  update cogo.subtask_payloads p
     set params = p.params || coalesce(nullif(v_route -> 'params', 'null'), '{}'),
         metadata = p.metadata || coalesce(nullif(v_route -> 'metadata', 'null'), '{}')
   where p.subtask_id = p_subtask.id;
  if jsonb_typeof(v_route -> 'selection') = 'object' then
    perform cogo.record_selection(v_route -> 'selection', p_subtask.task_id, p_subtask.id);
  end if;
  perform cogo.requeue_subtask(p_subtask.id, p_lane => v_route ->> 'lane');
end;
$$;
comment on function cogo.route_subtask(cogo.subtasks, jsonb) is
  'Hands a subtask that came back to the orchestrators to another model.';

revoke all on function cogo.route_subtask(cogo.subtasks, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.route_subtask(cogo.subtasks, jsonb) to service_role;

-- schemas/0773_accept_outputs.sql
create or replace function cogo.accept_outputs(
  p_ids uuid[], p_attempts integer[], p_items jsonb[], p_kinds text[]
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_ids uuid[];
  v_attempts integer[];
  v_outputs jsonb[];
  v_usages jsonb[];
  v_tasks uuid[];
  v_messages boolean;
  v_plans boolean;
begin
  select array_agg(k.id), array_agg(k.attempt),
         array_agg(coalesce(nullif(k.item -> 'output', 'null'), '{}')),
         array_agg(k.item -> 'usage'),
         bool_or(k.item ? 'messages'),
         bool_or(k.kind = 'plan' or k.kind = 'step' and k.item ? 'subtasks')
    into v_ids, v_attempts, v_outputs, v_usages, v_messages, v_plans
    from unnest(p_ids, p_attempts, p_items, p_kinds) as k (id, attempt, item, kind)
   where k.kind in ('plan', 'sink', 'step');

  perform cogo.close_attempts(v_ids, v_attempts, 'completed', v_usages);
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select * from unnest(v_ids, v_attempts, v_outputs);
  -- A statement is dear even where it finds nothing to do: so none for what no item has.
  if v_messages then
    insert into public.cogo_messages (owner, session_id, role, content, task_id)
    select t.owner, t.session_id, m.value ->> 'role', m.value ->> 'content', t.id
      from unnest(p_ids, p_items, p_kinds) with ordinality as k (id, item, kind, ordinal)
      join cogo.subtasks s on s.id = k.id
      join public.cogo_tasks t on t.id = s.task_id
      cross join jsonb_array_elements(coalesce(nullif(k.item -> 'messages', 'null'), '[]'))
        with ordinality as m (value, ordinal)
     where k.item ? 'messages' and k.kind in ('plan', 'sink', 'step') and t.session_id is not null
     order by k.ordinal, m.ordinal;
  end if;
  update cogo.subtasks s
     set status = 'completed',
         finished_at = cogo.now(),
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
  if 'step' = any (p_kinds) then
    perform cogo.release_dependants(
      array(select k.id from unnest(p_ids, p_kinds) as k (id, kind) where k.kind = 'step')
    );
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
$$;
comment on function cogo.accept_outputs(uuid[], integer[], jsonb[], text[]) is
  'Ends attempts as completed, and does what follows from each by its kind: plan, step or sink.
Others are passed over.';

revoke all on function cogo.accept_outputs(uuid[], integer[], jsonb[], text[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.accept_outputs(uuid[], integer[], jsonb[], text[]) to service_role;

-- schemas/0775_complete_subtasks.sql
-- The writes land only while the attempts are held: a worker that stalled past its lease, or whose
-- task is over, is told so. The caller holds the task locks, and no subtask is there twice.
-- All items take each step together, since a statement costs more than a row. Of items that touch
-- each other it is as if sinks, which end their tasks, had come last.
create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  set search_path = ''
as $$
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
    select i.*, s as subtask, cogo.fence(p_agent_id, a, s) as standing
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), judged as materialized (
    select f.*,
           case f.standing when 'held' then cogo.completion_problem(f.subtask, f.item) end
             as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.standing = 'held' then 'ok'
             when j.standing in ('completed', 'routed') then 'duplicate'
             when j.standing in ('closing', 'cancelled') then 'closed'
             when j.standing = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.standing = 'closing' then 'closing'
             when j.standing <> 'held' or j.problem is not null then null
             when (j.subtask).type = 'PLAN' then 'plan'
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from judged j;

  if v_kinds && '{closing,route}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              else cogo.route_subtask(s, k.item)
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'route');
  end if;
  if v_kinds && '{plan,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$$;
comment on function cogo.complete_subtasks(text, jsonb) is
  'Records what attempts made, in order: ok, duplicate, stale, closed, unknown or invalid (see
detail).';

revoke all on function cogo.complete_subtasks(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_subtasks(text, jsonb) to service_role;

-- schemas/0777_settle_completions.sql
-- A subtransaction for all together, and where something is wrong with one, for each alone: what is
-- wrong with one takes nothing from the others.
create or replace function cogo.settle_completions(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_alone boolean := jsonb_array_length(p_items) = 1;
  v_together boolean := v_alone;
begin
  if not v_alone then
    -- The second completion of a subtask is judged by what the first left.
    v_together := (
      select count(*) = count(distinct lower(i.value ->> 'subtask_id'))
        from jsonb_array_elements(p_items) i
    );
  end if;
  if v_together then
    begin
      return query select * from cogo.complete_subtasks(p_agent_id, p_items);
      return;
    exception
      when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if v_alone then
          return query
            select cogo.to_uuid(p_items -> 0 ->> 'subtask_id'),
                   cogo.to_integer(p_items -> 0 ->> 'attempt'), 'invalid', sqlerrm;
          return;
        end if;
    end;
  end if;
  return query
    select c.*
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
     cross join lateral cogo.settle_completions(p_agent_id, jsonb_build_array(i.item)) c
     order by i.ordinal;
end;
$$;
comment on function cogo.settle_completions(text, jsonb) is
  'What cogo.complete_subtasks() does, with an answer also for items that the tables refuse.';

revoke all on function cogo.settle_completions(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.settle_completions(text, jsonb) to service_role;

-- schemas/0780_promote.sql
create or replace function cogo.promote(p_limit integer)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  -- Only tasks are locked here: a subtask locked in vain could make two reapers wait in a circle.
  with due as materialized (
    select s.id
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'delayed' and s.run_at <= v_now
     order by s.run_at
     limit p_limit
       for no key update of t skip locked
  )
  update cogo.subtasks s
     set status = 'queued', run_at = null
    from due d
   where s.id = d.id and s.status = 'delayed';
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function cogo.promote(integer) is
  'Queues delayed subtasks whose time has come, up to a number. Waits for nobody.';

revoke all on function cogo.promote(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.promote(integer) to service_role;

-- schemas/0785_hand_back.sql
create or replace function cogo.hand_back(
  p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean
)
  returns boolean
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.bury_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$$;
comment on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean) is
  'Takes a running subtask from its holder. False when it has killed too many: a dead letter.';

revoke all on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean)
  from public, anon, authenticated, service_role;
grant execute on function cogo.hand_back(cogo.subtasks, text, jsonb, boolean) to service_role;

-- schemas/0790_reap_leases.sql
create or replace function cogo.reap_leases(
  p_limit integer, out reaped integer, out dead integer, out cancelled integer
)
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_ids uuid[];
  v_id uuid;
  v_subtask cogo.subtasks;
begin
  reaped := 0;
  dead := 0;
  cancelled := 0;
  select array_agg(expired.id order by expired.seq) into v_ids
    from (
      select s.id, s.seq
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'running' and s.lease_expires_at < v_now
       order by s.seq
       limit p_limit
         for no key update of t skip locked
    ) as expired;

  foreach v_id in array coalesce(v_ids, '{}') loop
    -- Read again: its holder may have extended it meanwhile, or a sibling failed the task above.
    select s.* into v_subtask
      from cogo.subtasks s
     where s.id = v_id and s.status = 'running' and s.lease_expires_at < v_now
       for no key update;
    continue when not found;
    if v_subtask.cancel_requested_at is not null then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
      cancelled := cancelled + 1;
    elsif cogo.hand_back(
      v_subtask, 'reaped',
      jsonb_build_object(
        'class', 'lease_expired',
        'message', format('agent %s did not extend its lease', v_subtask.agent_id)
      ),
      true
    ) then
      reaped := reaped + 1;
    else
      dead := dead + 1;
    end if;
  end loop;
end;
$$;
comment on function cogo.reap_leases(integer) is
  'Takes subtasks from holders whose leases ended, up to a number. Waits for no task.';

revoke all on function cogo.reap_leases(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.reap_leases(integer) to service_role;

-- schemas/0792_advance_clocks.sql
-- Clocks are a claim's last locks and are never waited for: another claim of the lane that holds
-- the clock at this moment moves it, by nearly as much. A clock does not pass what still waits: a
-- claim may, beside another, have been given a turn from far behind, and newcomers would have to
-- stand behind all that lies between.
create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
  -- The head of a lane is read from its index.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
begin
  with claimed as materialized (
    select s.lane, max(s.turn - 100 * s.level) as round
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
  ), reached as materialized (
    select c.lane,
           least(
             c.round,
             (
               select s.turn - 100 * s.level
                 from cogo.subtasks s
                where s.status = 'queued' and not s.regulated and s.lane = c.lane
                  -- Noted too late as the subtask of an owner with limits; it may wait for long.
                  and not exists (select from cogo.owners o where o.owner = s.owner)
                order by s.turn, s.seq
                limit 1
             )
           ) as round,
           nextval('cogo.lane_services') as served
      from claimed c
  ), started as (
    insert into cogo.lane_clocks (lane, round, served)
    select r.lane, greatest(r.round, 0), r.served
      from reached r
     where not exists (select from cogo.lane_clocks k where k.lane = r.lane)
     order by r.lane
    on conflict (lane) do nothing
  ), free as materialized (
    select k.lane
      from cogo.lane_clocks k join reached r on r.lane = k.lane
       for no key update of k skip locked
  )
  update cogo.lane_clocks k
     set round = greatest(k.round, r.round), served = r.served
    from reached r
   where k.lane = r.lane and k.lane in (select f.lane from free f);
end;
$$;
comment on function cogo.advance_clocks(uuid[]) is
  'Moves the clocks of the lanes to the rounds that were claimed, and notes that they were served.';

revoke all on function cogo.advance_clocks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.advance_clocks(uuid[]) to service_role;

-- schemas/0793_spend_allowances.sql
create or replace function cogo.spend_allowances(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  update cogo.lanes l
     set tokens = cogo.allowance(l.per_minute, l.tokens, l.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.lane, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
    ) as c
   where l.lane = c.lane and l.per_minute is not null;
  update cogo.owners o
     set tokens = cogo.allowance(o.per_minute, o.tokens, o.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.owner, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) and s.lane <> 'cio' group by s.owner
    ) as c
   where o.owner = c.owner and o.per_minute is not null;
end;
$$;
comment on function cogo.spend_allowances(uuid[]) is
  'Notes what was claimed in the buckets of lanes and owners, which the caller has locked.';

revoke all on function cogo.spend_allowances(uuid[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.spend_allowances(uuid[]) to service_role;

-- schemas/0794_allowance.sql
-- A token bucket that holds six seconds' worth: any minute sees at most a tenth more than the rate.
create or replace function cogo.allowance(
  p_per_minute integer, p_tokens double precision, p_refilled_at timestamptz, p_now timestamptz
)
  returns double precision
  language sql
  immutable
  -- greatest() and least() pass over nulls.
  return case
    when p_per_minute is null then null
    when p_refilled_at is null then greatest(1, p_per_minute / 10.0)
    else least(
      greatest(1, p_per_minute / 10.0),
      p_tokens
        + greatest(0, extract(epoch from p_now - p_refilled_at))::float8 * p_per_minute / 60
    )
  end;
comment on function cogo.allowance(integer, double precision, timestamptz, timestamptz) is
  'How many claims a rate allows now; null without a rate.';

revoke all on function cogo.allowance(integer, double precision, timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.allowance(integer, double precision, timestamptz, timestamptz)
  to service_role;

-- schemas/0795_leases.sql
create or replace function cogo.leases(p_subtask_ids uuid[])
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb
  )
  language plpgsql
  stable
  set search_path = ''
as $$
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
             cogo.granted(t.owner)
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
            where a.subtask_id = s.id and a.ended_at is not null
         ) end
    from cogo.subtasks s
    join public.cogo_tasks t on t.id = s.task_id
    join cogo.subtask_payloads p on p.subtask_id = s.id
    cross join lateral (
      -- Why a parent is dead is asked one by one, since few are: a join would be planned for all.
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
                 '{"class": "failed", "message": "no attempt said why"}'
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
$$;
comment on function cogo.leases(uuid[]) is
  'Everything that the holder of a lease needs in order to do the work.';

revoke all on function cogo.leases(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.leases(uuid[]) to service_role;

-- schemas/0796_lock_limits.sql
-- Lanes by name, then owners by id: before any task, and in the same order by everybody. An owner
-- is locked only when there is something of theirs to claim. Lane cio is no owner's expense.
create or replace function cogo.lock_limits(p_lanes text[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform
     from cogo.lanes l
    where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    order by l.lane
      for no key update;
  perform
     from cogo.owners o
    where (o.max_running is not null or o.per_minute is not null)
      and not o.paused
      and exists (
        select
          from unnest(p_lanes) as l (lane)
         cross join lateral (
           select from cogo.subtasks s
            where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
            limit 1
         ) as something
         where l.lane <> 'cio'
      )
    order by o.owner
      for no key update;
end;
$$;
comment on function cogo.lock_limits(text[]) is
  'Locks what limits the claims from lanes. What they allow is read in a later statement.';

revoke all on function cogo.lock_limits(text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_limits(text[]) to service_role;

-- schemas/0797_open_lanes.sql
create or replace function cogo.open_lanes(p_lanes text[])
  returns table (lane text, room integer)
  language plpgsql
  volatile
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select asked.lane,
         greatest(0, least(
           1000,
           l.max_running - case when l.max_running is not null then (
             select count(*) from cogo.subtasks s
              where s.status = 'running' and s.lane = asked.lane
           ) end,
           floor(cogo.allowance(l.per_minute, l.tokens, l.refilled_at, cogo.now()))
         ))::integer
    from (select distinct unnest(p_lanes) as lane) as asked
    left join cogo.lanes l on l.lane = asked.lane
   where not coalesce(l.paused, false);
end;
$$;
comment on function cogo.open_lanes(text[]) is
  'Which of the lanes are not paused, and how many more subtasks each may start; 1000 for no limit.
The caller has locked the limited ones, in an earlier statement.';

revoke all on function cogo.open_lanes(text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.open_lanes(text[]) to service_role;

-- schemas/0798_end_in_failure.sql
create or replace function cogo.end_in_failure(
  p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_after(p_after_seconds);  -- null means backoff
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
    perform cogo.bury_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter: a crowd that failed together does not come back together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$$;
comment on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb) is
  'Closes the attempt that is held and decides what becomes of the subtask.';

revoke all on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.end_in_failure(cogo.subtasks, jsonb, text, numeric, jsonb)
  to service_role;

-- schemas/0798_open_owners.sql
create or replace function cogo.open_owners()
  returns table (owner uuid, room integer)
  language plpgsql
  volatile
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select o.owner,
         greatest(0, least(
           1000,
           o.max_running - coalesce(r.running, 0),
           floor(cogo.allowance(o.per_minute, o.tokens, o.refilled_at, cogo.now()))
         ))::integer
    from cogo.owners o
    left join (
      select s.owner, count(*) as running
        from cogo.subtasks s
       where s.status = 'running' and s.regulated and s.lane <> 'cio'
       group by s.owner
    ) as r on r.owner = o.owner
   where not o.paused;
end;
$$;
comment on function cogo.open_owners() is
  'Which owners that have a row are not paused, and how many more subtasks each may start.
The caller has locked the limited ones, in an earlier statement.';

revoke all on function cogo.open_owners() from public, anon, authenticated, service_role;
grant execute on function cogo.open_owners() to service_role;

-- schemas/0799_choose_subtasks.sql
-- First whose turn it is. Two looks at the queue: at the heads of the lanes, where subtasks of owners
-- with limits do not lie, and at the heads of the lines of those owners. Then what each turn gets:
-- of the owner's subtasks of the same level those of the least place. Mostly these are the same. If
-- not, they change turns with those that they pass, so that an owner has as many turns as before.
-- Locks more than it gives when there are several lanes or limits; what was locked in vain is free
-- again with the end of the transaction.
create or replace function cogo.choose_subtasks(
  p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer
)
  returns uuid[]
  language plpgsql
  volatile
  set search_path = ''
  -- The heads of lanes and lines are read in the order of their indexes, never sorted.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_owners uuid[];
  v_rooms integer[];
  v_ids uuid[];
  v_moved uuid[];
  v_turns bigint[];
begin
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.open_owners() o;
  end if;

  with heads as materialized (
    select c.*, l.room, null::integer as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and not s.regulated and s.lane = l.lane
           and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit least(p_limit, l.room)
           for no key update of t, s skip locked
      ) as c
  ), lines as materialized (
    select c.*, l.room, o.room as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        -- Planning is nobody's expense: only a pause of the owner stops it.
        select k.owner, case l.lane when 'cio' then 1000 else k.room end as room
          from unnest(v_owners, v_rooms) as k (owner, room)
      ) as o
      cross join generate_series(0, 9) as g (level)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
           and s.level = g.level
           and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit greatest(0, least(p_limit, l.room, o.room))
           for no key update of t, s skip locked
      ) as c
  ), allowed as (
    select c.*,
           row_number() over (
             partition by c.owner, c.lane = 'cio' order by c.turn, c.seq
           ) as nth_of_owner
      from (select * from heads union all select * from lines) as c
  ), placed as (
    select a.*, row_number() over (partition by a.lane order by a.turn, a.seq) as nth_in_lane
      from allowed a
     where a.owner_room is null or a.nth_of_owner <= a.owner_room
  ), turns as materialized (
    -- Turns of different lanes cannot be compared. From each the first, then from each the
    -- second; among those from the lane that was served longest ago.
    select p.*
      from placed p
      left join cogo.lane_clocks k on k.lane = p.lane
     where p.nth_in_lane <= p.room
     order by p.nth_in_lane, coalesce(k.served, 0), p.created_at, p.seq
     limit p_limit
  ), taken as materialized (
    select c.*
      from (
        select t.lane, t.owner, t.level, count(*) as turns
          from turns t group by t.lane, t.owner, t.level
      ) as h
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.place, s.seq
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = h.lane and s.owner = h.owner
           and s.level = h.level and t.status in ('pending', 'running')
         order by s.place, s.seq
         limit h.turns
           for no key update of t, s skip locked
      ) as c
  ), passing as (
    select k.*, row_number() over (partition by k.lane, k.owner, k.level order by k.place, k.seq) as nth
      from taken k where k.id not in (select t.id from turns t)
  ), passed as (
    select t.id, t.lane, t.owner, t.level, t.turn,
           row_number() over (partition by t.lane, t.owner, t.level order by t.turn, t.seq) as nth
      from turns t where t.id not in (select k.id from taken k)
  ), moved as (
    select x.id, x.turn
      from passing a
      join passed b using (lane, owner, level, nth)
     cross join lateral (values (a.id, b.turn), (b.id, a.turn)) as x (id, turn)
  )
  select array(select k.id from taken k), array_agg(m.id), array_agg(m.turn)
    into v_ids, v_moved, v_turns
    from moved m;
  if v_moved is not null then
    update cogo.subtasks s
       set turn = m.turn
      from unnest(v_moved, v_turns) as m (id, turn)
     where s.id = m.id;
  end if;
  return nullif(v_ids, '{}');
end;
$$;
comment on function cogo.choose_subtasks(text[], integer[], uuid[], integer) is
  'Locks and gives the queued subtasks that are to be claimed now, as far as lanes and owners have room.
p_regulated are the owners that have limits.';

revoke all on function cogo.choose_subtasks(text[], integer[], uuid[], integer)
  from public, anon, authenticated, service_role;
grant execute on function cogo.choose_subtasks(text[], integer[], uuid[], integer) to service_role;

insert into cogo.schema_versions (version) values ('20261121090400')
on conflict (version) do nothing;
