-- Memory forget locks.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_forget_memory(p_owner uuid DEFAULT NULL::uuid, p_every_owner boolean DEFAULT false, p_ids uuid[] DEFAULT NULL::uuid[], p_kind text DEFAULT NULL::text, p_source text DEFAULT NULL::text, p_before timestamp with time zone DEFAULT NULL::timestamp with time zone, p_dry_run boolean DEFAULT false, p_limit integer DEFAULT 2000)
 RETURNS TABLE(forgotten integer, documents integer, is_more boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_is_every constant boolean := coalesce(p_every_owner, false) and cogo.is_operator();
  v_ids uuid[];
  v_documents uuid[];
  v_locked uuid[];
  v_is_full boolean;
  v_cut uuid[];
  v_tasks uuid[];
  -- So many fit well into the time that a statement may take.
  v_limit constant integer := case
    when not coalesce(p_dry_run, false) then least(greatest(coalesce(p_limit, 2000), 1), 100000)
  end;
begin
  if num_nonnulls(p_ids, p_kind, p_source, p_before) = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'name what to forget by p_ids, p_kind, p_source or p_before (infinity: all of it)';
  end if;
  if not coalesce(p_dry_run, false) then
    -- In the order of all who write memories: parts, tasks, documents, memories, each in a fixed order.
    -- Parts of a document that is not whole yet have no ids.
    delete from cogo.document_parts p
     where p_ids is null
       and (v_is_every or p.owner = cogo.owner_key(v_owner))
       and (p_kind is null or p_kind = 'chunk')
       and (
         p_source is null or p.source = p_source
         or p_source like '%*' and starts_with(p.source, left(p_source, -1))
       )
       and (p_before is null or p.created_at < p_before);
    -- The first of them are forgotten now.
    v_ids := array(
      select m.id
        from cogo.match_memories(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) m
       order by m.content_sha256, m.id
       limit v_limit
    );
    v_is_full := cardinality(v_ids) >= v_limit;
    v_tasks := cogo.drop_embeddings(v_ids);
    v_locked := array(
      select d.id from public.cogo_documents d
       where d.id in (
         select m.document_id from public.cogo_memories m where m.id = any (v_ids)
         union all
         select d from cogo.match_documents(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) d
       )
       order by d.id for update
    );
  end if;
  v_documents := array(
    select d from cogo.match_documents(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) d
     where v_locked is null or d = any (v_locked)
  );
  if coalesce(p_dry_run, false) then
    select count(*) into forgotten
      from cogo.match_memories(v_owner, v_is_every, p_ids, p_kind, p_source, p_before);
    documents := cardinality(v_documents);
    is_more := false;
    return next;
    return;
  end if;
  -- What came while this waited for a lock stays: its document is locked by nobody, and memories are
  -- locked after documents.
  select coalesce(array_agg(f.id order by f.content_sha256, f.id), '{}'),
         array_agg(distinct f.document_id)
    into v_ids, v_cut
    from (
      select m.*
        from cogo.match_memories(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) m
       where m.document_id is null or m.document_id = any (v_locked)
       order by m.content_sha256, m.id
       limit v_limit
    ) as f;
  perform from public.cogo_memories m
    where m.id = any (v_ids) order by m.content_sha256, m.id for update;
  delete from public.cogo_memories m where m.id = any (v_ids);
  perform cogo.release_embeddings(v_tasks);
  -- A document goes with its last chunk.
  delete from public.cogo_documents d
   where d.id = any (v_documents)
     and not exists (select from public.cogo_memories m where m.document_id = d.id);
  get diagnostics documents = row_count;
  -- One that has lost some of its chunks is read anew when it is added again.
  update public.cogo_documents d
     set sha256 = '',
         chunks = (select count(*) from public.cogo_memories m where m.document_id = d.id)
   where d.id = any (v_cut);
  -- An answer may have cited what is forgotten.
  delete from cogo.cached_answers c
   where cardinality(v_ids) > 0
     and (v_is_every or c.owner is not distinct from v_owner);
  forgotten := cardinality(v_ids);
  is_more := v_is_full or forgotten >= v_limit;
  return next;
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130002014')
on conflict (version) do nothing;
