create or replace function cogo.read_task_words(p_prompt text, p_result jsonb, p_error jsonb)
  returns tsvector language sql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.read_task_words is
  'Return the words by which a task is found: of the beginnings of its prompt and its result, and of its
error.';

create or replace function cogo.parse_search(p_query text)
  returns tsquery language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.parse_search is
  'Return what people type into a search ("quoted phrase", or, -without) as a query of words.';

-- The words of a task are added when no task can appear any more that ended before it, so that one time
-- tells which tasks a search has to read itself:
--   1. Note a time of a minute ago, and the transactions that run.
--   2. When they have ended, all tasks that ended before that time are visible. Who takes the time of an
--      end and begins to write a minute later would be missed; nobody does.
-- Locked tasks are those that are being deleted. They are not waited for.
create or replace function cogo.index_tasks(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
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
      insert into cogo.task_words as w (task_id, seq, words, models)
      select l.id, l.seq, cogo.read_task_words(l.prompt, l.result, l.error), array(
               select distinct a.model_id
                 from public.cogo_attempts a where a.task_id = l.id and a.model_id is not null
             )
        from locked l
      on conflict (task_id) do update set words = excluded.words, models = excluded.models
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
$$;
comment on function cogo.index_tasks is
  'Add the words and models of ended tasks, at most p_limit, oldest ends first; return how many were
tried.';
