-- Security definer: what waits for a vector is in a table that users may not read.
create or replace function public.cogo_memory_status(
  p_owner uuid default null, p_every_owner boolean default false
)
  returns table (
    facts bigint, documents bigint, chunks bigint, embedded bigint, waiting bigint, failed bigint,
    models text[], last_error text, can_embed boolean,
    index_waiting bigint, index_refused bigint, index_error text
  )
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_all constant boolean := coalesce(p_every_owner, false) and cogo.is_operator();
begin
  select count(*) filter (where m.kind = 'fact'), count(*) filter (where m.kind = 'chunk'),
         count(*) filter (where m.embedded_at is not null),
         count(*) filter (where m.error is not null),
         array_agg(distinct m.model_id) filter (where m.model_id is not null),
         (array_agg(m.error order by m.seq desc) filter (where m.error is not null))[1]
    into facts, chunks, embedded, failed, models, last_error
    from public.cogo_memories m
   where v_all or m.owner is not distinct from v_owner;
  select count(*) into documents from public.cogo_documents d
   where v_all or d.owner is not distinct from v_owner;
  select count(*) into waiting
    from cogo.embedding_queue q join public.cogo_memories m on m.id = q.memory_id
   where m.error is null and (v_all or q.owner = cogo.owner_key(v_owner));
  models := coalesce(models, '{}');
  can_embed := cogo.find_vector_types() is not null
    or exists (select from cogo.vector_indexes);
  select count(*), count(*) filter (where c.tries > 0),
         (array_agg(c.error order by c.tries desc) filter (where c.tries > 0))[1]
    into index_waiting, index_refused, index_error
    from cogo.vector_changes c
   where v_all or c.owner is not distinct from v_owner;
  return next;
end;
$$;
comment on function public.cogo_memory_status is
  'Count what an owner (operators: p_every_owner: all) has in memory, and what waits for a vector.
can_embed: whether vectors are kept at all, here or in another index. index_waiting: changes that outer
indexes have not made yet; index_refused: those that they refuse, and are asked for again.';
