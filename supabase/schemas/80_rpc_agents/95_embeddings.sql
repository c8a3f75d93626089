create or replace function public.cogo_keep_embeddings(p_owner uuid, p_items jsonb)
  returns table (place integer, id uuid, is_new boolean)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if jsonb_typeof(p_items) is distinct from 'array' or exists (
    select from jsonb_array_elements(p_items) i
     where coalesce(i ->> 'model_id', '') = '' or i ->> 'content' is null
        or jsonb_typeof(i -> 'vector') is distinct from 'array'
        or jsonb_array_length(i -> 'vector') = 0
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_items must be an array of objects with model_id, content and vector';
  end if;
  perform cogo.check_size('model_id', length(i ->> 'model_id'), 255),
          cogo.check_size('content', octet_length(i ->> 'content'), 1048576, 'bytes'),
          cogo.check_size('source', length(i ->> 'source'), 4096)
     from jsonb_array_elements(p_items) i;
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'model_id' as model_id,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             coalesce((i.item ->> 'simulated')::boolean, false) as simulated,
             array(
               select n.number::real
                 from jsonb_array_elements_text(i.item -> 'vector')
                      with ordinality as n (number, place)
                order by n.place
             ) as vector
        from jsonb_array_elements(p_items) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_embeddings as e (
        owner, model_id, dimensions, simulated, content_sha256, content, source, vector
      )
      -- The same text twice is one row. In a fixed order, so that two writers cannot deadlock.
      select distinct on (i.model_id, cardinality(i.vector), i.simulated, i.sha256)
             p_owner, i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.content,
             i.source, i.vector
        from items i
       order by i.model_id, cardinality(i.vector), i.simulated, i.sha256, i.place
      on conflict on constraint cogo_embeddings_once do update
        set vector = excluded.vector, source = coalesce(excluded.source, e.source)
      returning e.id, e.model_id, e.dimensions, e.simulated, e.content_sha256, (e.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i
      join kept k
        on k.model_id = i.model_id and k.dimensions = cardinality(i.vector)
       and k.simulated = i.simulated and k.content_sha256 = i.sha256
     order by i.place;
end;
$$;
comment on function public.cogo_keep_embeddings is
  'Store vectors with their texts (model_id, content, vector, source, simulated) for an owner or, if
null, for nobody; return the id of each, by place. A text that is stored already gets the new
vector.';

-- Without pgvector, each vector is compared. With it, those that an index found, and those that are
-- not in it.
create or replace function cogo.find_near_embeddings(
  p_owner uuid, p_model_id text, p_vector real[], p_limit integer, p_simulated boolean
)
  returns uuid[] language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner constant uuid := cogo.owner_key(p_owner);
  v_table constant regclass := cogo.find_vector_table('embedding', cardinality(p_vector));
begin
  if v_table is null or cogo.find_vector_types() is null or array_position(p_vector, null) is not null
     or array_ndims(p_vector) <> 1
     or exists (select from unnest(p_vector) v where v in ('NaN', 'Infinity', '-Infinity'))
     or not exists (select from unnest(p_vector) v where v <> 0) then
    return null;
  end if;
  return array(
    select u.id from cogo.unindexed_embeddings u where u.owner = v_owner
    union all
    select s.id
      from cogo.search_vectors(
        v_table, v_owner, 'true', p_model_id, p_simulated, p_vector,
        cogo.count_vectors(v_table, v_owner), p_limit
      ) s
  );
end;
$$;
comment on function cogo.find_near_embeddings is
  'Return which stored texts may be the most similar ones to a vector; null: any.';

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
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_limit constant integer := greatest(0, least(coalesce(p_limit, 10), 1000));
  v_near constant uuid[] := cogo.find_near_embeddings(
    -- Some more, because halves rank a little differently.
    p_owner, p_model_id, p_vector, v_limit + 20, p_simulated
  );
begin
  return query
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
       and (v_near is null or e.id = any (v_near))
     order by l.likeness desc nulls last, e.created_at, e.id
     limit v_limit;
end;
$$;
comment on function public.cogo_nearest_embeddings is
  'Return the stored texts of an owner (null: of nobody) most similar to a vector of the same model and
dimensions; 1 is the same direction. Without pgvector every row is compared, which is slow beyond some
100,000.';
