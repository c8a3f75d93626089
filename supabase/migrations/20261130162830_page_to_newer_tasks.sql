-- Page to newer tasks.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.build_search(p_query text, p_condition text, p_order text DEFAULT 'desc'::text)
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
$function$;

create or replace function cogo.scan_tasks(p_filter jsonb, p_limit integer, p_before bigint, p_seconds double precision, p_after bigint DEFAULT NULL::bigint, OUT seqs bigint[], OUT next bigint)
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
$function$;

create or replace function public.cogo_find_tasks(p_filter jsonb DEFAULT '{}'::jsonb, p_limit integer DEFAULT 50, p_before bigint DEFAULT NULL::bigint, p_after bigint DEFAULT NULL::bigint)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_found record;
begin
  v_found := cogo.scan_tasks(
    p_filter, least(greatest(coalesce(p_limit, 50), 1), 1000), p_before, 0.25, p_after
  );
  return jsonb_build_object(
    'tasks', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.seq desc), '[]')
        from public.cogo_task_previews p where p.seq = any (v_found.seqs)
    ),
    'next', case when p_after is null then v_found.next
                 else coalesce(v_found.seqs[1], p_after + 1) end,
    'newer', case when p_after is not null then v_found.next
                  when p_before is not null then coalesce(v_found.seqs[1], p_before - 1) end
  );
end;
$function$;

drop function cogo.build_search(text,text);

drop function cogo.scan_tasks(jsonb,integer,bigint,double precision);

drop function public.cogo_find_tasks(jsonb,integer,bigint);

comment on function cogo.build_search(text,text,text) is
  'Return the query for the newest $3 tasks (p_order asc: the oldest) with $1 < seq <= $2 that meet a
condition and have words, or whose ids begin with them. Texts not in cogo.task_words are read.';

comment on function cogo.scan_tasks(jsonb,integer,bigint,double precision,bigint) is
  'Return the newest tasks before p_before that a filter finds, or the oldest after p_after, at most
p_limit, and before or after which to go on: null if there are no more. It goes on later if it takes
longer than p_seconds.';

comment on function public.cogo_find_tasks(jsonb,integer,bigint,bigint) is
  'Find tasks, the newest first, shortened as in cogo_task_previews. p_filter is an object of: status,
type, model, owner and project (a text or a list, of which any; none: without one), tag (of which all),
since and until (of created_at), min_cost and max_cost, q (words, as people type them into a search, or
the beginning of an id), dead (with a dead letter), asking (with an open question), children (also child
tasks) and, for operators, visible (only what somebody may see: owner, every_owner, projects,
only_project). `next` is p_before of the next page. With p_after they are the ones just newer, still the
newest first; `newer` is p_after of the page of newer tasks. Either is null if there is none. A page may
be short or empty and have a next one, because it takes a quarter of a second at most.';

revoke all on function cogo.build_search(text,text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.build_search(text,text,text) to service_role;

revoke all on function cogo.scan_tasks(jsonb,integer,bigint,double precision,bigint) from public, anon, authenticated, service_role;

grant execute on function cogo.scan_tasks(jsonb,integer,bigint,double precision,bigint) to service_role;

revoke all on function public.cogo_find_tasks(jsonb,integer,bigint,bigint) from public, anon, authenticated, service_role;

grant execute on function public.cogo_find_tasks(jsonb,integer,bigint,bigint) to authenticated;

grant execute on function public.cogo_find_tasks(jsonb,integer,bigint,bigint) to service_role;

insert into cogo.schema_versions (version) values ('20261130162830')
on conflict (version) do nothing;
