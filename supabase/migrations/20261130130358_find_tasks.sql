-- Find tasks.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.search_clock (
  id boolean default true not null,
  indexed_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  indexed_seq bigint default 0 not null,
  next_at timestamp with time zone,
  next_xid xid8
);

alter table cogo.search_clock enable row level security;

create table cogo.task_words (
  task_id uuid not null,
  seq bigint not null,
  words tsvector not null
);

alter table cogo.task_words enable row level security;

alter table cogo.search_clock add constraint search_clock_id_check CHECK (id);

alter table cogo.search_clock add constraint search_clock_pkey PRIMARY KEY (id);

alter table cogo.task_words add constraint task_words_pkey PRIMARY KEY (task_id);

alter table cogo.task_words add constraint task_words_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

create index task_words_seq ON cogo.task_words USING btree (seq);

create index task_words_words ON cogo.task_words USING gin (words) WITH (fastupdate=off);

create or replace function cogo.build_owner_filter(p_owners text[])
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner text;
  v_ids uuid[] := '{}';
begin
  foreach v_owner in array p_owners loop
    if v_owner <> 'none' and cogo.to_uuid(v_owner) is null then
      raise exception using errcode = 'TQ004',
        message = format('owner %s is neither a uuid nor none', left(v_owner, 100));
    elsif v_owner <> 'none' then
      v_ids := v_ids || cogo.to_uuid(v_owner);
    end if;
  end loop;
  -- In this form one owner is read in the order of an index.
  return case
    when cardinality(v_ids) = 0 then 't.owner is null'
    when cardinality(v_ids) = cardinality(p_owners) and cardinality(v_ids) = 1 then
      format('t.owner = %L', v_ids[1])
    when cardinality(v_ids) = cardinality(p_owners) then format('t.owner = any (%L::uuid[])', v_ids)
    else format('(t.owner = any (%L::uuid[]) or t.owner is null)', v_ids)
  end;
end;
$function$;

create or replace function cogo.build_search(p_query text, p_condition text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_range constant text := 't.seq > $1 and t.seq <= $2 and ' || p_condition;
  v_texts constant text := 'cogo.read_task_words(t.prompt, t.result, t.error)';
  v_words tsquery;
  v_clock cogo.search_clock;
  v_branches text[];
begin
  if btrim(p_query) = '' or p_query is null then
    return format(
      'select t.seq from public.cogo_tasks t where %s order by t.seq desc limit $3', v_range
    );
  end if;
  v_words := cogo.parse_search(p_query);
  if numnode(v_words) = 0 then
    -- Signs, or words that are in every text.
    return format(
      'select t.seq from public.cogo_tasks t where %s and strpos(lower(t.prompt), lower(%L)) > 0 '
      'order by t.seq desc limit $3', v_range, left(btrim(p_query), 500)
    );
  end if;
  select c.* into v_clock from cogo.search_clock c;
  v_branches := array[
    format('t.finished_at is null and %s @@ %L::tsquery', v_texts, v_words),
    format(
      't.finished_at >= %1$L and (t.finished_at, t.seq) > (%1$L, %2$L) and %3$s @@ %4$L::tsquery',
      coalesce(v_clock.indexed_at, '-infinity'), coalesce(v_clock.indexed_seq, 0), v_texts, v_words
    ),
    cogo.format_condition(
      't.id >= rpad(%1$L, 32, ''0'')::uuid and t.id <= rpad(%1$L, 32, ''f'')::uuid',
      substring(replace(lower(btrim(p_query)), '-', '') from '^[0-9a-f]{8,32}$')
    )
  ];
  -- Without a limit, which would have Postgres walk them by seq where few have the words: while many
  -- have them, parts stay small.
  return format(
    '(select t.seq from cogo.task_words w join public.cogo_tasks t on t.id = w.task_id
       where w.words @@ %L::tsquery and w.seq > $1 and w.seq <= $2
         and t.finished_at is not null and (t.finished_at, t.seq) <= (%L, %L) and %s)',
    v_words, coalesce(v_clock.indexed_at, '-infinity'), coalesce(v_clock.indexed_seq, 0), p_condition
  ) || (
    select string_agg(
             format(
               ' union (select t.seq from public.cogo_tasks t where %s and %s '
               'order by t.seq desc limit $3)', v_range, b
             ), ''
           )
      from unnest(v_branches) b where b is not null
  ) || ' order by seq desc limit $3';
end;
$function$;

create or replace function cogo.build_task_filter(p_filter jsonb, OUT condition text, OUT walked_by text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_known constant text[] := array[
    'status', 'type', 'model', 'owner', 'project', 'tag', 'since', 'until', 'min_cost', 'max_cost',
    'q', 'dead', 'asking', 'children', 'visible'
  ];
  v_unknown text;
  v_status constant text[] := cogo.read_filter_texts(p_filter, 'status');
  v_owners constant text[] := cogo.read_filter_texts(p_filter, 'owner');
  v_projects constant text[] := cogo.read_filter_texts(p_filter, 'project');
  v_visible constant text := cogo.build_visibility_filter(
    case
      when cogo.is_operator() then p_filter -> 'visible'
      else jsonb_build_object('owner', cogo.resolve_owner(null))
    end
  );
  v_open constant boolean := v_status <@ array['pending', 'running', 'held'];
begin
  select k into v_unknown
    from jsonb_object_keys(p_filter) k where k <> all (v_known) limit 1;
  if found then
    raise exception using errcode = 'TQ004',
      message = format('tasks have no filter %s', left(v_unknown, 100)),
      hint = 'filters: ' || array_to_string(v_known, ', ');
  end if;
  walked_by := case
    when v_visible like 't.owner %' then v_visible
    when v_owners is not null then cogo.build_owner_filter(v_owners)
    when v_open then 't.finished_at is null'
    else 'true'
  end;
  condition := concat_ws(
    ' and ', 'true', v_visible,
    case when v_owners is not null then cogo.build_owner_filter(v_owners) end,
    case when v_open then 't.finished_at is null' end,
    cogo.format_condition('t.status = any (%L::text[])', v_status::text),
    cogo.format_condition(
      't.type = any (%L::text[])', cogo.read_filter_texts(p_filter, 'type')::text
    ),
    cogo.format_condition(
      '(t.model = any (%1$L::text[]) or exists (select from public.cogo_attempts a '
      'where a.task_id = t.id and a.model_id = any (%1$L::text[])))',
      cogo.read_filter_texts(p_filter, 'model')::text
    ),
    case
      when 'none' = any (v_projects) then
        format('(t.project = any (%L::text[]) or t.project is null)', v_projects)
      when v_projects is not null then format('t.project = any (%L::text[])', v_projects)
    end,
    cogo.format_condition('t.tags @> %L::text[]', cogo.read_filter_texts(p_filter, 'tag')::text),
    cogo.format_condition(
      't.created_at >= %L', cogo.read_filter_time(p_filter, 'since')::text
    ),
    cogo.format_condition('t.created_at < %L', cogo.read_filter_time(p_filter, 'until')::text),
    cogo.format_condition('t.cost_usd >= %L', cogo.read_filter_number(p_filter, 'min_cost')::text),
    cogo.format_condition('t.cost_usd <= %L', cogo.read_filter_number(p_filter, 'max_cost')::text),
    case when cogo.read_filter_flag(p_filter, 'dead') then
      'exists (select from cogo.subtasks s where s.task_id = t.id and s.dead_at is not null)'
    end,
    case when cogo.read_filter_flag(p_filter, 'asking') then
      't.finished_at is null and exists (select from public.cogo_approvals p '
      'where p.task_id = t.id and p.answered_at is null and p.withdrawn_at is null)'
    end,
    case when not cogo.read_filter_flag(p_filter, 'children') then
      't.parent_task_id is null and t.follow_up is null'
    end
  );
end;
$function$;

create or replace function cogo.build_visibility_filter(p_visible jsonb)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_projects constant text[] := cogo.read_filter_texts(p_visible, 'projects');
  v_owner constant text := cogo.build_owner_filter(array[coalesce(p_visible ->> 'owner', 'none')]);
begin
  if jsonb_typeof(p_visible) not in ('object', 'null') then
    raise exception using errcode = 'TQ004', message = 'visible must be an object';
  elsif p_visible is null or p_visible = 'null' then
    return null;
  end if;
  return nullif(
    concat_ws(
      ' and ',
      case
        when cogo.read_filter_flag(p_visible, 'every_owner') then null
        when v_projects is null then v_owner
        else format('(%s or t.project = any (%L::text[]))', v_owner, v_projects)
      end,
      cogo.format_condition('t.project = %L', p_visible ->> 'only_project')
    ), ''
  );
end;
$function$;

create or replace function cogo.find_task_seq(p_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_low bigint := coalesce((select min(t.seq) from public.cogo_tasks t), 1);
  v_high bigint := coalesce((select max(t.seq) from public.cogo_tasks t), 0) + 1;
  v_middle bigint;
  v_task record;
begin
  while v_low < v_high loop
    v_middle := v_low + (v_high - v_low) / 2;
    select t.seq, t.created_at into v_task
      from public.cogo_tasks t where t.seq >= v_middle order by t.seq limit 1;
    if v_task.seq >= v_high or v_task.created_at >= p_at then
      v_high := v_middle;
    else
      v_low := v_task.seq + 1;
    end if;
  end loop;
  return v_low;
end;
$function$;

create or replace function cogo.format_condition(p_format text, p_value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select format(p_format, p_value);
$function$;

create or replace function cogo.index_tasks(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_clock cogo.search_clock;
  v_chosen integer := 0;
  v_last record;
begin
  insert into cogo.search_clock (id) select true where not exists (select from cogo.search_clock)
  on conflict do nothing;
  select c.* into v_clock from cogo.search_clock c for no key update skip locked;
  if not found or not exists (
    select from public.cogo_tasks t
     where t.finished_at is not null and t.finished_at >= v_clock.indexed_at
       and (t.finished_at, t.seq) > (v_clock.indexed_at, v_clock.indexed_seq)
  ) then
    return 0;
  end if;
  if v_clock.next_xid <= pg_snapshot_xmin(pg_current_snapshot()) then
    with chosen as materialized (
      select t.id, t.seq, t.finished_at
        from public.cogo_tasks t
       where t.finished_at between v_clock.indexed_at and v_clock.next_at
         and (t.finished_at, t.seq) > (v_clock.indexed_at, v_clock.indexed_seq)
       order by t.finished_at, t.seq
       limit p_limit
    ), locked as materialized (
      select t.id, t.seq, t.prompt, t.result, t.error
        from public.cogo_tasks t
       where t.id in (select c.id from chosen c)
         for key share skip locked
    ), stored as (
      insert into cogo.task_words as w (task_id, seq, words)
      select l.id, l.seq, cogo.read_task_words(l.prompt, l.result, l.error) from locked l
      on conflict (task_id) do update set words = excluded.words
      returning w.task_id
    ), marked as (
      select c.*,
             bool_and(s.task_id is not null) over (order by c.finished_at, c.seq) as is_done
        from chosen c left join stored s on s.task_id = c.id
    )
    select count(*) as chosen,
           max(m.finished_at) filter (where m.is_done) as finished_at,
           (array_agg(m.seq order by m.finished_at desc, m.seq desc)
             filter (where m.is_done))[1] as seq
      into v_last
      from marked m;
    v_chosen := v_last.chosen;
    if v_last.seq is not null then
      v_clock.indexed_at := v_last.finished_at;
      v_clock.indexed_seq := v_last.seq;
    end if;
  end if;
  if v_clock.next_xid is null
     or v_chosen < p_limit and v_clock.next_xid <= pg_snapshot_xmin(pg_current_snapshot()) then
    v_clock.next_at := cogo.now() - interval '1 minute';
    v_clock.next_xid := pg_snapshot_xmax(pg_current_snapshot());
  end if;
  update cogo.search_clock c
     set indexed_at = v_clock.indexed_at, indexed_seq = v_clock.indexed_seq,
         next_at = v_clock.next_at, next_xid = v_clock.next_xid
   where c.id;
  return v_chosen;
end;
$function$;

create or replace function cogo.list_erasure_rules()
 RETURNS TABLE(name text, via text, col text, fate text, is_exported boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('public.cogo_tasks', 'owner', 'owner', 'delete', true),
    ('cogo.subtasks', 'task', 'task_id', 'delete', true),
    ('cogo.subtask_payloads', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.subtask_outputs', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.checkpoints', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.turns', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.dependencies', 'task', 'task_id', 'delete', false),
    ('cogo.flows', 'task', 'task_id', 'delete', true),
    ('cogo.events', 'task', 'task_id', 'delete', true),
    ('public.cogo_attempts', 'task', 'task_id', 'delete', true),
    ('public.cogo_model_selections', 'task', 'task_id', 'delete', true),
    ('public.cogo_ratings', 'task', 'task_id', 'delete', true),
    ('public.cogo_approvals', 'task', 'task_id', 'delete', true),
    ('public.cogo_sent_events', 'task', 'task_id', 'delete', true),
    ('cogo.budget_waits', 'task', 'task_id', 'delete', false),
    ('cogo.child_tasks', 'task', 'child_id', 'delete', false),
    ('cogo.wakes', 'task', 'child_id', 'delete', false),
    ('cogo.outcomes', 'subtask', 'subtask_id', 'delete', false),
    ('cogo.judgements', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.judgement_quotas', 'owner', 'owner', 'delete', false),
    ('cogo.ai_refusals', 'task', 'task_id', 'delete', false),
    ('cogo.task_words', 'task', 'task_id', 'delete', false),
    ('cogo.follow_ups', 'task', 'task_id', 'delete', false),
    ('cogo.extractions', 'task', 'task_id', 'delete', false),
    ('cogo.reservations', 'owner', 'owner', 'delete', false),
    ('public.cogo_sessions', 'owner', 'owner', 'delete', true),
    ('public.cogo_messages', 'owner', 'owner', 'delete', true),
    ('cogo.session_summaries', 'session', 'session_seq', 'delete', true),
    ('cogo.forgotten_sessions', 'session', 'session_seq', 'keep', false),
    ('public.cogo_documents', 'owner', 'owner', 'delete', true),
    ('cogo.document_parts', 'owner', 'owner', 'delete', true),
    ('public.cogo_memories', 'owner', 'owner', 'delete', true),
    ('cogo.memory_words', 'memory', 'memory_id', 'delete', false),
    ('cogo.memory_vectors', 'memory', 'id', 'delete', false),
    ('cogo.embedding_queue', 'memory', 'memory_id', 'delete', false),
    ('cogo.vector_changes', 'owner', 'owner', 'keep', false),
    ('public.cogo_embeddings', 'owner', 'owner', 'delete', true),
    ('cogo.unindexed_embeddings', 'owner', 'owner', 'delete', false),
    ('cogo.cached_answers', 'owner', 'owner', 'delete', true),
    ('cogo.api_keys', 'owner', 'owner', 'delete', true),
    ('cogo.grants', 'owner', 'owner', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false),
    ('public.cogo_actions', 'mention', 'subject', 'forget', true)
$function$;

create or replace function cogo.parse_search(p_query text)
 RETURNS tsquery
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  -- Less than the longest word of a query. The signs are those of split_words().
  v_query constant text := regexp_replace(
    left(p_query, 500), '([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])', ' \1 ', 'g'
  );
begin
  return websearch_to_tsquery('pg_catalog.english', v_query);
exception
  when internal_error then  -- more than 32 signs for "without" in a row
    return plainto_tsquery('pg_catalog.english', v_query);
end;
$function$;

create or replace function cogo.read_filter_flag(p_filter jsonb, p_key text)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if jsonb_typeof(p_filter -> p_key) not in ('boolean', 'null') then
    raise exception using errcode = 'TQ004', message = p_key || ' must be true or false';
  end if;
  return coalesce((p_filter ->> p_key)::boolean, false);
end;
$function$;

create or replace function cogo.read_filter_number(p_filter jsonb, p_key text)
 RETURNS numeric
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (p_filter ->> p_key)::numeric;
exception
  when data_exception then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a number';
end;
$function$;

create or replace function cogo.read_filter_texts(p_filter jsonb, p_key text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_value jsonb := p_filter -> p_key;
begin
  if v_value is null or v_value = 'null' or v_value = '[]' then
    return null;
  end if;
  if jsonb_typeof(v_value) = 'string' then
    v_value := jsonb_build_array(v_value);
  end if;
  if jsonb_typeof(v_value) <> 'array' or exists (
    select from jsonb_array_elements(v_value) v where jsonb_typeof(v) <> 'string'
  ) then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a text or a list of texts';
  end if;
  perform cogo.check_size(p_key, jsonb_array_length(v_value), 1000, 'items');
  return array(select v from jsonb_array_elements_text(v_value) v);
end;
$function$;

create or replace function cogo.read_filter_time(p_filter jsonb, p_key text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (p_filter ->> p_key)::timestamptz;
exception
  when data_exception then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a time';
end;
$function$;

create or replace function cogo.read_task_words(p_prompt text, p_result jsonb, p_error jsonb)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select cogo.split_words(
    concat_ws(
      chr(10), left(p_prompt, 32768),
      left(
        coalesce(
          nullif(
            concat_ws(
              chr(10), p_result ->> 'text', p_result ->> 'generated_code', p_result ->> 'data'
            ), ''
          ), p_result::text
        ), 32768
      ),
      left(p_error ->> 'message', 4096)
    )
  );
$function$;

create or replace function cogo.scan_tasks(p_filter jsonb, p_limit integer, p_before bigint, p_seconds double precision, OUT seqs bigint[], OUT next bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_began constant timestamptz := clock_timestamp();
  v_filter record;
  v_search text;
  v_first bigint := 0;
  v_part bigint := 1000;
  v_part_began timestamptz;
  v_top bigint;
  v_found bigint[];
begin
  if jsonb_typeof(p_filter) is distinct from 'object' then
    raise exception using errcode = 'TQ004', message = 'p_filter must be an object';
  end if;
  v_filter := cogo.build_task_filter(p_filter);
  v_search := format(
    'select array(%s)', cogo.build_search(p_filter ->> 'q', v_filter.condition)
  );
  seqs := '{}';
  next := coalesce(p_before, 9223372036854775807);
  if p_filter ->> 'until' is not null then
    next := least(
      next,
      cogo.find_task_seq(cogo.read_filter_time(p_filter, 'until') + interval '1 minute')
    );
  end if;
  if p_filter ->> 'since' is not null then
    v_first := cogo.find_task_seq(cogo.read_filter_time(p_filter, 'since') - interval '1 minute');
  end if;
  loop
    v_part_began := clock_timestamp();
    execute format(
      'select t.seq from public.cogo_tasks t where t.seq < $1 and %s order by t.seq desc limit 1',
      v_filter.walked_by
    ) into v_top using next;
    if v_top is null or v_top < v_first then
      next := null;
      return;
    end if;
    next := greatest(v_top - v_part, v_first - 1);
    execute v_search into v_found using next, v_top, p_limit - cardinality(seqs);
    seqs := seqs || v_found;
    next := next + 1;
    if cardinality(seqs) >= p_limit then
      next := seqs[cardinality(seqs)];
      return;
    elsif clock_timestamp() > v_began + make_interval(secs => p_seconds) then
      return;
    elsif clock_timestamp() < v_part_began + make_interval(secs => p_seconds / 8) then
      v_part := least(v_part * 4, 1000000000);
    elsif clock_timestamp() > v_part_began + make_interval(secs => p_seconds / 2) then
      v_part := greatest(v_part / 4, 100);
    end if;
  end loop;
end;
$function$;

create or replace function public.cogo_count_tasks(p_filter jsonb DEFAULT '{}'::jsonb)
 RETURNS TABLE(count integer, is_more boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select least(cardinality(s.seqs), 10000), s.next is not null
      from cogo.scan_tasks(p_filter, 10001, null, 1) s;
end;
$function$;

create or replace function public.cogo_find_tasks(p_filter jsonb DEFAULT '{}'::jsonb, p_limit integer DEFAULT 50, p_before bigint DEFAULT NULL::bigint)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_found record;
begin
  v_found := cogo.scan_tasks(
    p_filter, least(greatest(coalesce(p_limit, 50), 1), 1000), p_before, 0.25
  );
  return jsonb_build_object(
    'tasks', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.seq desc), '[]')
        from public.cogo_task_previews p where p.seq = any (v_found.seqs)
    ),
    'next', v_found.next
  );
end;
$function$;

create or replace function public.cogo_run_memory(p_agent_id text, p_embedding_model text DEFAULT NULL::text, p_limit integer DEFAULT 200)
 RETURNS TABLE(asked integer, applied integer, is_more boolean, problem text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
  v_applied record;
  v_moved record;
  v_rival text;
begin
  perform cogo.set_actor(p_agent_id);
  asked := 0;
  applied := 0;
  is_more := cogo.index_tasks(v_limit) >= v_limit;
  -- A copy of the database asks for nothing by itself.
  problem := cogo.instance_problem();
  if problem is not null then
    return next;
    return;
  end if;
  perform cogo.drop_old_parts();
  perform cogo.end_embeddings();
  -- Each result may have the vectors of 64 texts.
  select a.* into v_applied from cogo.apply_follow_ups(greatest(1, v_limit / 50)) a;
  applied := v_applied.applied;
  problem := v_applied.problem;
  select m.* into v_moved from cogo.move_vectors(v_limit) m;
  problem := coalesce(v_moved.problem, problem);
  begin
    v_rival := cogo.find_rival(p_agent_id, p_embedding_model);
    if v_rival is null then
      asked := cogo.ask_embeddings(p_embedding_model, v_limit);
    else
      problem := format(
        '%s, so this agent asks for no vectors of %s: give all orchestrators the same model of memory',
        left(v_rival, 500), left(p_embedding_model, 200)
      );
    end if;
  exception
    when others then
      problem := 'nothing can be embedded: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_summaries(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'nothing can be summarised: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_extractions(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'no facts can be asked for: ' || left(sqlerrm, 500);
  end;
  is_more := is_more or v_applied.seen > 0 or v_moved.moved > 0 or asked >= v_limit;
  return next;
end;
$function$;

create or replace function public.cogo_task_facets(p_filter jsonb DEFAULT '{}'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_found constant bigint[] := (
    select s.seqs from cogo.scan_tasks(p_filter, 2000, null, 0.25) s
  );
begin
  return (
    with newest as materialized (
      select t.* from public.cogo_tasks t where t.seq = any (v_found)
    ), uses as (
      select 'types' as facet, n.type as value from newest n
      union all
      select 'owners', coalesce(n.owner::text, 'none') from newest n
      union all
      select 'projects', n.project from newest n where n.project is not null
      union all
      select 'tags', unnest(n.tags) from newest n
      union all
      select 'models', m.model
        from newest n
       cross join lateral (
         select n.model union
         select a.model_id from public.cogo_attempts a where a.task_id = n.id
       ) as m (model)
       where m.model is not null
    ), ranked as (
      select u.facet, u.value,
             row_number() over (partition by u.facet order by count(*) desc, u.value) as place
        from uses u group by u.facet, u.value
    )
    select jsonb_object_agg(f.facet, coalesce(r.found, '[]'))
      from unnest(array['types', 'models', 'projects', 'tags', 'owners']) as f (facet)
      left join (
        select k.facet, jsonb_agg(k.value order by k.place) as found
          from ranked k where k.place <= 100 group by k.facet
      ) r on r.facet = f.facet
  );
end;
$function$;

comment on table cogo.search_clock is
  'Up to which end (finished_at, then seq) the words of all tasks are in cogo.task_words. One row.';

comment on table cogo.task_words is
  'The words of ended tasks, of prompts and results, for searches.';

comment on column cogo.search_clock.next_at is
  'Up to which end they may be added when all transactions before next_xid have ended.';

comment on function cogo.build_owner_filter(text[]) is
  'Return the condition on tasks t of owners; none: without one. Raises TQ004.';

comment on function cogo.build_search(text,text) is
  'Return the query for the newest $3 tasks with $1 < seq <= $2 that meet a condition and have words, or
whose ids begin with them. Texts that are not in cogo.task_words are read.';

comment on function cogo.build_task_filter(jsonb) is
  'Return the condition by which a filter finds tasks t, without its words, and the part of it in whose
order an index has them. Users see their own. Raises TQ004.';

comment on function cogo.build_visibility_filter(jsonb) is
  'Return the condition on tasks t that somebody may see; null if that is all of them.';

comment on function cogo.find_task_seq(timestamp with time zone) is
  'Return the seq from which on tasks were created at a time or later, by bisection.';

comment on function cogo.format_condition(text,text) is
  'Return a condition on a value; null if there is none.';

comment on function cogo.index_tasks(integer) is
  'Add the words of tasks that have ended, at most p_limit, oldest ends first; return how many were
tried.';

comment on function cogo.parse_search(text) is
  'Return what people type into a search ("quoted phrase", or, -without) as a query of words.';

comment on function cogo.read_filter_flag(jsonb,text) is
  'Return whether a filter asks for something. Raises TQ004.';

comment on function cogo.read_filter_number(jsonb,text) is
  'Return a number of a filter. Raises TQ004.';

comment on function cogo.read_filter_texts(jsonb,text) is
  'Return the texts of a filter; null if it has none. Raises TQ004 and TQ008.';

comment on function cogo.read_filter_time(jsonb,text) is
  'Return a time of a filter. Raises TQ004.';

comment on function cogo.read_task_words(text,jsonb,jsonb) is
  'Return the words by which a task is found: of the beginnings of its prompt and its result, and of its
error.';

comment on function cogo.scan_tasks(jsonb,integer,bigint,double precision) is
  'Return the newest tasks before p_before that a filter finds, at most p_limit, and before which to go
on: null if there are no more. It goes on later if it takes longer than p_seconds.';

comment on function public.cogo_count_tasks(jsonb) is
  'Count the tasks that a filter of cogo_find_tasks() finds, up to 10,000; is_more: there are more, or
they could not be counted in a second.';

comment on function public.cogo_find_tasks(jsonb,integer,bigint) is
  'Find tasks, the newest first, shortened as in cogo_task_previews. p_filter is an object of: status,
type, model, owner and project (a text or a list, of which any; none: without one), tag (of which all),
since and until (of created_at), min_cost and max_cost, q (words, as people type them into a search, or
the beginning of an id), dead (with a dead letter), asking (with an open question), children (also child
tasks) and, for operators, visible (only what somebody may see: owner, every_owner, projects,
only_project). `next` is p_before of the next page. A page may be short or empty and have a next one,
because it takes a quarter of a second at most.';

comment on function public.cogo_task_facets(jsonb) is
  'Return the types, models, projects, tags and owners of the newest 2,000 tasks that a filter of
cogo_find_tasks() finds, the most frequent first, at most 100 of each.';

revoke all on table cogo.search_clock from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.search_clock to service_role;

revoke all on table cogo.task_words from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.task_words to service_role;

revoke all on function cogo.build_owner_filter(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.build_owner_filter(text[]) to service_role;

revoke all on function cogo.build_search(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.build_search(text,text) to service_role;

revoke all on function cogo.build_task_filter(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.build_task_filter(jsonb) to service_role;

revoke all on function cogo.build_visibility_filter(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.build_visibility_filter(jsonb) to service_role;

revoke all on function cogo.find_task_seq(timestamp with time zone) from public, anon, authenticated, service_role;

grant execute on function cogo.find_task_seq(timestamp with time zone) to service_role;

revoke all on function cogo.format_condition(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.format_condition(text,text) to service_role;

revoke all on function cogo.index_tasks(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.index_tasks(integer) to service_role;

revoke all on function cogo.parse_search(text) from public, anon, authenticated, service_role;

grant execute on function cogo.parse_search(text) to service_role;

revoke all on function cogo.read_filter_flag(jsonb,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_filter_flag(jsonb,text) to service_role;

revoke all on function cogo.read_filter_number(jsonb,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_filter_number(jsonb,text) to service_role;

revoke all on function cogo.read_filter_texts(jsonb,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_filter_texts(jsonb,text) to service_role;

revoke all on function cogo.read_filter_time(jsonb,text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_filter_time(jsonb,text) to service_role;

revoke all on function cogo.read_task_words(text,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.read_task_words(text,jsonb,jsonb) to service_role;

revoke all on function cogo.scan_tasks(jsonb,integer,bigint,double precision) from public, anon, authenticated, service_role;

grant execute on function cogo.scan_tasks(jsonb,integer,bigint,double precision) to service_role;

revoke all on function public.cogo_count_tasks(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_count_tasks(jsonb) to authenticated;

grant execute on function public.cogo_count_tasks(jsonb) to service_role;

revoke all on function public.cogo_find_tasks(jsonb,integer,bigint) from public, anon, authenticated, service_role;

grant execute on function public.cogo_find_tasks(jsonb,integer,bigint) to authenticated;

grant execute on function public.cogo_find_tasks(jsonb,integer,bigint) to service_role;

revoke all on function public.cogo_task_facets(jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_task_facets(jsonb) to authenticated;

grant execute on function public.cogo_task_facets(jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130130358')
on conflict (version) do nothing;
