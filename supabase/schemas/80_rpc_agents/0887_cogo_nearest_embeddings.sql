create or replace function public.cogo_nearest_embeddings(
  p_owner uuid,
  p_model_id text,
  p_vector real[],
  p_limit integer default 10,
  p_simulated boolean default false
)
  returns table (
    id uuid, content text, source text, likeness double precision, created_at timestamptz
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select e.id, e.content, e.source, l.likeness, e.created_at
    from public.cogo_embeddings e
   cross join lateral (
     select sum(n.a::float8 * n.b)
              / nullif(sqrt(sum(n.a::float8 * n.a)) * sqrt(sum(n.b::float8 * n.b)), 0) as likeness
       from unnest(e.vector, p_vector) as n (a, b)
   ) as l
   where e.owner is not distinct from p_owner
     and e.model_id = p_model_id
     and e.dimensions = cardinality(p_vector)
     and e.simulated = p_simulated
   order by l.likeness desc nulls last, e.created_at, e.id
   limit greatest(0, least(coalesce(p_limit, 10), 1000));
$$;
comment on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean) is
  'The kept texts of an owner (null: of nobody) that are most like a vector of the same model and
dimensions: 1 is the same direction. Compares with every row: beyond some 100,000, index with pgvector.';

revoke all on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_nearest_embeddings(uuid, text, real[], integer, boolean)
  to service_role;
