-- Data policies of texts.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table public.cogo_memories add column data_policy text[] default '{}'::text[] not null;

alter table public.cogo_sessions add column data_policy text[] default '{}'::text[] not null;

create or replace function cogo.ask_embeddings_of(p_owner uuid, p_model_id text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner constant uuid := nullif(p_owner, cogo.owner_key(null));
  v_dimensions constant integer := coalesce(
    (
      select m.dimensions from public.cogo_memories m
       where m.model_id = p_model_id order by m.seq desc limit 1
    ), 4096
  );
  v_ids uuid[];
  v_texts text[];
  v_rules text[];
  v_task uuid;
begin
  if (
    select count(*) from cogo.follow_ups f
     where f.purpose = 'embed' and f.owner is not distinct from v_owner and f.applied_at is null
  ) >= 4 then
    return 0;
  end if;
  with due as (
    select q.memory_id, q.tries, q.seq
      from cogo.embedding_queue q
     where q.owner = p_owner and q.task_id is null and q.due_at <= cogo.now()
     order by q.seq
     -- All vectors of a task are stored as JSON, in 4 MiB at most.
     limit greatest(1, least(64, 4194304 / (v_dimensions * 24 + 8)))
       for update skip locked
  ), alike as (
    -- What failed before is tried with fewer others, and alone at last: only its own text harms it.
    select d.memory_id, d.seq, concat_ws(chr(10), m.heading, m.content) as content,
           row_number() over (order by d.seq) as nth,
           case first_value(d.tries) over (order by d.seq)
             when 0 then 64 when 1 then 64 when 2 then 8 else 1
           end as most,
           d.tries = first_value(d.tries) over (order by d.seq)
             and m.data_policy = first_value(m.data_policy) over (order by d.seq) as is_alike,
           m.data_policy
      from due d join public.cogo_memories m on m.id = d.memory_id
  ), sized as (
    select a.*, sum(octet_length(a.content)) over (order by a.seq) as bytes
      from alike a where a.is_alike
  )
  select array_agg(s.memory_id order by s.seq), array_agg(s.content order by s.seq),
         min(s.data_policy)
    into v_ids, v_texts, v_rules
    from sized s where s.nth <= s.most and (s.nth = 1 or s.bytes <= 400000);
  if v_ids is null then
    return 0;
  end if;
  begin
    v_task := cogo.submit_follow_up(
      'embed', v_owner, 'EMBED', format('memory: %s texts', cardinality(v_ids)),
      jsonb_build_object('input', to_jsonb(v_texts)), p_model_id,
      jsonb_build_object('ids', to_jsonb(v_ids), 'model_id', p_model_id),
      case v_rules when '{}' then '{}' else jsonb_build_object('data_policy', v_rules) end
    );
  exception
    when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      perform cogo.fail_embeddings(v_ids, sqlerrm);
      return 0;
  end;
  update cogo.embedding_queue q set task_id = v_task where q.memory_id = any (v_ids);
  return cardinality(v_ids);
end;
$function$;

create or replace function cogo.copy_session(p_owner uuid, p_source uuid, p_through bigint, p_target bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_source public.cogo_sessions;
  v_target public.cogo_sessions;
  v_through bigint;
begin
  select e.* into v_source from public.cogo_sessions e
   where e.id = p_source and (e.owner = p_owner or e.owner is null and p_owner is null);
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no session %s, or it is not yours', p_source);
  end if;
  perform cogo.check_size('the session to copy', v_source.messages, 20000, 'messages');
  if p_through is not null and not exists (
    select from public.cogo_messages m
     where m.session_id = v_source.id
       and (m.owner = p_owner or m.owner is null and p_owner is null)
    having p_through between min(m.seq) and max(m.seq)
  ) then
    raise exception using errcode = 'TQ004',
      message = format('%s is no message of the session %s', p_through, p_source),
      hint = 'the numbers of its messages are those that reading it gives as seq';
  end if;
  -- A turn is copied whole.
  select max(m.seq) into v_through
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.role = 'assistant'
     and m.seq <= coalesce(
       (
         select min(n.seq) from public.cogo_messages n
          where n.session_id = v_source.id
            and (n.owner = p_owner or n.owner is null and p_owner is null)
            and n.role = 'assistant' and n.seq >= p_through
       ), 9223372036854775807
     );
  update public.cogo_sessions e
     set forked_from = v_source.id, title = v_source.title, data_policy = v_source.data_policy
   where e.seq = p_target returning e.* into v_target;
  insert into public.cogo_messages (
    owner, session_id, role, content, exchange, task_id, created_at
  )
  select m.owner, v_target.id, m.role, m.content, m.exchange, m.task_id, m.created_at
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.seq <= v_through
   order by m.seq;
  perform cogo.copy_summary(v_source, v_target, v_through);
end;
$function$;

create or replace function cogo.count_messages()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  update public.cogo_sessions e
     set messages = e.messages + a.messages,
         last_message = greatest(e.last_message, a.last_message),
         last_message_at = cogo.now(),
         unsummarised = e.unsummarised + a.characters
    from (
      select n.owner, n.session_id, count(*) as messages, max(n.seq) as last_message,
             sum(cogo.count_summarised(n.content, n.exchange)) as characters
        from new_rows n
       group by n.owner, n.session_id
    ) as a
   where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null);
  update public.cogo_sessions e
     set data_policy = array(
           select distinct r.rule from unnest(e.data_policy || a.rules) r (rule) order by r.rule
         )
    from (
      select n.owner, n.session_id, array_agg(distinct r.rule) as rules
        from new_rows n
        join public.cogo_tasks t on t.id = n.task_id
       cross join lateral unnest(cogo.data_policy_rules(t.preferences)) r (rule)
       group by n.owner, n.session_id
    ) as a
   where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null)
     and not a.rules <@ e.data_policy;
  return null;
end;
$function$;

create or replace function cogo.data_policy_rules(p_preferences jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
RETURN CASE jsonb_typeof((p_preferences -> 'data_policy'::text)) WHEN 'string'::text THEN array_remove(ARRAY[lower(btrim((p_preferences ->> 'data_policy'::text)))], 'any'::text) WHEN 'array'::text THEN ARRAY(SELECT DISTINCT r.rule FROM (SELECT lower(btrim(i.rule)) AS lower FROM jsonb_array_elements_text((data_policy_rules.p_preferences -> 'data_policy'::text)) i(rule)) r(rule) WHERE (r.rule <> 'any'::text) ORDER BY r.rule) ELSE '{}'::text[] END;

create or replace function cogo.find_preferences(p_task public.cogo_tasks)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(
           (
             select cogo.inherit_data_policy(
                      jsonb_build_object('data_policy', e.data_policy), p_task.preferences
                    )
               from public.cogo_sessions e
              where e.id = p_task.session_id
                and (e.owner = p_task.owner or e.owner is null and p_task.owner is null)
                and e.data_policy <> '{}'
                and jsonb_typeof(p_task.preferences) = 'object'
           ), p_task.preferences
         );
$function$;

create or replace function cogo.find_summary_preferences(p_tasks uuid[], p_before jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with given as (
    select t.seq, e.key, e.value
      from public.cogo_tasks t
     cross join lateral cogo.find_preferences(t) as p (preferences)
     cross join lateral jsonb_each(
       case when jsonb_typeof(p.preferences) = 'object' then p.preferences else '{}' end
     ) e
     where t.id = any (p_tasks)
    union all
    select 0, e.key, e.value from jsonb_each(coalesce(p_before, '{}')) e
  ), united as (
    select g.key, jsonb_agg(distinct i.value) as value
      from given g
     cross join lateral jsonb_array_elements(
       case jsonb_typeof(g.value)
         when 'array' then g.value
         when 'string' then jsonb_build_array(g.value)
         else '[]'
       end
     ) i
     where g.key in ('data_policy', 'denied_models', 'denied_providers')
     group by g.key
  ), allowed as (
    select distinct on (g.key) g.key, g.value
      from given g
     where g.key in ('allowed_models', 'allowed_providers')
     order by g.key, g.seq desc
  )
  select '{"preference": "cost"}'::jsonb || coalesce(jsonb_object_agg(a.key, a.value), '{}')
    from (select * from united union all select * from allowed) as a;
$function$;

create or replace function cogo.insert_children(p_parent public.cogo_tasks, p_subtask_ids uuid[], p_children jsonb[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
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
           cogo.inherit_data_policy(
             cogo.find_preferences(p_parent), nullif(c.child -> 'preferences', 'null')
           ),
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

create or replace function cogo.load_leases(p_subtask_ids uuid[])
 RETURNS TABLE(subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer, failures integer, reaps integer, priority integer, lease_expires_at timestamp with time zone, params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb, kind text, flow jsonb, turns integer, tools_granted jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query
  select s.id, s.task_id, s.key, s.type, s.lane, s.attempt, s.failures, s.reaps,
         s.priority::integer, s.lease_expires_at, p.params, p.metadata,
         jsonb_build_object(
           'id', t.id, 'type', t.type, 'prompt', t.prompt, 'params', t.params, 'owner', t.owner,
           'session_id', t.session_id, 'model', t.model, 'preferences', cogo.find_preferences(t),
           'budget_usd', t.budget_usd, 'deadline', t.deadline, 'stream', t.stream,
           'seconds_left', round(extract(epoch from t.deadline - cogo.now()), 3),
           'cost_usd', t.cost_usd, 'priority', t.priority,
           'session', cogo.describe_session(t.owner, t.session_id),
           'grants', case when exists (select from cogo.grants g where g.owner = s.owner) then
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

create or replace function public.cogo_remember(p_owner uuid, p_facts jsonb)
 RETURNS TABLE(place integer, id uuid, is_new boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
begin
  perform cogo.check_memory('p_facts', p_facts, 1000);
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             cogo.to_uuid(i.item ->> 'task_id') as task_id,
             cogo.to_uuid(i.item ->> 'session_id') as session_id,
             cogo.read_time(i.item ->> 'happened_at') as happened_at,
             coalesce(
               (
                 select cogo.data_policy_rules(cogo.find_preferences(t))
                   from public.cogo_tasks t
                  where t.id = cogo.to_uuid(i.item ->> 'task_id')
                    and t.owner is not distinct from v_owner
               ), '{}'
             ) as data_policy
        from jsonb_array_elements(p_facts) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_memories as m (
        owner, kind, content, source, task_id, session_id, happened_at, content_sha256, data_policy
      )
      -- The same fact twice is one row. In a fixed order, so that two writers cannot deadlock.
      select distinct on (i.sha256)
             v_owner, 'fact', i.content, i.source, i.task_id, i.session_id, i.happened_at, i.sha256,
             i.data_policy
        from items i
       order by i.sha256, i.place
      on conflict (owner, content_sha256) where kind = 'fact' do update
        set source = coalesce(excluded.source, m.source),
            happened_at = coalesce(excluded.happened_at, m.happened_at),
            -- What was also said under fewer rules is under these.
            data_policy = array(
              select r.rule from unnest(m.data_policy) r (rule)
               where r.rule = any (excluded.data_policy)
            )
      returning m.id, m.content_sha256, (m.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i join kept k on k.content_sha256 = i.sha256
     order by i.place;
end;
$function$;

create or replace function public.cogo_search_memory(p_owner uuid, p_query text, p_vector real[] DEFAULT NULL::real[], p_model_id text DEFAULT NULL::text, p_simulated boolean DEFAULT false, p_kinds text[] DEFAULT NULL::text[], p_sources text[] DEFAULT NULL::text[], p_candidates jsonb DEFAULT NULL::jsonb, p_limit integer DEFAULT 10, p_data_policy text[] DEFAULT NULL::text[])
 RETURNS TABLE(id uuid, kind text, content text, source text, document_id uuid, title text, place integer, heading text, created_at timestamp with time zone, score double precision, likeness double precision, found_by text[])
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.owner_key(cogo.resolve_owner(p_owner));
  v_limit constant integer := least(greatest(coalesce(p_limit, 10), 0), 100);
  -- Of each kind of search.
  v_depth constant integer := greatest(30, 3 * v_limit);
  v_filter constant text := cogo.build_memory_filter(p_kinds, p_sources);
  v_words constant text[] := cogo.list_words(p_query);
  v_sample record;
begin
  select s.* into v_sample from cogo.sample_words(v_owner, v_filter, v_words) s;
  return query
    with near as (
      select c.id, c.likeness from cogo.filter_candidates(v_owner, v_filter, p_candidates) c
       where p_candidates is not null
      union all
      select s.id, s.likeness
        from cogo.search_meanings(
          v_owner, v_filter, p_model_id, p_simulated, p_vector,
          v_sample.total * greatest(v_sample.share, 0.002), v_depth
        ) s
       where p_candidates is null
    ), nearest as materialized (
      select n.* from near n order by n.likeness desc nulls last, n.id limit v_depth
    ), by_vectors as (
      select n.*,
             case when n.likeness is null then 0 else coalesce(
               (n.likeness - min(n.likeness) over ())
                 / nullif(max(n.likeness) over () - min(n.likeness) over (), 0), 1
             ) end as share
        from nearest n
    ), by_words as (
      select w.id, w.score / max(w.score) over () as share
        from cogo.search_words(
          v_owner, v_filter, v_words, v_sample.total, v_sample.share, v_sample.length,
          v_sample.frequencies, v_depth, array(select n.id from nearest n)
        ) w
    ), fused as (
      select coalesce(w.id, v.id) as id, v.likeness,
             0.6 * coalesce(v.share, 0) + 0.4 * coalesce(w.share, 0) as score,
             array_remove(
               array[
                 case when w.id is not null then 'words' end,
                 case when v.id is not null then 'vectors' end
               ], null
             ) as found_by
        from by_words w full join by_vectors v on v.id = w.id
        join public.cogo_memories m on m.id = coalesce(w.id, v.id)
       where p_data_policy is null or m.data_policy <@ p_data_policy
       order by 3 desc, v.likeness desc nulls last, 1
       limit v_limit
    )
    select m.id, m.kind, m.content, m.source, m.document_id, d.title, m.place, m.heading,
           m.created_at, f.score, f.likeness, f.found_by
      from fused f
      join public.cogo_memories m on m.id = f.id
      left join public.cogo_documents d on d.id = m.document_id
     order by f.score desc, f.likeness desc nulls last, m.id;
end;
$function$;

drop function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer);

comment on column public.cogo_memories.data_policy is
  'The rules of the task that remembered it: they hold for its vector, and for tasks that find it.';

comment on column public.cogo_sessions.data_policy is
  'The rules of all tasks whose messages it has: they hold for whoever reads them.';

comment on function cogo.count_messages() is
  'Count new messages in the rows of their sessions, and add the rules of their tasks.';

comment on function cogo.data_policy_rules(jsonb) is
  'Return the rules of preferences.data_policy, but for any, which is none.';

comment on function cogo.find_preferences(public.cogo_tasks) is
  'Return the preferences that hold for a task: its own, under the data policy of its session, too.';

comment on function public.cogo_remember(uuid,jsonb) is
  'Remember facts (content, source, task_id, session_id, happened_at) of an owner; return the id of
each, by place. A fact that is remembered already stays one row. What a task remembers is under its data
policy. Users remember their own.';

comment on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer,text[]) is
  'Search the memory of an owner by words and by meaning, best first. p_vector is the query embedded by
p_model_id, or p_candidates what an outer index found ({id, likeness}). score has 0.6 for what is most
like it, and 0.4 for what has its words best. p_sources: exact sources, prefix*, facts or documents.
p_data_policy: the rules of the task that reads; nothing is found that was remembered under other ones.
Users search their own.';

revoke all on function cogo.find_preferences(public.cogo_tasks) from public, anon, authenticated, service_role;

grant execute on function cogo.find_preferences(public.cogo_tasks) to service_role;

revoke all on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer,text[]) to authenticated;

grant execute on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer,text[]) to service_role;

insert into cogo.schema_versions (version) values ('20261130020241')
on conflict (version) do nothing;

-- What was written before is under the rules of its tasks, too, as far as these are still there.
update public.cogo_sessions e
   set data_policy = a.rules
  from (
    select m.owner, m.session_id, array_agg(distinct r.rule order by r.rule) as rules
      from public.cogo_messages m
      join public.cogo_tasks t on t.id = m.task_id
     cross join lateral unnest(cogo.data_policy_rules(t.preferences)) r (rule)
     group by m.owner, m.session_id
  ) as a
 where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null);
update public.cogo_memories m
   set data_policy = cogo.data_policy_rules(cogo.find_preferences(t))
  from public.cogo_tasks t
 where t.id = m.task_id and cogo.data_policy_rules(cogo.find_preferences(t)) <> '{}';
