-- A filter is an object; see cogo_find_tasks(). Whatever it has becomes SQL here, as a literal.

create or replace function cogo.read_filter_texts(p_filter jsonb, p_key text)
  returns text[] language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_value jsonb := p_filter -> p_key;
begin
  if v_value is null or v_value = 'null' or v_value = '[]' then
    return null;
  end if;
  if jsonb_typeof(v_value) = 'string' then
    v_value := jsonb_build_array(v_value);
  end if;
  if jsonb_typeof(v_value) <> 'array' or exists (
    select from jsonb_array_elements(v_value) v where jsonb_typeof(v) <> 'string'
  ) then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a text or a list of texts';
  end if;
  perform cogo.check_size(p_key, jsonb_array_length(v_value), 1000, 'items');
  return array(select v from jsonb_array_elements_text(v_value) v);
end;
$$;
comment on function cogo.read_filter_texts is
  'Return the texts of a filter; null if it has none. Raises TQ004 and TQ008.';

create or replace function cogo.read_filter_flag(p_filter jsonb, p_key text)
  returns boolean language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(p_filter -> p_key) not in ('boolean', 'null') then
    raise exception using errcode = 'TQ004', message = p_key || ' must be true or false';
  end if;
  return coalesce((p_filter ->> p_key)::boolean, false);
end;
$$;
comment on function cogo.read_filter_flag is
  'Return whether a filter asks for something. Raises TQ004.';

create or replace function cogo.read_filter_time(p_filter jsonb, p_key text)
  returns timestamptz language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (p_filter ->> p_key)::timestamptz;
exception
  when data_exception then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a time';
end;
$$;
comment on function cogo.read_filter_time is 'Return a time of a filter. Raises TQ004.';

create or replace function cogo.read_filter_number(p_filter jsonb, p_key text)
  returns numeric language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  return (p_filter ->> p_key)::numeric;
exception
  when data_exception then
    raise exception using errcode = 'TQ004', message = p_key || ' must be a number';
end;
$$;
comment on function cogo.read_filter_number is 'Return a number of a filter. Raises TQ004.';

create or replace function cogo.format_condition(p_format text, p_value text)
  returns text language sql immutable strict set search_path = pg_catalog, pg_temp
as $$
  select format(p_format, p_value);
$$;
comment on function cogo.format_condition is 'Return a condition on a value; null if there is none.';

-- To read the attempts of each task takes long where few tasks or none had the model. Which had it is
-- known of those in cogo.task_words; where many had it, a page is full before many are read.
create or replace function cogo.build_model_condition(p_models text[])
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock cogo.search_clock;
  v_seqs bigint[];
  v_attempts constant text := format(
    'exists (select from public.cogo_attempts a '
    'where a.task_id = t.id and a.model_id = any (%L::text[]))',
    p_models
  );
begin
  if p_models is null then
    return null;
  end if;
  v_seqs := array(select w.seq from cogo.task_words w where w.models && p_models limit 1001);
  if cardinality(v_seqs) > 1000 then
    return format('(t.model = any (%L::text[]) or %s)', p_models, v_attempts);
  end if;
  select c.* into v_clock from cogo.search_clock c;
  return format(
    '(t.model = any (%L::text[]) or t.seq = any (%L::bigint[])'
    ' or (t.finished_at is null or (t.finished_at, t.seq) > (%L, %L)) and %s)',
    p_models, v_seqs, coalesce(v_clock.indexed_at, '-infinity'), coalesce(v_clock.indexed_seq, 0),
    v_attempts
  );
end;
$$;
comment on function cogo.build_model_condition is
  'Return the condition that tasks t name one of some models or asked it; null if there are none.';
