-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0500_envelope.sql
create or replace function cogo.envelope(
  p_type text, p_payload jsonb, p_source text, p_target text
)
  returns jsonb
  language sql
  volatile
  return jsonb_build_object(
    'type', p_type,
    'payload', p_payload,
    'source', p_source,
    'target', p_target,
    'id', gen_random_uuid(),
    'timestamp', cogo.iso(cogo.now()),
    'version', 1
  );
comment on function cogo.envelope(text, jsonb, text, text) is
  'A message as every process understands it. Described in docs/reference/protocol.';

revoke all on function cogo.envelope(text, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.envelope(text, jsonb, text, text) to service_role;

-- schemas/0510_fitting.sql
-- A broadcast that is too large is dropped without a word by Realtime, so large values stay in
-- the row, and the message says where.
create or replace function cogo.fitting(p_payload jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  -- No text is more than six times as long as what it was parsed to: mostly there is nothing to do.
  if pg_column_size(p_payload) <= 4096 or octet_length(p_payload::text) <= 32768 then
    return p_payload;
  end if;
  return (
    select jsonb_object_agg(
             field.key,
             case
               when octet_length(field.value::text) <= 1024 then field.value
               -- Which model a subtask is for must be said, however long its prompt is.
               else (
                 select coalesce(jsonb_object_agg(inner_field.key, inner_field.value), '{}')
                   from jsonb_each(field.value) as inner_field
                  where octet_length(inner_field.value::text) <= 256
               )
             end
           ) || jsonb_build_object(
             'ref', jsonb_build_object(
               'table', case when p_payload ? 'subtask_id' then 'cogo_subtasks'
                             else 'cogo_tasks' end,
               'id', coalesce(p_payload -> 'subtask_id', p_payload -> 'task_id')
             )
           )
      from jsonb_each(p_payload) as field
     where octet_length(field.value::text) <= 1024
        or field.key in ('params', 'metadata') and jsonb_typeof(field.value) = 'object'
  );
end;
$$;
comment on function cogo.fitting(jsonb) is
  'The payload; beyond 32 KiB without its large fields, with a reference to the row instead.';

revoke all on function cogo.fitting(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.fitting(jsonb) to service_role;

-- schemas/0515_send.sql
-- One insert for all, as `realtime.send` makes one for each: that function is a subtransaction a
-- message, which is dear, and more than 64 of them in one transaction slow everybody's reading down.
-- Where the table does not take the rows as they are here, the function itself is asked, one by one;
-- it turns whatever is wrong into a warning. https://supabase.com/docs/guides/realtime/broadcast
create or replace function cogo.send(p_topics text[], p_envelopes jsonb[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  begin
    insert into realtime.messages (payload, event, topic, private, extension)
    select m.envelope, m.envelope ->> 'type', m.topic, true, 'broadcast'
      from unnest(p_topics, p_envelopes) as m (topic, envelope);
  exception
    when others then
      perform realtime.send(m.envelope, m.envelope ->> 'type', m.topic, true)
         from unnest(p_topics, p_envelopes) as m (topic, envelope);
  end;
end;
$$;
comment on function cogo.send(text[], jsonb[]) is
  'Broadcasts the n-th message on the n-th topic, when this transaction commits. Never raises.';

revoke all on function cogo.send(text[], jsonb[]) from public, anon, authenticated, service_role;

-- schemas/0520_ring.sql
-- Security definer, since the right to write in realtime.messages belongs to the owner; nobody's
-- state depends on it.
create or replace function cogo.ring(
  p_topic text, p_type text, p_payload jsonb, p_source text, p_target text default null
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
begin
  perform cogo.send(
    array[p_topic],
    array[
      cogo.envelope(p_type, cogo.fitting(p_payload), p_source, coalesce(p_target, p_topic))
    ]
  );
end;
$$;
comment on function cogo.ring(text, text, jsonb, text, text) is
  'Sends one message to a topic, when this transaction commits. Losing it costs only time.';

revoke all on function cogo.ring(text, text, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.ring(text, text, jsonb, text, text) to service_role;

-- schemas/0525_publish.sql
-- One and the same message on both topics: who hears both knows it by its id.
create or replace function cogo.publish(
  p_type text, p_task_ids uuid[], p_payloads jsonb[], p_sources text[]
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_envelopes jsonb[] := array(
    select cogo.envelope(p_type, cogo.fitting(m.payload), m.source, 'cogo-results')
      from unnest(p_payloads, p_sources) with ordinality as m (payload, source, nth)
     order by m.nth
  );
begin
  perform cogo.send(
    array_fill('cogo-results'::text, array[cardinality(p_task_ids)])
      || array(
           select 'cogo-results:' || t.id
             from unnest(p_task_ids) with ordinality as t (id, nth) order by t.nth
         ),
    v_envelopes || v_envelopes
  );
end;
$$;
comment on function cogo.publish(text, uuid[], jsonb[], text[]) is
  'Sends messages about tasks, each on cogo-results and on the topic of its task.';

revoke all on function cogo.publish(text, uuid[], jsonb[], text[])
  from public, anon, authenticated, service_role;

-- schemas/0530_subtask_messages.sql
create or replace function cogo.subtask_messages(p_subtask_ids uuid[], p_more bigint[])
  returns jsonb[]
  language plpgsql
  stable
  set search_path = ''
as $$
begin
  return array(
    select jsonb_build_object(
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
               'model_preferences', jsonb_build_array(coalesce(p.params ->> 'model_id', s.lane))
             ) || p.metadata || jsonb_build_object(
               'priority', case when s.priority <= 3 then 'high'
                                when s.priority <= 6 then 'medium' else 'low' end,
               'timestamp', cogo.iso(cogo.now())
             ) || case when m.more > 0 then jsonb_build_object('queued', m.more) else '{}' end
           )
      from unnest(p_subtask_ids, p_more) with ordinality as m (id, more, nth)
      join cogo.subtasks s on s.id = m.id
      join cogo.subtask_payloads p on p.subtask_id = s.id
      join public.cogo_tasks t on t.id = s.task_id
     order by m.nth
  );
end;
$$;
comment on function cogo.subtask_messages(uuid[], bigint[]) is
  'The payloads of MCP_SUBTASK, in order. p_more is how many more were queued in the lane untold.';

revoke all on function cogo.subtask_messages(uuid[], bigint[])
  from public, anon, authenticated, service_role;

-- schemas/0570_check_task_move.sql
create or replace function cogo.check_task_move()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception using
    errcode = 'TQ003',
    message = format('task %s is %s and cannot become %s', old.id, old.status, new.status);
end;
$$;
comment on function cogo.check_task_move() is
  'Refuses a move; called for those that are not in cogo.task_moves().';

revoke all on function cogo.check_task_move() from public, anon, authenticated, service_role;

create or replace trigger check_move
  before update of status on public.cogo_tasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.task_moves())
  )
  execute function cogo.check_task_move();

-- schemas/0580_check_subtask_move.sql
create or replace function cogo.check_subtask_move()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception using
    errcode = 'TQ003',
    message = format('subtask %s is %s and cannot become %s', old.id, old.status, new.status);
end;
$$;
comment on function cogo.check_subtask_move() is
  'Refuses a move; called for those that are not in cogo.subtask_moves().';

revoke all on function cogo.check_subtask_move() from public, anon, authenticated, service_role;

create or replace trigger check_move
  before update of status on cogo.subtasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.subtask_moves())
  )
  execute function cogo.check_subtask_move();

-- schemas/0582_check_limits.sql
-- One wall for everybody who inserts: whatever passes it, each of our programs can read, and so can
-- JavaScript. A row that one reader cannot read would take all others of its page or claim with it.
-- What else is wrong is judged by the planner. docs/reference/database.md lists the limits.
-- The name is before `prepare`, which makes a session of the prompt.
create or replace function cogo.check_limits()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('params', octet_length(new.params::text), 1048576, 'bytes'),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.json_problem(new.params)),
        ('preferences', cogo.json_problem(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.time_problem(new.deadline)),
        ('run_at', cogo.time_problem(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$$;
comment on function cogo.check_limits() is
  'Refuses a task that is too large (TQ008), or holds a number or a time that not every program can
read (TQ009).';

revoke all on function cogo.check_limits() from public, anon, authenticated, service_role;

create or replace trigger check_limits
  before insert or update of
    type, prompt, params, idempotency_key, model, preferences, budget_usd, deadline, run_at
  on public.cogo_tasks
  for each row execute function cogo.check_limits();

-- schemas/0583_owner_level.sql
create or replace function cogo.owner_level(p_owner uuid, p_priority smallint)
  returns smallint
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(
    (
      select greatest(p_priority, g.name::smallint)
        from cogo.grants g where g.owner = p_owner and g.kind = 'priority'
    ), 5::smallint
  );
$$;
comment on function cogo.owner_level(uuid, smallint) is
  'What a priority counts among owners: the priority itself down to the one that operators granted the
owner, and 5 for an owner without such a grant. The nil uuid stands for no owner.';

revoke all on function cogo.owner_level(uuid, smallint)
  from public, anon, authenticated, service_role;
grant execute on function cogo.owner_level(uuid, smallint) to service_role;

-- schemas/0585_take_turn.sql
-- Turns are fair among owners, and priorities order the work of one owner. Two numbers say so:
--   turn  = 1 + greatest(round of the lane + 100 * level, turn of the owner's last in line)
--   place = round of the lane when it came + 100 * priority
-- A turn is the owner's: the least turn is served first, then the least seq, and gets the subtask of
-- the same owner and level that has the least place (see cogo.choose_subtasks()).
--   * An owner has one turn in each round, whatever their priorities, so whoever comes behind
--     somebody's backlog of any length is served in the next round, not behind it.
--   * The level is 5, or what operators granted the owner: then it counts among owners like a priority.
--   * A level or a priority is worth 100 rounds. The round of a lane only grows and newcomers
--     stand behind it, so nothing waits for ever.
--   * What comes back (a retry, a dependant that was released, a task that was paused) keeps its
--     place among the owner's, but takes a new turn: otherwise a crowd that waited outside the line
--     would come back before everybody else.
create or replace function cogo.take_turn()
  returns trigger
  language plpgsql
  set search_path = ''
  -- The end of a line is read from its index. The plan of an empty table, which has no better way
  -- than to read all, would be kept for each row of thousands that come at once.
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_sort = off
as $$
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
  if tg_op = 'INSERT' or new.lane <> old.lane then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Sees the rows that this statement wrote before.
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
$$;
comment on function cogo.take_turn() is
  'Gives a subtask its turn in its lane, fair among owners, and its place among the owner''s own.';

revoke all on function cogo.take_turn() from public, anon, authenticated, service_role;

create or replace trigger take_turn
  before insert on cogo.subtasks
  for each row execute function cogo.take_turn();
create or replace trigger retake_turn
  before update of status, lane, level on cogo.subtasks
  for each row when (new.status = 'queued' or new.lane <> old.lane)
  execute function cogo.take_turn();

-- schemas/0587_check_granted.sql
-- Definer: a person inserts, and may not read what is granted. Names that only the catalogue knows
-- cannot be judged here once a whole provider is granted; the stamp judges them.
create or replace function cogo.check_granted()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind <> 'priority'
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.granted_text(cogo.granted(new.owner))
      );
  end if;
  return null;
end;
$$;
comment on function cogo.check_granted() is
  'Refuses a task that asks for a model that operators have not granted to its owner.';

revoke all on function cogo.check_granted() from public, anon, authenticated, service_role;

create or replace trigger check_granted
  after insert on public.cogo_tasks
  for each row when (new.model is not null) execute function cogo.check_granted();

-- schemas/0588_requested_model.sql
create or replace function cogo.requested_model(p_name text)
  returns text
  language sql
  immutable
  set search_path = ''
as $$
  select case when lower(btrim(p_name)) in ('', 'auto') then null else p_name end;
$$;
comment on function cogo.requested_model(text) is
  'The model that a task asks for by name: to ask for auto is to ask for none.';

revoke all on function cogo.requested_model(text)
  from public, anon, authenticated, service_role;

-- schemas/0590_prepare_task.sql
-- Security definer: a person may not insert sessions, but a task that names a new one makes it.
create or replace function cogo.prepare_task()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if not cogo.is_operator() then
    new.owner := auth.uid();
    if new.owner is null then
      raise exception using
        errcode = 'insufficient_privilege', message = 'the access token names no user';
    end if;
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.type := coalesce(new.type, 'GENERATE_CODE');
  new.params := coalesce(new.params, '{}');
  new.model := cogo.requested_model(new.model);
  new.priority := coalesce(new.priority, 5);
  new.preferences := coalesce(new.preferences, '{}');
  new.stream := coalesce(new.stream, true);

  new.status := 'pending';
  new.result := null;
  new.error := null;
  new.cost_usd := 0;
  new.input_tokens := 0;
  new.cached_tokens := 0;
  new.output_tokens := 0;
  new.reasoning_tokens := 0;
  new.simulated := false;
  new.cancel_requested_at := null;
  new.paused_at := null;
  new.created_at := cogo.now();
  new.started_at := null;
  new.finished_at := null;

  if new.session_id is not null then
    insert into public.cogo_sessions (id, owner, title)
    values (new.session_id, new.owner, left(new.prompt, 80))
    on conflict (owner, id) do nothing;
  end if;
  return new;
end;
$$;
comment on function cogo.prepare_task() is
  'Fills what a person left out, resets what is not theirs to set, and makes the session.';

revoke all on function cogo.prepare_task() from public, anon, authenticated, service_role;

create or replace trigger prepare
  before insert on public.cogo_tasks
  for each row execute function cogo.prepare_task();

-- schemas/0600_open_task.sql
-- Security definer: people insert tasks and may not write subtasks.
create or replace function cogo.open_task()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.standing('pending', 0, false, new.run_at, v_now),
      least(9, greatest(0, new.priority)), new.run_at
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.ring(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso(new.created_at)
    ),
    cogo.actor()
  );
  return null;
end;
$$;
comment on function cogo.open_task() is
  'Gives a new task its first subtask, PLAN, and rings the orchestrators.';

revoke all on function cogo.open_task() from public, anon, authenticated, service_role;

create or replace trigger open
  after insert on public.cogo_tasks
  for each row execute function cogo.open_task();

-- schemas/0610_tell_tasks.sql
-- Security definer: the history and the channels belong to the owner of the schema.
-- The next number of a history is one more than the last, which an index gives: no row is rewritten
-- for it. Two numbers cannot be the same, since whoever records holds the row lock of the task,
-- taken in an earlier statement than this one (whose snapshot therefore shows what the holder
-- before wrote).
create or replace function cogo.tell_tasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- As in cogo.tell_subtasks().
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_ended uuid[];
  v_payloads jsonb[];
  v_cancelled boolean;
begin
  -- A full join is never a nested loop, which thousands of rows would take for ever. It is one
  -- only while the condition may be true of a row without a partner: so not `<>`.
  select array_agg(n.id), array_agg(o.status) into v_ids, v_from
    from old_rows o full join new_rows n on n.id = o.id
   where n.status is distinct from o.status;
  if v_ids is null then
    return null;
  end if;

  with changed as materialized (
    select t.*, c.from_status
      from unnest(v_ids, v_from) as c (id, from_status)
      join public.cogo_tasks t on t.id = c.id
     order by t.seq + 0  -- as in cogo.lock_tasks()
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, agent_id, detail)
    select c.id,
           1 + coalesce(
             (select e.seq from cogo.events e where e.task_id = c.id order by e.seq desc limit 1), 0
           ),
           cogo.now(), 'task.' || c.status, nullif(cogo.actor(), 'cogo-database'),
           jsonb_strip_nulls(jsonb_build_object('from', c.from_status, 'error', c.error))
      from changed c
  )
  select array_agg(c.id),
         array_agg(
           jsonb_build_object(
             'task_id', c.id,
             'status', c.status,
             'cost_usd', c.cost_usd,
             'tokens', jsonb_build_object(
               'input', c.input_tokens,
               'cached', c.cached_tokens,
               'output', c.output_tokens,
               'reasoning', c.reasoning_tokens
             ),
             'execution_time', cogo.milliseconds(
               coalesce(c.started_at, c.created_at), c.finished_at
             ),
             'timestamp', cogo.iso(c.finished_at)
           ) || case
             when c.result is not null then jsonb_build_object('result', c.result)
             when c.error is not null then jsonb_build_object('error', c.error)
             else '{}'
           end
         ),
         bool_or(c.status = 'cancelled')
    into v_ended, v_payloads, v_cancelled
    from changed c
   where c.finished_at is not null;
  if v_ended is null then
    return null;
  end if;

  perform cogo.publish(
    'TASK_RESULT', v_ended, v_payloads, array_fill(cogo.actor(), array[cardinality(v_ended)])
  );
  if v_cancelled then
    perform cogo.ring(
      'cogo-tasks', 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', t.id, 'reason', t.error ->> 'message', 'timestamp', cogo.iso(cogo.now())
      ),
      cogo.actor()
    )
       from public.cogo_tasks t
      where t.id = any (v_ended) and t.status = 'cancelled';
  end if;
  return null;
end;
$$;
comment on function cogo.tell_tasks() is
  'Records and announces every change of a task''s status, in the transaction that makes it.';

revoke all on function cogo.tell_tasks() from public, anon, authenticated, service_role;

create or replace trigger tell
  after update on public.cogo_tasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.tell_tasks();

-- schemas/0615_ring_results.sql
-- Called by a trigger of the same owner, after the statement that wrote outputs and attempts.
create or replace function cogo.ring_results(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_task_ids uuid[];
  v_payloads jsonb[];
  v_sources text[];
begin
  select array_agg(r.task_id order by r.seq), array_agg(r.payload order by r.seq),
         array_agg(r.source order by r.seq)
    into v_task_ids, v_payloads, v_sources
    from (
      select s.seq, s.task_id, coalesce(a.agent_id, cogo.actor()) as source,
             jsonb_build_object(
               'subtask_id', s.id,
               'task_id', s.task_id,
               'status', s.status,
               'execution_time', coalesce(cogo.milliseconds(a.claimed_at, s.finished_at), 0),
               'metadata', jsonb_build_object(
                 'source', coalesce(a.agent_id, cogo.actor()),
                 'timestamp', cogo.iso(s.finished_at),
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
                   a.error,
                   (
                     select p.metadata -> 'approval' -> 'error'
                       from cogo.subtask_payloads p where p.subtask_id = s.id
                   )
                 )
               end
             ) as payload
        from cogo.subtasks s
        -- A person's refusal ends a subtask that nobody attempted: then there is no row.
        left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
        left join cogo.subtask_outputs o on o.subtask_id = s.id
       where s.id = any (p_subtask_ids)
    ) as r;
  perform cogo.publish('SUBTASK_RESULT', v_task_ids, v_payloads, v_sources);
end;
$$;
comment on function cogo.ring_results(uuid[]) is 'Sends SUBTASK_RESULT for subtasks that ended.';

revoke all on function cogo.ring_results(uuid[]) from public, anon, authenticated, service_role;

-- schemas/0618_ring_lanes.sql
-- One insert for all messages of a statement (see docs/adr/0008). Beyond a hundred in one transaction
-- only what wakes: whoever hears of a lane looks after the commit, and finds all there is. Orchestrators
-- need no more than that, so their lane is told of once.
-- Security definer: the channels belong to the owner of the schema.
create or replace function cogo.ring_lanes(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_rung text[] := coalesce(nullif(current_setting('cogo.rung', true), '')::text[], '{}');
  v_told integer := coalesce(nullif(current_setting('cogo.told', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as of_lane
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- First the first of each lane, so that each lane is told of.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), told as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_told and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_rung)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.of_lane - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from told t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.envelope('MCP_SUBTASK', cogo.fitting(m.payload), cogo.actor(), m.topic)
      from (
        select p.payload, p.nth,
               case v_lanes[p.nth] when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic
          from unnest(cogo.subtask_messages(v_ids, v_more)) with ordinality as p (payload, nth)
      ) as m
     order by m.nth
  );
  perform cogo.send(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.rung', (v_rung || v_lanes)::text, true);
  perform set_config('cogo.told', (v_told + cardinality(v_ids))::text, true);
end;
$$;
comment on function cogo.ring_lanes(uuid[]) is
  'Announces queued subtasks: each of them up to a hundred in a transaction, beyond that one for each
lane that was not told of. The last that is told of a lane says in metadata.queued how many more of
the lane are queued. Of lane cio only the first is told.';

revoke all on function cogo.ring_lanes(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.ring_lanes(uuid[]) to service_role;

-- schemas/0620_tell_subtasks.sql
-- Security definer: the history and the channels belong to the owner of the schema.
-- Once for each statement: ten claims cost one insert of ten events. It runs after the statement,
-- so what that wrote beside the subtasks is visible. For the numbers see cogo.tell_tasks().
create or replace function cogo.tell_subtasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- What is read here has an index that leads to it, and one plan is as good as another for few and
  -- for many. Statistics of a queue are out of date whenever they are used: a plan made while it was
  -- empty would read whole tables later, and planning costs more than these statements.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
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
    -- A full join is never a nested loop, which thousands of rows would take for ever. It is one
    -- only while the condition may be true of a row without a partner: so not `<>`.
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
           coalesce(c.who, nullif(cogo.actor(), 'cogo-database')) as who,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, who)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
    -- The end of a history is looked for once a task, and before a row of the task is added: from
    -- there on each look would have to pass by all those rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as recorded
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select c.task_id, coalesce(c.recorded, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.who,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso(c.run_at) end
           ))
      from changed c
  )
  -- TASK_CREATED has already rung for a PLAN that is new.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.type <> 'PLAN')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.type <> 'PLAN')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.ring_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.ring_results(v_ended);
  end if;
  return null;
end;
$$;
comment on function cogo.tell_subtasks() is
  'Records and announces every change of a subtask''s status, in the transaction that makes it.';

revoke all on function cogo.tell_subtasks() from public, anon, authenticated, service_role;

create or replace trigger tell_inserted
  after insert on cogo.subtasks
  referencing new table as new_rows
  for each statement execute function cogo.tell_subtasks();
create or replace trigger tell_updated
  after update on cogo.subtasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.tell_subtasks();

-- schemas/0630_forget_tasks.sql
-- Security definer: who may delete a task need not have the right to change its history.
create or replace function cogo.forget_tasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- By the keys, however few there were when the plan was made.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
begin
  delete from cogo.events e using old_rows o where e.task_id = o.id;
  return null;
end;
$$;
comment on function cogo.forget_tasks() is
  'Deletes the histories of tasks with them. What else is theirs goes by its foreign key.';

revoke all on function cogo.forget_tasks() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on public.cogo_tasks
  referencing old table as old_rows
  for each statement execute function cogo.forget_tasks();

-- schemas/0632_forget_subtasks.sql
-- Security definer, as cogo.forget_tasks().
create or replace function cogo.forget_subtasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- By the keys, however few there were when the plan was made.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  return null;
end;
$$;
comment on function cogo.forget_subtasks() is
  'Deletes the outputs and attempts of subtasks with them.';

revoke all on function cogo.forget_subtasks() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on cogo.subtasks
  referencing old table as old_rows
  for each statement execute function cogo.forget_subtasks();

-- schemas/0640_forget_session.sql
create or replace function cogo.forget_session()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  delete from public.cogo_messages m where m.owner is null and m.session_id = old.id;
  update public.cogo_tasks t
     set session_id = null
   where t.owner is null and t.session_id = old.id;
  return null;
end;
$$;
comment on function cogo.forget_session() is
  'Deletes the messages of a session without an owner with it, which no foreign key can.';

revoke all on function cogo.forget_session() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on public.cogo_sessions
  for each row when (old.owner is null) execute function cogo.forget_session();

insert into cogo.schema_versions (version) values ('20261121090300')
on conflict (version) do nothing;
