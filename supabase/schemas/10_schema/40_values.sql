-- Without regular expressions, which take several microseconds each: these two parse each item of a
-- batch.
create or replace function cogo.to_uuid(p_text text)
  returns uuid language sql immutable
  return case
    when p_text like '________-____-____-____-____________'
      and translate(p_text, '0123456789abcdefABCDEF', '') = '----' then p_text::uuid
  end;
comment on function cogo.to_uuid is 'Parse a uuid; return null if the text is none.';

create or replace function cogo.to_integer(p_text text)
  returns integer language sql immutable
  return case
    when p_text <> '' and length(p_text) <= 9 and translate(p_text, '0123456789', '') = ''
      then p_text::integer
  end;
comment on function cogo.to_integer is 'Parse an integer from 0 to 999999999; else return null.';

-- Postgres accepts JSON that other programs cannot read: Python's parser stops at 1,000 levels and
-- 4,300 digits, pydantic at 255 levels, a double at 1.8e308.
create or replace function cogo.validate_json(p_value jsonb)
  returns text language sql immutable
  return case
    when jsonb_typeof(p_value) in ('string', 'boolean', 'null') or p_value in ('{}', '[]') then null
    -- `strict`, because lax mode visits each array twice. The first test stops at its level, so it is
    -- safe for any value; the second sees only values that passed it.
    when jsonb_path_exists(p_value, 'strict $.**{100}') then
      'is nested more than 100 levels deep'
    when jsonb_path_exists(p_value, 'strict $.** ? (
      @ > 1.7976931348623157e308 || @ < -1.7976931348623157e308
    )') then
      'holds a number beyond 1.8e308'
  end;
comment on function cogo.validate_json is
  'Return why other programs cannot read a value, as the end of a sentence; null if they can.';

-- One day less than Python's range at both ends, so that the time is valid in every time zone.
create or replace function cogo.validate_time(p_at timestamptz)
  returns text language sql immutable
  return case
    when p_at not between '0001-01-02 00:00:00+00' and '9999-12-30 00:00:00+00' then
      'must be a time between the years 1 and 9999; leave it out for none'
  end;
comment on function cogo.validate_time is
  'Return why other programs cannot read a time, as the end of a sentence; null if they can.';

create or replace function cogo.check_size(
  p_field text, p_size bigint, p_limit bigint default 10000, p_unit text default 'characters'
)
  returns void language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_size > p_limit then
    raise exception using errcode = 'TQ008',
      message = format('%s has %s %s; the limit is %s', p_field, p_size, p_unit, p_limit);
  end if;
end;
$$;
comment on function cogo.check_size is 'Raise TQ008 if a value is larger than its limit.';

-- Vendors report impossible counts and values that are not numbers. Unknown is null, never 0, and
-- nothing here raises: an attempt must be able to end, whatever its usage says.
create or replace function cogo.sanitize_usage(p_usage jsonb)
  returns jsonb language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_value jsonb;
  v_number numeric;
begin
  if jsonb_typeof(p_usage) is distinct from 'object' then
    return null;
  end if;
  foreach v_key in array '{
    input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, first_token_ms,
    duration_ms, cost_usd, max_usd
  }'::text[] loop
    v_value := p_usage -> v_key;
    continue when v_value is null or v_value = 'null';
    v_number := case
      when jsonb_typeof(v_value) = 'number' and pg_column_size(v_value) <= 64 then v_value::numeric
      -- At most two digits of exponent, which bounds the length of the number.
      when v_value #>> '{}' ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$'
        then (v_value #>> '{}')::numeric
    end;
    if v_key like '%usd' then
      v_number := case when v_number between 0 and 1e6 then v_number end;
    else
      v_number := case
        when v_number between 0 and 1e12 and (v_key like '%ms' or v_number = trunc(v_number))
          then round(v_number)
      end;
    end if;
    if v_number is null or v_number::text <> v_value::text then
      p_usage := jsonb_set(p_usage, array[v_key], coalesce(to_jsonb(v_number), 'null'));
    end if;
  end loop;
  return p_usage;
end;
$$;
comment on function cogo.sanitize_usage is
  'Return usage with null for every impossible count, duration and cost; null if it is no object.';

create or replace function cogo.truncate_json(p_value jsonb)
  returns jsonb language sql immutable
  return case
    when octet_length(p_value::text) <= 4096 then p_value
    when jsonb_typeof(p_value) = 'object' then (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}')
        from (
          select e.key, e.value from jsonb_each(p_value) e
           where octet_length(e.key) + octet_length(e.value::text) <= 256
           limit 16
        ) as f
    )
  end;
comment on function cogo.truncate_json is
  'Return a value as lists show it: beyond 4 KiB only the short fields of an object.';
