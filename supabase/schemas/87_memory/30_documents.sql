create or replace function cogo.add_chunks(
  p_document public.cogo_documents, p_chunks jsonb, p_first integer
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept uuid[];
  v_places integer[];
begin
  -- In the order of all who write memories.
  perform from public.cogo_memories m
    where m.document_id = p_document.id order by m.content_sha256, m.id for update;
  -- A chunk that only moved keeps its vector, which has been paid.
  with given as (
    select i.ordinality::integer as nth, i.item ->> 'heading' as heading,
           encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256
      from jsonb_array_elements(p_chunks) with ordinality as i (item, ordinality)
  ), numbered as (
    select g.*, row_number() over (partition by g.sha256, g.heading order by g.nth) as copy
      from given g
  ), present as (
    select m.id, m.content_sha256 as sha256, m.heading,
           row_number() over (partition by m.content_sha256, m.heading order by m.place) as copy
      from public.cogo_memories m where m.document_id = p_document.id and m.place >= p_first
  )
  select array_agg(h.id order by n.nth), array_agg(n.nth order by n.nth) into v_kept, v_places
    from numbered n
    join present h
      on h.sha256 = n.sha256 and h.heading is not distinct from n.heading and h.copy = n.copy;
  delete from public.cogo_memories m
   where m.document_id = p_document.id and m.place >= p_first
     and not exists (select from unnest(v_kept) as k (id) where k.id = m.id);
  -- Aside first: no two chunks may have one place.
  update public.cogo_memories m set place = -1 - m.place where m.id = any (v_kept);
  update public.cogo_memories m
     set place = p_first + k.nth - 1,
         char_start = cogo.to_integer(p_chunks -> (k.nth - 1) ->> 'start'),
         char_end = cogo.to_integer(p_chunks -> (k.nth - 1) ->> 'end')
    from unnest(v_kept, v_places) as k (id, nth)
   where m.id = k.id;
  insert into public.cogo_memories (
    owner, kind, content, source, document_id, place, heading, char_start, char_end, content_sha256
  )
  select p_document.owner, 'chunk', i.item ->> 'content', p_document.source, p_document.id,
         p_first + i.ordinality - 1, i.item ->> 'heading', cogo.to_integer(i.item ->> 'start'),
         cogo.to_integer(i.item ->> 'end'),
         encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex')
    from jsonb_array_elements(p_chunks) with ordinality as i (item, ordinality)
   where not exists (select from unnest(v_places) as k (nth) where k.nth = i.ordinality)
   order by i.ordinality;
  update public.cogo_documents d
     set chunks = c.chunks, characters = c.characters
    from (
      select count(*) as chunks,
             coalesce(max(m.char_end), sum(length(m.content)), 0) as characters
        from public.cogo_memories m where m.document_id = p_document.id
    ) as c
   where d.id = p_document.id;
end;
$$;
comment on function cogo.add_chunks is
  'Put chunks into a document from a place on, instead of those that it has there.';

create or replace function cogo.collect_parts(
  p_owner uuid, p_source text, p_sha256 text, p_chunks jsonb, p_first integer, p_total integer
)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
  v_chunks jsonb;
begin
  delete from cogo.document_parts p
   where p.owner = cogo.owner_key(p_owner) and p.source = p_source
     and (
       p.sha256 <> p_sha256 or p.total <> p_total or p_first = 0 or p.first = p_first
       -- A part may come again, and be cut otherwise.
       or p.first < p_first + jsonb_array_length(p_chunks)
          and p.first + jsonb_array_length(p.chunks) > p_first
     );
  insert into cogo.document_parts (owner, source, sha256, total, first, chunks)
  values (cogo.owner_key(p_owner), p_source, p_sha256, p_total, p_first, p_chunks);
  select sum(jsonb_array_length(p.chunks)) into v_count
    from cogo.document_parts p
   where p.owner = cogo.owner_key(p_owner) and p.source = p_source;
  if v_count < p_total then
    return null;
  end if;
  with parts as (
    delete from cogo.document_parts p
     where p.owner = cogo.owner_key(p_owner) and p.source = p_source
    returning p.first, p.chunks
  )
  select jsonb_agg(c.chunk order by p.first, c.place) into v_chunks
    from parts p cross join jsonb_array_elements(p.chunks) with ordinality as c (chunk, place);
  return v_chunks;
end;
$$;
comment on function cogo.collect_parts is
  'Keep a part of a document; return all its chunks once they are there, else null.';

-- Security definer: owners may not write the tables. Users add only documents of their own.
create or replace function public.cogo_add_document(
  p_owner uuid,
  p_source text,
  p_title text,
  p_sha256 text,
  p_chunks jsonb,
  p_metadata jsonb default '{}',
  p_first integer default 0,
  p_total integer default null
)
  returns table (id uuid, is_new boolean, is_unchanged boolean, chunks integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_first integer := coalesce(p_first, 0);
  v_chunks jsonb := p_chunks;
  v_document public.cogo_documents;
  v_tasks uuid[];
  v_problem text := case
    when coalesce(btrim(p_source), '') = '' then 'p_source must name the document'
    when coalesce(p_sha256, '') !~ '^[0-9a-f]{64}$' then 'p_sha256 must be 64 hexadecimal digits'
    when jsonb_typeof(p_metadata) is distinct from 'object' then 'p_metadata must be an object'
    when p_first < 0 or p_total < 0 then 'p_first and p_total must be 0 or more'
  end;
begin
  if v_problem is not null then
    raise exception using errcode = 'TQ004', message = v_problem;
  end if;
  perform cogo.check_memory('p_chunks', p_chunks, 5000),
          cogo.check_size('p_source', length(p_source), 1024),
          cogo.check_size('p_title', length(p_title), 4096),
          cogo.check_size('p_metadata', octet_length(p_metadata::text), 65536, 'bytes'),
          cogo.check_size(
            'the document', greatest(p_total, v_first::bigint + jsonb_array_length(p_chunks)), 50000,
            'chunks'
          );
  -- One writer of a document at a time. Not by its row, which may not be there yet.
  perform pg_advisory_xact_lock(
    hashtextextended('cogo document:' || cogo.owner_key(v_owner) || ':' || p_source, 0)
  );
  select d.* into v_document from public.cogo_documents d
   where d.source = p_source and (d.owner = v_owner or v_owner is null and d.owner is null);
  is_new := not found;
  if v_first = 0 and v_document.sha256 = p_sha256
     and (p_total is null or p_total = v_document.chunks) then
    update public.cogo_documents d
       set title = p_title, metadata = p_metadata
     where d.id = v_document.id and (d.title, d.metadata) is distinct from (p_title, p_metadata);
    perform cogo.retry_embeddings(v_document.id);
    return query select v_document.id, false, true, v_document.chunks;
    return;
  end if;
  if p_total is not null then
    v_chunks := cogo.collect_parts(v_owner, p_source, p_sha256, p_chunks, v_first, p_total);
    v_first := 0;
    if v_chunks is null and p_total > 0 then
      return query
        select v_document.id, is_new, false, coalesce(v_document.chunks, 0);
      return;
    end if;
  elsif v_first > 0 and (
    v_document.sha256 is distinct from p_sha256 or v_document.chunks < v_first
  ) then
    raise exception using errcode = 'TQ003',
      message = format(
        'chunk %s of %s does not follow what is there: add the document anew, from p_first 0',
        v_first, left(p_source, 200)
      );
  end if;
  -- A text that goes leaves no task that would embed it. Tasks are locked before documents.
  v_tasks := cogo.drop_embeddings(
    array(
      select m.id from public.cogo_memories m
       where m.document_id = v_document.id and m.place >= v_first
         and not exists (
           select from jsonb_array_elements(coalesce(v_chunks, '[]')) i
            where encode(sha256(convert_to(i ->> 'content', 'UTF8')), 'hex') = m.content_sha256
         )
    )
  );
  insert into public.cogo_documents as d (owner, source, title, sha256, metadata)
  values (v_owner, p_source, p_title, p_sha256, p_metadata)
  on conflict on constraint cogo_documents_source do update
    set title = excluded.title, sha256 = excluded.sha256, metadata = excluded.metadata,
        updated_at = cogo.now()
  returning d.* into v_document;
  perform cogo.add_chunks(v_document, coalesce(v_chunks, '[]'), v_first);
  perform cogo.release_embeddings(v_tasks);
  return query
    select d.id, is_new, false, d.chunks from public.cogo_documents d where d.id = v_document.id;
end;
$$;
comment on function public.cogo_add_document is
  'Add a document of an owner by its chunks (content, heading, start, end), or replace the one of this
source; later parts begin at p_first. With p_total, the number of all chunks, parts are put together
first, and the document is replaced when the last one is there.';
