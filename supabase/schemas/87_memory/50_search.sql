create or replace function cogo.search_meanings(
  p_owner uuid, p_filter text, p_model_id text, p_simulated boolean, p_vector real[],
  p_expected double precision, p_limit integer
)
  returns table (id uuid, likeness double precision)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_table regclass;
begin
  if p_vector is null or p_model_id is null then
    return;
  end if;
  if array_ndims(p_vector) is distinct from 1 or exists (
    select from unnest(p_vector) v
     where v is null or v in ('NaN', 'Infinity', '-Infinity')
  ) then
    raise exception using errcode = 'TQ004', message = 'p_vector must be a list of finite numbers';
  end if;
  v_table := cogo.find_vector_table('memory', cardinality(p_vector));
  if v_table is not null and cogo.find_vector_types() is not null
     and exists (select from unnest(p_vector) v where v <> 0) then
    return query
      select s.id, s.likeness
        from cogo.search_vectors(
          v_table, p_owner, p_filter, p_model_id, coalesce(p_simulated, false), p_vector,
          p_expected, p_limit
        ) s;
  end if;
end;
$$;
comment on function cogo.search_meanings is
  'Return the memories of an owner that are most like a vector; none where there is no pgvector.';

-- Security definer: owners may not read the words and vectors of memories. Users search only in their
-- own.
create or replace function public.cogo_search_memory(
  p_owner uuid,
  p_query text,
  p_vector real[] default null,
  p_model_id text default null,
  p_simulated boolean default false,
  p_kinds text[] default null,
  p_sources text[] default null,
  p_candidates jsonb default null,
  p_limit integer default 10
)
  returns table (
    id uuid, kind text, content text, source text, document_id uuid, title text, place integer,
    heading text, created_at timestamptz, score double precision, likeness double precision,
    found_by text[]
  )
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.owner_key(cogo.resolve_owner(p_owner));
  v_limit constant integer := least(greatest(coalesce(p_limit, 10), 0), 100);
  -- Of each kind of search, so that what is found by both is seen in both.
  v_depth constant integer := 2 * v_limit + 40;
  v_filter constant text := cogo.build_memory_filter(p_kinds, p_sources);
  v_words constant text[] := cogo.list_words(p_query);
  v_sample record;
begin
  select s.* into v_sample from cogo.sample_words(v_owner, v_filter, v_words) s;
  return query
    with by_words as materialized (
      select w.id, w.place
        from cogo.search_words(
          v_owner, v_filter, v_words, v_sample.total, v_sample.share, v_sample.frequencies, v_depth
        ) w
    ), near as materialized (
      select c.id, c.likeness from cogo.filter_candidates(v_owner, v_filter, p_candidates) c
       where p_candidates is not null
      union all
      select s.id, s.likeness
        from cogo.search_meanings(
          v_owner, v_filter, p_model_id, p_simulated, p_vector,
          v_sample.total * greatest(v_sample.share, 0.002), v_depth
        ) s
       where p_candidates is null
    ), by_vectors as (
      select n.*, row_number() over (order by n.likeness desc nulls last, n.id) as place from near n
    ), fused as (
      select coalesce(w.id, v.id) as id, v.likeness,
             coalesce(1.0 / (60 + w.place), 0) + coalesce(1.0 / (60 + v.place), 0) as score,
             array_remove(
               array[
                 case when w.id is not null then 'words' end,
                 case when v.id is not null then 'vectors' end
               ], null
             ) as found_by
        from by_words w full join by_vectors v on v.id = w.id
       order by 3 desc, v.likeness desc nulls last, 1
       limit v_limit
    )
    select m.id, m.kind, m.content, m.source, m.document_id, d.title, m.place, m.heading,
           m.created_at, f.score::double precision, f.likeness, f.found_by
      from fused f
      join public.cogo_memories m on m.id = f.id
      left join public.cogo_documents d on d.id = m.document_id
     order by f.score desc, f.likeness desc nulls last, m.id;
end;
$$;
comment on function public.cogo_search_memory is
  'Search the memory of an owner by words and by meaning, fused by reciprocal ranks, best first.
p_vector is the query embedded by p_model_id, or p_candidates what an outer index found ({id,
likeness}). p_sources: exact sources, prefix*, facts or documents. Users search their own.';
