-- Times grow with seq, but for moments between tasks that are inserted at once.
create or replace function cogo.find_task_seq(p_at timestamptz)
  returns bigint language plpgsql stable set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
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
$$;
comment on function cogo.find_task_seq is
  'Return the seq from which on tasks were created at a time or later, by bisection.';

create or replace function cogo.build_search(
  p_query text, p_condition text, p_order text default 'desc'
)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_range constant text := 't.seq > $1 and t.seq <= $2 and ' || p_condition;
  v_texts constant text := 'cogo.read_task_words(t.prompt, t.result, t.error)';
  v_words tsquery;
  v_clock cogo.search_clock;
  v_branches text[];
begin
  if btrim(p_query) = '' or p_query is null then
    return format(
      'select t.seq from public.cogo_tasks t where %s order by t.seq %s limit $3', v_range, p_order
    );
  end if;
  v_words := cogo.parse_search(p_query);
  if numnode(v_words) = 0 then
    -- Signs, or words that are in every text.
    return format(
      'select t.seq from public.cogo_tasks t where %s and strpos(lower(t.prompt), lower(%L)) > 0 '
      'order by t.seq %s limit $3', v_range, left(btrim(p_query), 500), p_order
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
               'order by t.seq %s limit $3)', v_range, b, p_order
             ), ''
           )
      from unnest(v_branches) b where b is not null
  ) || format(' order by seq %s limit $3', p_order);
end;
$$;
comment on function cogo.build_search is
  'Return the query for the newest $3 tasks (p_order asc: the oldest) with $1 < seq <= $2 that meet a
condition and have words, or whose ids begin with them. Texts not in cogo.task_words are read.';

-- A filter may be met by a few tasks among millions, so they are walked in parts, each of which takes a
-- fraction of the time that there is.
create or replace function cogo.scan_tasks(
  p_filter jsonb, p_limit integer, p_before bigint, p_seconds double precision,
  p_after bigint default null,
  out seqs bigint[], out next bigint
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_began constant timestamptz := clock_timestamp();
  v_is_up constant boolean := p_after is not null;
  v_order constant text := case when v_is_up then 'asc' else 'desc' end;
  v_filter record;
  v_search text;
  v_walk text;
  v_first bigint := 0;
  v_last bigint := 9223372036854775806;
  v_part bigint := 1000;
  v_part_began timestamptz;
  v_seq bigint;
  v_end bigint;
  v_found bigint[];
begin
  if jsonb_typeof(p_filter) is distinct from 'object' then
    raise exception using errcode = 'TQ004', message = 'p_filter must be an object';
  elsif v_is_up and p_before is not null then
    raise exception using errcode = 'TQ004', message = 'give p_before or p_after, not both';
  end if;
  v_filter := cogo.build_task_filter(p_filter);
  v_search := format(
    'select array(%s)', cogo.build_search(p_filter ->> 'q', v_filter.condition, v_order)
  );
  v_walk := (
    select format('select %s(seq) from (', case when v_is_up then 'min' else 'max' end)
           || string_agg(
             format(
               '(select t.seq from public.cogo_tasks t where t.seq %s $1 and %s '
               'order by t.seq %s limit 1)', case when v_is_up then '>' else '<' end, w, v_order
             ), ' union all '
           ) || ') s'
      from unnest(v_filter.walked_by) w
  );
  seqs := '{}';
  if p_filter ->> 'until' is not null then
    v_last := cogo.find_task_seq(
      cogo.read_filter_time(p_filter, 'until') + interval '1 minute'
    ) - 1;
  end if;
  if p_filter ->> 'since' is not null then
    v_first := cogo.find_task_seq(cogo.read_filter_time(p_filter, 'since') - interval '1 minute');
  end if;
  next := case when v_is_up then greatest(p_after, v_first - 1)
               else least(p_before, v_last + 1) end;
  loop
    v_part_began := clock_timestamp();
    execute v_walk into v_seq using next;
    if v_seq is null or v_seq < v_first or v_seq > v_last then
      next := null;
      return;
    end if;
    v_end := case when v_is_up then least(v_seq - 1 + v_part, v_last)
                  else greatest(v_seq - v_part, v_first - 1) end;
    execute v_search into v_found
      using case when v_is_up then v_seq - 1 else v_end end,
            case when v_is_up then v_end else v_seq end, p_limit - cardinality(seqs);
    seqs := seqs || v_found;
    next := case when v_is_up then v_end else v_end + 1 end;
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
$$;
comment on function cogo.scan_tasks is
  'Return the newest tasks before p_before that a filter finds, or the oldest after p_after, at most
p_limit, and before or after which to go on: null if there are no more. It goes on later if it takes
longer than p_seconds.';
