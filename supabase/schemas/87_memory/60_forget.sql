create or replace function cogo.drop_embeddings(
  p_owner uuid, p_is_every boolean, p_ids uuid[], p_kind text, p_source text, p_before timestamptz
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_tasks uuid[];
begin
  v_tasks := array(
    select distinct q.task_id
      from cogo.embedding_queue q join public.cogo_memories m on m.id = q.memory_id
     where q.task_id is not null
       and (p_is_every or q.owner = cogo.owner_key(p_owner))
       and (p_ids is null or m.id = any (p_ids) or m.document_id = any (p_ids))
       and (p_kind is null or m.kind = p_kind)
       and (p_source is null or m.source = p_source)
       and (p_before is null or m.created_at < p_before)
  );
  perform cogo.drop_follow_ups(v_tasks, 'a text of it has been forgotten');
  -- The other texts of these tasks are asked for again.
  update cogo.embedding_queue q set task_id = null where q.task_id = any (v_tasks);
end;
$$;
comment on function cogo.drop_embeddings is
  'Give up the tasks that embed memories which are to be forgotten.';

-- Security definer: owners may not write the tables. Users forget only what is theirs; p_owner is
-- ignored.
create or replace function public.cogo_forget_memory(
  p_owner uuid default null,
  p_every_owner boolean default false,
  p_ids uuid[] default null,
  p_kind text default null,
  p_source text default null,
  p_before timestamptz default null,
  p_dry_run boolean default false
)
  returns table (forgotten integer, documents integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_is_every constant boolean := coalesce(p_every_owner, false) and cogo.is_operator();
  v_ids uuid[];
  v_documents uuid[];
begin
  if num_nonnulls(p_ids, p_kind, p_source, p_before) = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'name what to forget by p_ids, p_kind, p_source or p_before (infinity: all of it)';
  end if;
  if not coalesce(p_dry_run, false) then
    -- Tasks that hold the texts go first, in the order of locks.
    perform cogo.drop_embeddings(v_owner, v_is_every, p_ids, p_kind, p_source, p_before);
  end if;
  -- In a fixed order, so that it cannot deadlock with another.
  v_ids := array(
    select m.id
      from public.cogo_memories m
     where (v_is_every or cogo.owner_key(m.owner) = cogo.owner_key(v_owner))
       and (p_ids is null or m.id = any (p_ids) or m.document_id = any (p_ids))
       and (p_kind is null or m.kind = p_kind)
       and (p_source is null or m.source = p_source)
       and (p_before is null or m.created_at < p_before)
     order by m.content_sha256, m.id
       for update
  );
  -- Documents go as a whole: with a part of their chunks they would be wrong.
  v_documents := array(
    select d.id
      from public.cogo_documents d
     where (v_is_every or cogo.owner_key(d.owner) = cogo.owner_key(v_owner))
       and (p_ids is null or d.id = any (p_ids))
       and (p_kind is null or p_kind = 'chunk')
       and (p_source is null or d.source = p_source)
       and (p_before is null or d.updated_at < p_before)
  );
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_memories m where m.id = any (v_ids);
    -- An answer may have cited what is forgotten.
    delete from cogo.cached_answers c
     where cardinality(v_ids) > 0
       and (v_is_every or cogo.owner_key(c.owner) = cogo.owner_key(v_owner));
    delete from public.cogo_documents d where d.id = any (v_documents);
    -- Parts of a document that is not whole yet have no ids.
    delete from cogo.document_parts p
     where p_ids is null
       and (v_is_every or p.owner = cogo.owner_key(v_owner))
       and (p_kind is null or p_kind = 'chunk')
       and (p_source is null or p.source = p_source)
       and (p_before is null or p.created_at < p_before);
  end if;
  forgotten := cardinality(v_ids);
  documents := cardinality(v_documents);
  return next;
end;
$$;
comment on function public.cogo_forget_memory is
  'Forget memories that match every given argument, with their vectors and words; p_ids may name
documents. Users forget their own; operators those of an owner (null: of nobody) or, with
p_every_owner, of all. Return how many memories and whole documents; p_dry_run only counts them.';
