create or replace function public.cogo_keep_embeddings(p_owner uuid, p_items jsonb)
  returns table (place integer, id uuid, is_new boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  if jsonb_typeof(p_items) is distinct from 'array' or exists (
    select from jsonb_array_elements(p_items) i
     where coalesce(i ->> 'model_id', '') = '' or i ->> 'content' is null
        or jsonb_typeof(i -> 'vector') is distinct from 'array'
        or jsonb_array_length(i -> 'vector') = 0
  ) then
    raise exception using
      errcode = 'TQ004',
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
      -- The same text twice is one row; in one order, so that two writers never wait in a circle.
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
comment on function public.cogo_keep_embeddings(uuid, jsonb) is
  'Keeps vectors with their texts (model_id, content, vector, source, simulated), for an owner or for
nobody; answers with the id of each, by place. A text that is there already gets the new vector.';

revoke all on function public.cogo_keep_embeddings(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_keep_embeddings(uuid, jsonb) to service_role;
