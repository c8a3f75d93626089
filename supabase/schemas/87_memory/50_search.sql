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

-- How well words and vectors fit are added, each as a share of the best that was found: reciprocal ranks
-- would count the poorer list as much as the better one. The likeness of texts that have nothing to do
-- with a query differs from model to model, so the least of the likeliest ones counts nothing.
--
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
  p_limit integer default 10,
  p_data_policy text[] default null
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
$$;
comment on function public.cogo_search_memory is
  'Search the memory of an owner by words and by meaning, best first. p_vector is the query embedded by
p_model_id, or p_candidates what an outer index found ({id, likeness}). score has 0.6 for what is most
like it, and 0.4 for what has its words best. p_sources: exact sources, prefix*, facts or documents.
p_data_policy: the rules of the task that reads; nothing is found that was remembered under other ones.
Users search their own.';
