create or replace function cogo.resolve_owner(p_owner uuid)
  returns uuid language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.resolve_owner is
  'Return whose rows a call is about: for operators the owner that they name (null: nobody), for users
themselves.';

create or replace function cogo.owner_key(p_owner uuid)
  returns uuid language sql immutable
  return coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
comment on function cogo.owner_key is
  'Return an owner as keys that cannot be null spell it: the nil UUID for nobody.';

-- Texts are stemmed as English in any language: the query in the same way. Signs of languages that are
-- written without spaces are words of their own.
create or replace function cogo.split_words(p_text text)
  returns tsvector language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select to_tsvector(
    'pg_catalog.english',
    regexp_replace(p_text, '([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])', ' \1 ', 'g')
  );
$$;
comment on function cogo.split_words is 'Return the words of a text by which it is found.';

create or replace function cogo.quote_word(p_word text)
  returns text language sql immutable
  return '''' || replace(replace(p_word, '\', '\\'), '''', '''''') || '''';
comment on function cogo.quote_word is 'Return a word as a tsquery spells it.';

create or replace function cogo.check_memory(p_field text, p_items jsonb, p_limit integer)
  returns void language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.check_memory is
  'Raise TQ004 or TQ008 unless these are texts that can be remembered, at most p_limit.';

create or replace function cogo.read_time(p_text text)
  returns timestamptz language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.read_time is 'Return a time from its text. Raises TQ004 and TQ009.';
