-- Security definer: owners may not read the words of memories. Users search only in their own.
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
  v_filter constant text := cogo.build_memory_filter(p_kinds, p_sources);
begin
  return query
    with by_words as (
      select w.id, w.place from cogo.search_words(v_owner, v_filter, p_query, 4 * v_limit + 20) w
    ), fused as (
      select w.id, 1.0 / (60 + w.place) as score, null::double precision as likeness,
             array['words'] as found_by
        from by_words w
    )
    select m.id, m.kind, m.content, m.source, m.document_id, d.title, m.place, m.heading,
           m.created_at, f.score::double precision, f.likeness, f.found_by
      from fused f
      join public.cogo_memories m on m.id = f.id
      left join public.cogo_documents d on d.id = m.document_id
     order by f.score desc, m.id
     limit v_limit;
end;
$$;
comment on function public.cogo_search_memory is
  'Search the memory of an owner by words and by meaning, fused by reciprocal ranks, best first.
p_vector is the query embedded by p_model_id, or p_candidates what an outer index found ({id,
likeness}). p_sources: exact sources, prefix*, facts or documents. Users search their own.';
