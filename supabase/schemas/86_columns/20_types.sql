create or replace function cogo.describe_type(p_type oid, p_typmod integer, p_schema jsonb)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_type pg_catalog.pg_type;
  v_name text;
  v_inner jsonb;
  v_digits integer;
  v_scale integer;
begin
  select t.* into v_type from pg_catalog.pg_type t where t.oid = p_type;
  if v_type.typtype = 'd' then
    return cogo.describe_type(
      v_type.typbasetype,
      case when v_type.typtypmod >= 0 then v_type.typtypmod else p_typmod end, p_schema
    );
  elsif v_type.typtype = 'e' then
    return jsonb_build_object(
      'type', 'string',
      'enum', (
        select jsonb_agg(e.enumlabel order by e.enumsortorder)
          from pg_catalog.pg_enum e where e.enumtypid = p_type
      )
    );
  elsif v_type.typcategory = 'A' and v_type.typelem <> 0 then
    v_inner := cogo.describe_type(v_type.typelem, p_typmod, p_schema);
    return case
      when v_inner is not null then jsonb_build_object('type', 'array', 'items', v_inner)
    end;
  end if;
  v_name := pg_catalog.format_type(p_type, null);
  -- Extensions may be in any schema.
  if v_type.typnamespace <> 'pg_catalog'::regnamespace then
    v_name := v_type.typname;
  end if;
  case
    when v_name in ('text', 'citext') then
      return '{"type": "string"}';
    when v_name in ('character varying', 'character') then
      return jsonb_build_object('type', 'string') || case
        when p_typmod > 4 then jsonb_build_object('maxLength', p_typmod - 4) else '{}'
      end;
    when v_name = 'boolean' then
      return '{"type": "boolean"}';
    when v_name = 'smallint' then
      return '{"type": "integer", "minimum": -32768, "maximum": 32767}';
    when v_name = 'integer' then
      return '{"type": "integer", "minimum": -2147483648, "maximum": 2147483647}';
    when v_name = 'bigint' then
      return '{"type": "integer", "minimum": -9223372036854775808, "maximum": 9223372036854775807}';
    when v_name in ('real', 'double precision') then
      return '{"type": "number"}';
    when v_name = 'numeric' then
      if p_typmod < 4 then
        return '{"type": "number"}';
      end if;
      v_digits := ((p_typmod - 4) >> 16) & 65535;
      v_scale := (((p_typmod - 4) & 2047) # 1024) - 1024;
      return jsonb_build_object(
        'type', case when v_scale <= 0 then 'integer' else 'number' end,
        'minimum', -(10::numeric ^ v_digits - 1) * 10::numeric ^ (-v_scale),
        'maximum', (10::numeric ^ v_digits - 1) * 10::numeric ^ (-v_scale)
      );
    when v_name = 'date' then
      return '{"type": "string", "format": "date"}';
    when v_name in ('timestamp with time zone', 'timestamp without time zone') then
      return '{"type": "string", "format": "date-time"}';
    when v_name in ('time without time zone', 'time with time zone') then
      return '{"type": "string", "format": "time"}';
    when v_name = 'uuid' then
      return '{"type": "string", "format": "uuid"}';
    when v_name in ('jsonb', 'json') then
      return coalesce(p_schema, '{}');
    else
      return null;
  end case;
end;
$$;
comment on function cogo.describe_type is
  'Return the JSON Schema of the values of a type; null if models cannot write it.';

create or replace function cogo.is_vector(p_table regclass, p_number smallint, p_params jsonb)
  returns boolean language sql stable set search_path = pg_catalog, pg_temp
as $$
  select t.typname in ('vector', 'halfvec') and t.typnamespace <> 'pg_catalog'::regnamespace
      or a.atttypid in ('real[]'::regtype, 'double precision[]'::regtype)
         and coalesce(p_params -> 'embed' = 'true', false)
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
   where a.attrelid = p_table and a.attnum = p_number;
$$;
comment on function cogo.is_vector is 'Return whether the values of a column are embeddings.';

create or replace function cogo.describe_column(
  p_table regclass, p_number smallint, p_schema jsonb, p_params jsonb
)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when cogo.is_vector(p_table, p_number, p_params) then jsonb_build_object(
      'kind', 'vector', 'dimensions', case when a.atttypmod > 0 then a.atttypmod end
    )
    else (
      select case
        when d.schema = '{"type": "string"}' then '{"kind": "text"}'
        when d.schema is not null then jsonb_build_object('kind', 'data', 'schema', d.schema)
      end
        from (
          select cogo.describe_type(a.atttypid, a.atttypmod, p_schema) as schema
        ) as d
    )
  end
    from pg_catalog.pg_attribute a
   where a.attrelid = p_table and a.attnum = p_number;
$$;
comment on function cogo.describe_column is
  'Return what an AI column asks for: kind text, data (with its schema) or vector (with its dimensions);
null if models cannot write its type.';

create or replace function cogo.list_checks(p_table regclass, p_number smallint)
  returns text[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select c.definition
      from (
        select k.conname, pg_catalog.pg_get_constraintdef(k.oid, true) as definition
          from pg_catalog.pg_constraint k
         where k.conrelid = p_table and k.contype = 'c' and p_number = any (k.conkey)
           and cardinality(k.conkey) = 1
         union all
        select k.conname, pg_catalog.pg_get_constraintdef(k.oid, true)
          from pg_catalog.pg_attribute a
          join pg_catalog.pg_constraint k on k.contypid = a.atttypid
         where a.attrelid = p_table and a.attnum = p_number and k.contype = 'c'
      ) as c
     order by c.conname
     limit 10
  );
$$;
comment on function cogo.list_checks is
  'Return the constraints that only concern one column, for the model to know.';
