-- Memory batches.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.copy_session(p_owner uuid, p_source uuid, p_through bigint, p_target bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_source public.cogo_sessions;
  v_target public.cogo_sessions;
  v_through bigint;
begin
  select e.* into v_source from public.cogo_sessions e
   where e.id = p_source and (e.owner = p_owner or e.owner is null and p_owner is null);
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no session %s, or it is not yours', p_source);
  end if;
  perform cogo.check_size('the session to copy', v_source.messages, 20000, 'messages');
  if p_through is not null and not exists (
    select from public.cogo_messages m
     where m.session_id = v_source.id
       and (m.owner = p_owner or m.owner is null and p_owner is null)
    having p_through between min(m.seq) and max(m.seq)
  ) then
    raise exception using errcode = 'TQ004',
      message = format('%s is no message of the session %s', p_through, p_source),
      hint = 'the numbers of its messages are those that reading it gives as seq';
  end if;
  -- A turn is copied whole.
  select max(m.seq) into v_through
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.role = 'assistant'
     and m.seq <= coalesce(
       (
         select min(n.seq) from public.cogo_messages n
          where n.session_id = v_source.id
            and (n.owner = p_owner or n.owner is null and p_owner is null)
            and n.role = 'assistant' and n.seq >= p_through
       ), 9223372036854775807
     );
  update public.cogo_sessions e
     set forked_from = v_source.id, title = v_source.title
   where e.seq = p_target returning e.* into v_target;
  insert into public.cogo_messages (
    owner, session_id, role, content, exchange, task_id, created_at
  )
  select m.owner, v_target.id, m.role, m.content, m.exchange, m.task_id, m.created_at
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.seq <= v_through
   order by m.seq;
  perform cogo.copy_summary(v_source, v_target, v_through);
end;
$function$;

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
    v_tasks := cogo.drop_embeddings(v_ids);
    perform from public.cogo_documents d
      where d.id in (
        select m.document_id from public.cogo_memories m where m.id = any (v_ids)
        union all
        select d from cogo.match_documents(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) d
      )
      order by d.id for update;
  end if;
  v_documents := array(
    select d from cogo.match_documents(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) d
  );
  if coalesce(p_dry_run, false) then
    select count(*) into forgotten
      from cogo.match_memories(v_owner, v_is_every, p_ids, p_kind, p_source, p_before);
    documents := cardinality(v_documents);
    is_more := false;
    return next;
    return;
  end if;
  select coalesce(array_agg(f.id order by f.content_sha256, f.id), '{}'),
         array_agg(distinct f.document_id)
    into v_ids, v_cut
    from (
      select m.*
        from cogo.match_memories(v_owner, v_is_every, p_ids, p_kind, p_source, p_before) m
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
  is_more := forgotten >= v_limit;
  return next;
end;
$function$;

drop function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean);

comment on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean,integer) is
  'Forget memories that match every given argument, with their vectors and words; p_ids may name
documents. Users forget their own; operators those of an owner (null: of nobody) or, with
p_every_owner, of all. Return how many memories and whole documents: p_limit at most, so call it again
while is_more. p_dry_run only counts all of them.';

revoke all on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean,integer) to authenticated;

grant execute on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean,integer) to service_role;

insert into cogo.schema_versions (version) values ('20261129191343')
on conflict (version) do nothing;
