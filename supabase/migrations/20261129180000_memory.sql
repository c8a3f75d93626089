-- Memory.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create table cogo.document_parts (
  owner uuid not null,
  source text not null,
  sha256 text not null,
  total integer not null,
  first integer not null,
  chunks jsonb not null,
  created_at timestamp with time zone default cogo.now() not null
);

alter table cogo.document_parts enable row level security;

create table cogo.follow_ups (
  task_id uuid not null,
  purpose text not null,
  owner uuid,
  refs jsonb default '{}'::jsonb not null,
  created_at timestamp with time zone default cogo.now() not null,
  due_at timestamp with time zone default cogo.now() not null,
  tries integer default 0 not null,
  error text
);

alter table cogo.follow_ups enable row level security;

create table cogo.memory_words (
  memory_id uuid not null,
  owner uuid not null,
  kind text not null,
  source text,
  words tsvector not null
);

alter table cogo.memory_words enable row level security;

create table cogo.vector_indexes (
  name text not null,
  confirmed bigint default 0 not null,
  created_at timestamp with time zone default cogo.now() not null
);

alter table cogo.vector_indexes enable row level security;

create table public.cogo_documents (
  id uuid default gen_random_uuid() not null,
  owner uuid,
  source text not null,
  title text,
  sha256 text not null,
  characters integer default 0 not null,
  chunks integer default 0 not null,
  metadata jsonb default '{}'::jsonb not null,
  created_at timestamp with time zone default cogo.now() not null,
  updated_at timestamp with time zone default cogo.now() not null
);

alter table public.cogo_documents enable row level security;

create table public.cogo_memories (
  id uuid default gen_random_uuid() not null,
  seq bigint generated always as identity not null,
  owner uuid,
  kind text not null,
  content text not null,
  source text,
  document_id uuid,
  place integer,
  heading text,
  char_start integer,
  char_end integer,
  task_id uuid,
  session_id uuid,
  happened_at timestamp with time zone,
  created_at timestamp with time zone default cogo.now() not null,
  content_sha256 text not null,
  model_id text,
  dimensions integer,
  simulated boolean default false not null,
  embedded_at timestamp with time zone,
  error text
);

alter table public.cogo_memories enable row level security;

alter table cogo.document_parts add constraint document_parts_pkey PRIMARY KEY (owner, source, first);

alter table cogo.follow_ups add constraint follow_ups_pkey PRIMARY KEY (task_id);

alter table cogo.follow_ups add constraint follow_ups_purpose_check CHECK ((purpose = ANY (ARRAY['embed'::text, 'summary'::text, 'extract'::text])));

alter table cogo.memory_words add constraint memory_words_pkey PRIMARY KEY (memory_id);

alter table cogo.vector_indexes add constraint vector_indexes_pkey PRIMARY KEY (name);

alter table public.cogo_documents add constraint cogo_documents_pkey PRIMARY KEY (id);

alter table public.cogo_documents add constraint cogo_documents_source UNIQUE NULLS NOT DISTINCT (owner, source);

alter table public.cogo_memories add constraint cogo_memories_kind CHECK (
CASE kind
    WHEN 'chunk'::text THEN ((document_id IS NOT NULL) AND (place IS NOT NULL))
    ELSE (document_id IS NULL)
END);

alter table public.cogo_memories add constraint cogo_memories_kind_check CHECK ((kind = ANY (ARRAY['fact'::text, 'chunk'::text])));

alter table public.cogo_memories add constraint cogo_memories_pkey PRIMARY KEY (id);

alter table public.cogo_memories add constraint cogo_memories_seq_key UNIQUE (seq);

alter table cogo.follow_ups add constraint follow_ups_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.cogo_tasks(id) ON DELETE CASCADE;

alter table cogo.memory_words add constraint memory_words_memory_id_fkey FOREIGN KEY (memory_id) REFERENCES public.cogo_memories(id) ON DELETE CASCADE;

alter table public.cogo_memories add constraint cogo_memories_document_id_fkey FOREIGN KEY (document_id) REFERENCES public.cogo_documents(id) ON DELETE CASCADE;

create index follow_ups_due ON cogo.follow_ups USING btree (due_at);

create index memory_words_owner ON cogo.memory_words USING btree (owner, memory_id);

create index memory_words_source ON cogo.memory_words USING btree (owner, source);

create index memory_words_words ON cogo.memory_words USING gin (words) WITH (fastupdate=off);

create unique index cogo_memories_chunks ON public.cogo_memories USING btree (document_id, place) WHERE (document_id IS NOT NULL);

create unique index cogo_memories_facts ON public.cogo_memories USING btree (owner, content_sha256) NULLS NOT DISTINCT WHERE (kind = 'fact'::text);

create index cogo_memories_owner ON public.cogo_memories USING btree (owner, seq);

create or replace function cogo.add_chunks(p_document public.cogo_documents, p_chunks jsonb, p_first integer)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from public.cogo_memories m
   where m.document_id = p_document.id and m.place >= p_first;
  insert into public.cogo_memories (
    owner, kind, content, source, document_id, place, heading, char_start, char_end, content_sha256
  )
  select p_document.owner, 'chunk', i.item ->> 'content', p_document.source, p_document.id,
         p_first + i.ordinality - 1, i.item ->> 'heading', cogo.to_integer(i.item ->> 'start'),
         cogo.to_integer(i.item ->> 'end'),
         encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex')
    from jsonb_array_elements(p_chunks) with ordinality as i (item, ordinality)
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
$function$;

create or replace function cogo.build_memory_filter(p_kinds text[], p_sources text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select concat_ws(
    ' and ', 'true',
    case when p_kinds is not null then format('w.kind = any (%L::text[])', p_kinds) end,
    case when p_sources is not null then
      '(' || coalesce(
        (
          select string_agg(
                   case
                     when s.source = 'facts' then 'w.kind = ''fact'''
                     when s.source = 'documents' then 'w.kind = ''chunk'''
                     when s.source like '%*' then format(
                       'w.source like %L',
                       regexp_replace(left(s.source, -1), '([\\%_])', '\\\1', 'g') || '%'
                     )
                     else format('w.source = %L', s.source)
                   end, ' or '
                 )
            from unnest(p_sources) as s (source) where s.source is not null
        ), 'false'
      ) || ')'
    end
  );
$function$;

create or replace function cogo.check_memory(p_field text, p_items jsonb, p_limit integer)
 RETURNS void
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004',
      message = p_field || ' must be an array of objects with content';
  end if;
  perform cogo.check_size(p_field, jsonb_array_length(p_items), p_limit, 'items');
  if exists (
    select from jsonb_array_elements(p_items) i
     where jsonb_typeof(i) <> 'object' or jsonb_typeof(i -> 'content') is distinct from 'string'
        or btrim(i ->> 'content', E' \t\r\n') = ''
  ) then
    raise exception using errcode = 'TQ004',
      message = p_field || ' must be an array of objects with content, a text that is not empty';
  end if;
  perform cogo.check_size('content', octet_length(i ->> 'content'), 65536, 'bytes'),
          cogo.check_size('source', length(i ->> 'source'), 4096),
          cogo.check_size('heading', length(i ->> 'heading'), 4096)
     from jsonb_array_elements(p_items) i;
end;
$function$;

create or replace function cogo.collect_parts(p_owner uuid, p_source text, p_sha256 text, p_chunks jsonb, p_first integer, p_total integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
  v_chunks jsonb;
begin
  delete from cogo.document_parts p
   where p.owner = cogo.owner_key(p_owner) and p.source = p_source
     and (
       p.sha256 <> p_sha256 or p.total <> p_total or p_first = 0
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
$function$;

create or replace function cogo.follow_memory_source()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update cogo.memory_words w set source = new.source where w.memory_id = new.id;
  return null;
end;
$function$;

create or replace function cogo.index_memories()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into cogo.memory_words (memory_id, owner, kind, source, words)
  select n.id, cogo.owner_key(n.owner), n.kind, n.source,
         cogo.split_words(concat_ws(chr(10), n.heading, n.content))
    from new_rows n
   order by n.seq;
  return null;
end;
$function$;

create or replace function cogo.owner_key(p_owner uuid)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
RETURN COALESCE(p_owner, '00000000-0000-0000-0000-000000000000'::uuid);

create or replace function cogo.quote_word(p_word text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN ((''''::text || replace(replace(p_word, '\'::text, '\\'::text), ''''::text, ''''''::text)) || ''''::text);

create or replace function cogo.read_time(p_text text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if p_text is null then
    return null;
  end if;
  if cogo.validate_time(p_text::timestamptz) is not null then
    raise exception using errcode = 'TQ009',
      message = 'happened_at ' || cogo.validate_time(p_text::timestamptz);
  end if;
  return p_text::timestamptz;
exception
  when invalid_datetime_format or datetime_field_overflow or invalid_parameter_value then
    raise exception using errcode = 'TQ004',
      message = format('happened_at must be a time, not %s', left(p_text, 100));
end;
$function$;

create or replace function cogo.resolve_owner(p_owner uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_user uuid;
begin
  if cogo.is_operator() then
    return p_owner;
  end if;
  v_user := auth.uid();
  if v_user is null then
    raise exception using
      errcode = 'insufficient_privilege', message = 'the access token names no user';
  end if;
  return v_user;
end;
$function$;

create or replace function cogo.sample_words(p_owner uuid, p_filter text, p_words text[])
 RETURNS TABLE(total double precision, share double precision, frequencies double precision[])
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_sampled integer;
  v_passed integer;
  v_last uuid;
  v_counts integer[];
begin
  execute format(
    'with sample as (
       select w.memory_id, w.words, (%s) is true as passes
         from cogo.memory_words w where w.owner = $1 order by w.owner, w.memory_id limit 500
     )
     select count(*), count(*) filter (where passes), max(memory_id::text)::uuid, array[%s]::integer[]
       from sample',
    p_filter,
    (
      select string_agg(
               format('count(*) filter (where words @@ %L::tsquery)', cogo.quote_word(u.word)), ', '
               order by u.place
             )
        from unnest(p_words) with ordinality as u (word, place)
    )
  ) using p_owner into v_sampled, v_passed, v_last, v_counts;
  total := v_sampled;
  if v_sampled = 500 then
    total := v_sampled * 4294967296.0
      / greatest(1, ('x' || left(v_last::text, 8))::bit(32)::bigint);
  end if;
  share := v_passed / greatest(1, v_sampled)::float8;
  frequencies := array(
    select c.count / greatest(1, v_sampled)::float8
      from unnest(v_counts) with ordinality as c (count, place) order by c.place
  );
  return next;
end;
$function$;

create or replace function cogo.search_words(p_owner uuid, p_filter text, p_query text, p_limit integer)
 RETURNS TABLE(id uuid, place bigint)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_words text[] := array(
    select u.lexeme from unnest(cogo.split_words(left(p_query, 8000))) u
     order by length(u.lexeme) desc, u.lexeme limit 32
  );
  v_sample record;
  v_any text;
  v_all text;
  v_rank text;
begin
  if v_words = '{}' then
    return;
  end if;
  select s.* into v_sample from cogo.sample_words(p_owner, p_filter, v_words) s;
  with words as (
    select cogo.quote_word(f.word) as query, f.frequency,
           ln(
             1 + v_sample.total * (1 - f.frequency + 0.001) / (v_sample.total * f.frequency + 1)
           ) as weight
      from unnest(v_words, v_sample.frequencies) as f (word, frequency)
     order by f.frequency, f.word limit 12
  ), summed as (
    select w.*, sum(w.frequency) over (order by w.frequency, w.query) as found,
           row_number() over (order by w.frequency, w.query) as nth
      from words w
  )
  select string_agg(s.query, ' | ') filter (
           where s.nth = 1
              or s.found * v_sample.total * greatest(v_sample.share, 0.002) <= 1000
         ),
         string_agg(s.query, ' & '),
         string_agg(
           format('%s * ts_rank(''{1,1,1,1}'', w.words, %L::tsquery)', s.weight, s.query), ' + '
         )
    into v_any, v_all, v_rank
    from summed s;
  return query execute format(
    'select r.memory_id, row_number() over (order by r.score desc, r.memory_id)
       from (
         select w.memory_id, (%s) / (1 + 0.002 * length(w.words)) as score
           from (
             (select * from cogo.memory_words w
               where w.owner = $1 and (%s) and w.words @@ %L::tsquery limit 200)
             union all
             (select * from cogo.memory_words w
               where w.owner = $1 and (%s) and w.words @@ %L::tsquery
                 and not w.words @@ %L::tsquery limit 2000)
           ) as w
       ) as r
      order by 2 limit $2',
    v_rank, p_filter, v_all, p_filter, v_any, v_all
  ) using p_owner, p_limit;
end;
$function$;

create or replace function cogo.split_words(p_text text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select to_tsvector(
    'pg_catalog.english',
    regexp_replace(p_text, '([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])', ' \1 ', 'g')
  );
$function$;

create or replace function public.cogo_add_document(p_owner uuid, p_source text, p_title text, p_sha256 text, p_chunks jsonb, p_metadata jsonb DEFAULT '{}'::jsonb, p_first integer DEFAULT 0, p_total integer DEFAULT NULL::integer)
 RETURNS TABLE(id uuid, is_new boolean, is_unchanged boolean, chunks integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_first integer := coalesce(p_first, 0);
  v_chunks jsonb := p_chunks;
  v_document public.cogo_documents;
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
  select d.* into v_document
    from public.cogo_documents d
   where d.source = p_source and cogo.owner_key(d.owner) = cogo.owner_key(v_owner);
  is_new := not found;
  if v_first = 0 and v_document.sha256 = p_sha256
     and (p_total is null or p_total = v_document.chunks) then
    update public.cogo_documents d
       set title = p_title, metadata = p_metadata
     where d.id = v_document.id and (d.title, d.metadata) is distinct from (p_title, p_metadata);
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
  insert into public.cogo_documents as d (owner, source, title, sha256, metadata)
  values (v_owner, p_source, p_title, p_sha256, p_metadata)
  on conflict on constraint cogo_documents_source do update
    set title = excluded.title, sha256 = excluded.sha256, metadata = excluded.metadata,
        updated_at = cogo.now()
  returning d.* into v_document;
  perform cogo.add_chunks(v_document, coalesce(v_chunks, '[]'), v_first);
  return query
    select d.id, is_new, false, d.chunks from public.cogo_documents d where d.id = v_document.id;
end;
$function$;

create or replace function public.cogo_confirm_vector_changes(p_index text, p_through bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update cogo.vector_indexes i
     set confirmed = greatest(i.confirmed, p_through) where i.name = p_index;
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no index %s: register it first', left(p_index, 100));
  end if;
end;
$function$;

create or replace function public.cogo_forget_memory(p_owner uuid DEFAULT NULL::uuid, p_every_owner boolean DEFAULT false, p_ids uuid[] DEFAULT NULL::uuid[], p_kind text DEFAULT NULL::text, p_source text DEFAULT NULL::text, p_before timestamp with time zone DEFAULT NULL::timestamp with time zone, p_dry_run boolean DEFAULT false)
 RETURNS TABLE(forgotten integer, documents integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
    delete from public.cogo_documents d where d.id = any (v_documents);
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
$function$;

create or replace function public.cogo_list_vector_changes(p_index text, p_limit integer DEFAULT 100)
 RETURNS TABLE(seq bigint, id uuid, owner uuid, is_deleted boolean, vector real[], model_id text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select null::bigint, null::uuid, null::uuid, null::boolean, null::real[], null::text where false;
$function$;

create or replace function public.cogo_register_index(p_index text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if coalesce(p_index, '') !~ '^[A-Za-z0-9][A-Za-z0-9:._/-]{0,254}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_index must be a name: letters, digits and :._/-';
  end if;
  insert into cogo.vector_indexes (name) values (p_index) on conflict do nothing;
end;
$function$;

create or replace function public.cogo_remember(p_owner uuid, p_facts jsonb)
 RETURNS TABLE(place integer, id uuid, is_new boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
begin
  perform cogo.check_memory('p_facts', p_facts, 1000);
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             cogo.to_uuid(i.item ->> 'task_id') as task_id,
             cogo.to_uuid(i.item ->> 'session_id') as session_id,
             cogo.read_time(i.item ->> 'happened_at') as happened_at
        from jsonb_array_elements(p_facts) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_memories as m (
        owner, kind, content, source, task_id, session_id, happened_at, content_sha256
      )
      -- The same fact twice is one row. In a fixed order, so that two writers cannot deadlock.
      select distinct on (i.sha256)
             v_owner, 'fact', i.content, i.source, i.task_id, i.session_id, i.happened_at, i.sha256
        from items i
       order by i.sha256, i.place
      on conflict (owner, content_sha256) where kind = 'fact' do update
        set source = coalesce(excluded.source, m.source),
            happened_at = coalesce(excluded.happened_at, m.happened_at)
      returning m.id, m.content_sha256, (m.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i join kept k on k.content_sha256 = i.sha256
     order by i.place;
end;
$function$;

create or replace function public.cogo_run_memory(p_agent_id text, p_embedding_model text DEFAULT NULL::text, p_limit integer DEFAULT 200)
 RETURNS TABLE(asked integer, applied integer, is_more boolean, problem text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.set_actor(p_agent_id);
  asked := 0;
  applied := 0;
  is_more := false;
  return next;
end;
$function$;

create or replace function public.cogo_search_memory(p_owner uuid, p_query text, p_vector real[] DEFAULT NULL::real[], p_model_id text DEFAULT NULL::text, p_simulated boolean DEFAULT false, p_kinds text[] DEFAULT NULL::text[], p_sources text[] DEFAULT NULL::text[], p_candidates jsonb DEFAULT NULL::jsonb, p_limit integer DEFAULT 10)
 RETURNS TABLE(id uuid, kind text, content text, source text, document_id uuid, title text, place integer, heading text, created_at timestamp with time zone, score double precision, likeness double precision, found_by text[])
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace view public.cogo_subtasks with (security_invoker=true) as
 SELECT s.id,
    s.seq,
    s.task_id,
    s.key,
    s.type,
    s.lane,
    s.status,
    s.priority,
    s.deps_left,
    s.attempt,
    s.failures,
    s.max_failures,
    s.reaps,
    s.max_reaps,
    s.sink,
    s.needs_approval,
    s.run_at,
    s.lease_expires_at,
    s.agent_id,
    s.cancel_requested_at,
    s.dead_at,
    s.created_at,
    s.started_at,
    s.finished_at,
    COALESCE(p.params, '{}'::jsonb) AS params,
    COALESCE(p.metadata, '{}'::jsonb) AS metadata,
    o.output,
    COALESCE(p.error, a.error) AS error,
        CASE
            WHEN (c.subtask_id IS NOT NULL) THEN jsonb_build_object('attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning, 'turn', c.turn)
            ELSE NULL::jsonb
        END AS checkpoint,
    ARRAY( SELECT d.parent_id
           FROM cogo.dependencies d
          WHERE (d.child_id = s.id)
          ORDER BY d.parent_id) AS dependencies,
    s.on_failure,
    s.kind,
    s.end_no,
    s.not_needed,
        CASE s.kind
            WHEN 'flow'::text THEN COALESCE(( SELECT f.decisions
               FROM cogo.flows f
              WHERE (f.task_id = s.task_id)), (o.output -> 'decisions'::text))
            ELSE NULL::jsonb
        END AS decisions,
        CASE s.kind
            WHEN 'task'::text THEN ( SELECT k.child_id
               FROM cogo.child_tasks k
              WHERE (k.subtask_id = s.id))
            ELSE NULL::uuid
        END AS child_task_id
   FROM ((((cogo.subtasks s
     LEFT JOIN cogo.subtask_payloads p ON ((p.subtask_id = s.id)))
     LEFT JOIN cogo.subtask_outputs o ON ((o.subtask_id = s.id)))
     LEFT JOIN cogo.checkpoints c ON ((c.subtask_id = s.id)))
     LEFT JOIN public.cogo_attempts a ON (((a.subtask_id = s.id) AND (a.attempt = s.attempt))));

create or replace trigger follow_source AFTER UPDATE OF source ON public.cogo_memories FOR EACH ROW WHEN ((old.source IS DISTINCT FROM new.source)) EXECUTE FUNCTION cogo.follow_memory_source();

create or replace trigger index_words AFTER INSERT ON public.cogo_memories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION cogo.index_memories();

create policy "owners read their child_tasks" on cogo.child_tasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE ((t.id = child_tasks.child_id) AND (t.owner = ( SELECT auth.uid() AS uid))))));

create policy "owners read their documents" on public.cogo_documents as PERMISSIVE for SELECT to authenticated using ((owner = ( SELECT auth.uid() AS uid)));

create policy "owners read their memories" on public.cogo_memories as PERMISSIVE for SELECT to authenticated using ((owner = ( SELECT auth.uid() AS uid)));

comment on table cogo.document_parts is
  'Chunks of documents that are sent in parts, until all of them are there.';

comment on table cogo.follow_ups is
  'Tasks that memory has asked for, until their results are applied. refs says what they are about.';

comment on table cogo.memory_words is
  'The words of each memory, for searches. The owner of what belongs to nobody is the nil UUID.';

comment on table cogo.vector_indexes is
  'Outer indexes of vectors, and the last change of cogo.vector_changes that each has confirmed.';

comment on table public.cogo_documents is
  'Documents in long-term memory. Their texts are the chunks in cogo_memories.';

comment on table public.cogo_memories is
  'Long-term memory: facts, and chunks of documents. Search it with cogo_search_memory().';

comment on column public.cogo_documents.sha256 is
  'Of the whole document: one that has not changed is not read again.';

comment on column public.cogo_documents.source is
  'What names it, such as a path; unique per owner.';

comment on column public.cogo_memories.char_start is
  'Where a chunk begins in its document, in characters; char_end: where it ends.';

comment on column public.cogo_memories.error is
  'Why it has no vector, if that was tried in vain.';

comment on column public.cogo_memories.happened_at is
  'When the fact happened or was so, if known.';

comment on column public.cogo_memories.model_id is
  'What made its vector, at embedded_at; null: it is found by its words alone.';

comment on column public.cogo_memories.place is
  'The number of a chunk in its document, from 0.';

comment on column public.cogo_memories.simulated is
  'Whether the vendor simulator made the vector.';

comment on column public.cogo_memories.task_id is
  'The task that remembered it, which may have been deleted; session_id: its session.';

comment on view public.cogo_subtasks is
  'Subtasks with payload, output, checkpoint, dependencies, child task and the error of the latest
attempt.';

comment on function cogo.add_chunks(public.cogo_documents,jsonb,integer) is
  'Put chunks into a document from a place on, instead of those that it has there.';

comment on function cogo.build_memory_filter(text[],text[]) is
  'Return the condition by which a search finds memories of these kinds and sources: exact ones,
prefix*, facts or documents.';

comment on function cogo.check_memory(text,jsonb,integer) is
  'Raise TQ004 or TQ008 unless these are texts that can be remembered, at most p_limit.';

comment on function cogo.collect_parts(uuid,text,text,jsonb,integer,integer) is
  'Keep a part of a document; return all its chunks once they are there, else null.';

comment on function cogo.follow_memory_source() is
  'Keep what searches filter by as the memory has it.';

comment on function cogo.index_memories() is
  'Store the words of new memories.';

comment on function cogo.owner_key(uuid) is
  'Return an owner as keys that cannot be null spell it: the nil UUID for nobody.';

comment on function cogo.quote_word(text) is
  'Return a word as a tsquery spells it.';

comment on function cogo.read_time(text) is
  'Return a time from its text. Raises TQ004 and TQ009.';

comment on function cogo.resolve_owner(uuid) is
  'Return whose rows a call is about: for operators the owner that they name (null: nobody), for users
themselves.';

comment on function cogo.sample_words(uuid,text,text[]) is
  'Estimate how many memories an owner has, which share of them passes a filter, and in which share each
of some words is.';

comment on function cogo.search_words(uuid,text,text,integer) is
  'Return the memories of an owner whose words fit a query best, with their places.';

comment on function cogo.split_words(text) is
  'Return the words of a text by which it is found.';

comment on function public.cogo_add_document(uuid,text,text,text,jsonb,jsonb,integer,integer) is
  'Add a document of an owner by its chunks (content, heading, start, end), or replace the one of this
source; later parts begin at p_first. With p_total, the number of all chunks, parts are put together
first, and the document is replaced when the last one is there.';

comment on function public.cogo_confirm_vector_changes(text,bigint) is
  'Note that an outer index has made all changes up to a seq.';

comment on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean) is
  'Forget memories that match every given argument, with their vectors and words; p_ids may name
documents. Users forget their own; operators those of an owner (null: of nobody) or, with
p_every_owner, of all. Return how many memories and whole documents; p_dry_run only counts them.';

comment on function public.cogo_list_vector_changes(text,integer) is
  'Return the next changes that an outer index has to make, in order of seq.';

comment on function public.cogo_register_index(text) is
  'Register an outer index of vectors: all that is there becomes a change that it has to make.';

comment on function public.cogo_remember(uuid,jsonb) is
  'Remember facts (content, source, task_id, session_id, happened_at) of an owner; return the id of
each, by place. A fact that is remembered already stays one row. Users remember their own.';

comment on function public.cogo_run_memory(text,text,integer) is
  'Apply the results of finished follow-up tasks of memory and submit new ones, such as EMBED tasks for
memories without a vector. is_more: call it again at once. Orchestrators call this.';

comment on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer) is
  'Search the memory of an owner by words and by meaning, fused by reciprocal ranks, best first.
p_vector is the query embedded by p_model_id, or p_candidates what an outer index found ({id,
likeness}). p_sources: exact sources, prefix*, facts or documents. Users search their own.';

revoke all on table cogo.document_parts from public, anon, authenticated, service_role;

grant select on table cogo.document_parts to service_role;

revoke all on table cogo.follow_ups from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.follow_ups to service_role;

revoke all on table cogo.memory_words from public, anon, authenticated, service_role;

grant select on table cogo.memory_words to service_role;

revoke all on table cogo.vector_indexes from public, anon, authenticated, service_role;

grant delete, insert, select, update on table cogo.vector_indexes to service_role;

revoke all on table public.cogo_documents from public, anon, authenticated, service_role;

grant delete, insert, select, update on table public.cogo_documents to service_role;

grant select on table public.cogo_documents to authenticated;

revoke all on table public.cogo_memories from public, anon, authenticated, service_role;

grant delete, insert, select, update on table public.cogo_memories to service_role;

grant select on table public.cogo_memories to authenticated;

revoke all on function cogo.add_chunks(public.cogo_documents,jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.add_chunks(public.cogo_documents,jsonb,integer) to service_role;

revoke all on function cogo.build_memory_filter(text[],text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.build_memory_filter(text[],text[]) to service_role;

revoke all on function cogo.check_memory(text,jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.check_memory(text,jsonb,integer) to service_role;

revoke all on function cogo.collect_parts(uuid,text,text,jsonb,integer,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.collect_parts(uuid,text,text,jsonb,integer,integer) to service_role;

revoke all on function cogo.follow_memory_source() from public, anon, authenticated, service_role;

grant execute on function cogo.follow_memory_source() to service_role;

revoke all on function cogo.index_memories() from public, anon, authenticated, service_role;

grant execute on function cogo.index_memories() to service_role;

revoke all on function cogo.owner_key(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.owner_key(uuid) to service_role;

revoke all on function cogo.quote_word(text) from public, anon, authenticated, service_role;

grant execute on function cogo.quote_word(text) to service_role;

revoke all on function cogo.read_time(text) from public, anon, authenticated, service_role;

grant execute on function cogo.read_time(text) to service_role;

revoke all on function cogo.resolve_owner(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.resolve_owner(uuid) to service_role;

revoke all on function cogo.sample_words(uuid,text,text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.sample_words(uuid,text,text[]) to service_role;

revoke all on function cogo.search_words(uuid,text,text,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.search_words(uuid,text,text,integer) to service_role;

revoke all on function cogo.split_words(text) from public, anon, authenticated, service_role;

grant execute on function cogo.split_words(text) to service_role;

revoke all on function public.cogo_add_document(uuid,text,text,text,jsonb,jsonb,integer,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_add_document(uuid,text,text,text,jsonb,jsonb,integer,integer) to authenticated;

grant execute on function public.cogo_add_document(uuid,text,text,text,jsonb,jsonb,integer,integer) to service_role;

revoke all on function public.cogo_confirm_vector_changes(text,bigint) from public, anon, authenticated, service_role;

grant execute on function public.cogo_confirm_vector_changes(text,bigint) to service_role;

revoke all on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean) to authenticated;

grant execute on function public.cogo_forget_memory(uuid,boolean,uuid[],text,text,timestamp with time zone,boolean) to service_role;

revoke all on function public.cogo_list_vector_changes(text,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_list_vector_changes(text,integer) to service_role;

revoke all on function public.cogo_register_index(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_register_index(text) to service_role;

revoke all on function public.cogo_remember(uuid,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_remember(uuid,jsonb) to authenticated;

grant execute on function public.cogo_remember(uuid,jsonb) to service_role;

revoke all on function public.cogo_run_memory(text,text,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_run_memory(text,text,integer) to service_role;

revoke all on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer) to authenticated;

grant execute on function public.cogo_search_memory(uuid,text,real[],text,boolean,text[],text[],jsonb,integer) to service_role;

grant select (child_id) on table cogo.child_tasks to authenticated;

grant select (subtask_id) on table cogo.child_tasks to authenticated;

insert into cogo.schema_versions (version) values ('20261129180000')
on conflict (version) do nothing;
