create or replace function cogo.build_memory_filter(p_kinds text[], p_sources text[])
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
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
                       'w.kind = any (''{fact,chunk}'') and w.source like %L',
                       regexp_replace(left(s.source, -1), '([\\%_])', '\\\1', 'g') || '%'
                     )
                     else format(
                       'w.kind = any (''{fact,chunk}'') and w.source = %L', s.source
                     )
                   end, ' or '
                 )
            from unnest(p_sources) as s (source) where s.source is not null
        ), 'false'
      ) || ')'
    end
  );
$$;
comment on function cogo.build_memory_filter is
  'Return the condition by which a search finds memories of these kinds and sources: exact ones,
prefix*, facts or documents.';

create or replace function cogo.list_words(p_query text)
  returns text[] language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select u.lexeme from unnest(cogo.split_words(left(p_query, 8000))) u
     order by length(u.lexeme) desc, u.lexeme limit 32
  );
$$;
comment on function cogo.list_words is 'Return the words of a query, at most 32, the longest first.';

-- How many of an owner's memories there are, and in how many each word is, from a sample: the ids are
-- random, so the first ones are one, and how close they are tells how many follow. Without its places, a
-- list of words is unpacked once, and not once for each word.
create or replace function cogo.sample_words(p_owner uuid, p_filter text, p_words text[])
  returns table (
    total double precision, share double precision, length double precision,
    frequencies double precision[]
  )
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_sampled integer;
  v_passed integer;
  v_last uuid;
  v_counts integer[];
begin
  execute format(
    'with sample as (
       select w.memory_id, strip(w.words) as words, (%s) is true as passes
         from cogo.memory_words w where w.owner = $1 order by w.owner, w.memory_id limit 256
     )
     select count(*), count(*) filter (where passes), max(memory_id::text)::uuid,
            avg(length(words)), array[%s]::integer[]
       from sample',
    p_filter,
    (
      select string_agg(
               format('count(*) filter (where words @@ %L::tsquery)', cogo.quote_word(u.word)), ', '
               order by u.place
             )
        from unnest(p_words) with ordinality as u (word, place)
    )
  ) using p_owner into v_sampled, v_passed, v_last, length, v_counts;
  total := v_sampled;
  if v_sampled = 256 then
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
$$;
comment on function cogo.sample_words is
  'Estimate how many memories an owner has, which share of them passes a filter, how many different
words one has, and in which share each of some words is.';

create or replace function cogo.filter_candidates(p_owner uuid, p_filter text, p_candidates jsonb)
  returns table (id uuid, likeness double precision)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(p_candidates) is distinct from 'array' then
    raise exception using errcode = 'TQ004',
      message = 'p_candidates must be an array of objects with id and likeness';
  end if;
  return query execute format(
    'with given as materialized (
       select distinct on (c.id) c.id, c.likeness
         from (
           select cogo.to_uuid(i.item ->> ''id'') as id,
                  case when jsonb_typeof(i.item -> ''likeness'') = ''number''
                            and abs((i.item ->> ''likeness'')::numeric) < 1e9
                    then (i.item ->> ''likeness'')::double precision end as likeness
             from jsonb_array_elements($2) with ordinality as i (item, place)
            where i.place <= 1000
         ) as c
        where c.id is not null
        order by c.id, c.likeness desc nulls last
     )
     select g.id, g.likeness
       from given g join cogo.memory_words w on w.memory_id = g.id
      where w.owner = $1 and %s
      order by g.likeness desc nulls last, g.id', p_filter
  ) using p_owner, p_candidates;
end;
$$;
comment on function cogo.filter_candidates is
  'Return what an outer index has found, as far as it belongs to the owner and passes the filter.';
