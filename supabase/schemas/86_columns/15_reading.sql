create or replace function cogo.name_trigger(p_id uuid)
  returns text language sql immutable
  return 'cogo_column_' || replace(p_id::text, '-', '');
comment on function cogo.name_trigger is 'Return the name of the trigger of an AI column.';

create or replace function cogo.name_equality(p_table regclass, p_number smallint)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  -- Of the operator class of the primary key: the only one for which its index can be used.
  select format('operator(%I.%s)', n.nspname, o.oprname)
    from pg_catalog.pg_index i
    join pg_catalog.pg_opclass c
      on c.oid = i.indclass[array_position(i.indkey::smallint[], p_number)]
    join pg_catalog.pg_amop p
      on p.amopfamily = c.opcfamily and p.amoplefttype = c.opcintype
     and p.amoprighttype = c.opcintype and p.amopstrategy = 3
    join pg_catalog.pg_operator o on o.oid = p.amopopr
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
   where i.indrelid = p_table and i.indisprimary;
$$;
comment on function cogo.name_equality is
  'Return the operator by which a primary key compares one of its columns.';

create or replace function cogo.cast_key(p_column cogo.ai_columns)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format(
           'jsonb_build_array(%s)',
           string_agg(
             format(
               'to_jsonb((k.key ->> %s)::%s)', k.nth - 1,
               pg_catalog.format_type(a.atttypid, a.atttypmod)
             ), ', ' order by k.nth
           )
         )
    from unnest(p_column.key_names) with ordinality as k (name, nth)
    join pg_catalog.pg_attribute a on a.attrelid = p_column.table_id and a.attname = k.name;
$$;
comment on function cogo.cast_key is
  'Return an expression that writes the key k.key as the types of its columns do.';

create or replace function cogo.convert_value(p_value anyelement)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return to_jsonb(p_value);
exception
  when data_exception or program_limit_exceeded then
    return to_jsonb(left(p_value::text, 3000000));
end;
$$;
comment on function cogo.convert_value is
  'Return a value as jsonb; as text if jsonb cannot hold it, as numbers and characters of some json.';

-- What one row has must not make it impossible to read the others.
create or replace function cogo.read_source(p_table regclass, p_name text)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format(
           case
             -- More makes too large a prompt in any case.
             when t.oid in ('text'::regtype, 'varchar'::regtype) then
               'to_jsonb(case when octet_length(t.%1$I) > 3000000 then left(t.%1$I, 3000000) '
               'else t.%1$I end)'
             when t.typtype in ('b', 'e') and t.typcategory <> 'A'
               and t.oid not in ('json'::regtype, 'bytea'::regtype) then 'to_jsonb(t.%I)'
             else 'cogo.convert_value(t.%I)'
           end, a.attname
         )
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
   where a.attrelid = p_table and a.attname = p_name and not a.attisdropped;
$$;
comment on function cogo.read_source is
  'Return the expression of a source as jsonb, which raises no error whatever the value.';

-- The only place where names of users' tables and columns become SQL, always as quoted identifiers.
create or replace function cogo.describe_row(p_column cogo.ai_columns, p_version integer)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'table', case when r.relkind = 'r' then 'only ' else '' end || cogo.show_table(p_column.table_id),
    'target', quote_ident(p_column.column_name),
    'type', pg_catalog.format_type(g.atttypid, g.atttypmod),
    'owner', case
      when p_column.owner_name is null then 'null::uuid'
      else format('cogo.to_uuid(t.%I::text)', p_column.owner_name)
    end,
    'key', (
      select format(
               'jsonb_build_array(%s)',
               string_agg(format('to_jsonb(t.%I)', k.name), ', ' order by k.nth)
             )
        from unnest(p_column.key_names) with ordinality as k (name, nth)
    ),
    'order', (
      select string_agg(format('t.%I', k.name), ', ' order by k.nth)
        from unnest(p_column.key_names) with ordinality as k (name, nth)
    ),
    -- A value as its type writes it: JSON has fewer kinds of numbers and no bytes.
    'after', (
      select format(
               '(%s) > (%s)', string_agg(format('t.%I', k.name), ', ' order by k.nth),
               string_agg(
                 format(
                   '($2 ->> %s)::%s', k.nth - 1, pg_catalog.format_type(a.atttypid, a.atttypmod)
                 ), ', ' order by k.nth
               )
             )
        from unnest(p_column.key_names) with ordinality as k (name, nth)
        join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attname = k.name
    ),
    'match', (
      select string_agg(
               format(
                 't.%I %s (k.key ->> %s)::%s', k.name, cogo.name_equality(p_column.table_id, a.attnum),
                 k.nth - 1, pg_catalog.format_type(a.atttypid, a.atttypmod)
               ), ' and ' order by k.nth
             )
        from unnest(p_column.key_names) with ordinality as k (name, nth)
        join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attname = k.name
    ),
    'cast', cogo.cast_key(p_column),
    'values', (
      select format(
               'jsonb_build_array(%s)',
               string_agg(
                 -- Of one that was just renamed: an error, and no shorter list.
                 coalesce(
                   cogo.read_source(p_column.table_id, s.name), format('to_jsonb(t.%I)', s.name)
                 ), ', ' order by s.nth
               )
             )
        from unnest(v.source_names) with ordinality as s (name, nth)
    )
  )
    from pg_catalog.pg_class r
    join pg_catalog.pg_attribute g
      on g.attrelid = r.oid and g.attnum = p_column.column_number
    join cogo.ai_column_versions v on v.column_id = p_column.id and v.version = p_version
   where r.oid = p_column.table_id;
$$;
comment on function cogo.describe_row is
  'Return the parts of statements about the table of an AI column, with quoted names.';

create or replace function cogo.hash_value(p_value text)
  returns bytea language sql immutable
  -- No hash is one byte long.
  return coalesce(sha256(convert_to(p_value, 'UTF8')), '\x00');
comment on function cogo.hash_value is 'Return a hash of a value as text; null has one too.';

-- Values as text must not depend on the session, since their hashes are compared.
create or replace function cogo.read_rows(
  p_row jsonb, p_keys jsonb[], p_locks boolean default false
)
  returns table (
    asked_key jsonb, key jsonb, is_there boolean, owner uuid, sources jsonb, source_hash bytea,
    is_empty boolean, value_hash bytea, has_value boolean, place tid, part oid
  )
  language plpgsql set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'iso_8601' set extra_float_digits = 1
  set bytea_output = 'hex'
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
begin
  return query execute format(
    $sql$
      select k.key, coalesce(r.key, %6$s), r.key is not null, r.owner, r.sources,
             cogo.hash_value(r.sources::text),
             not exists (select from jsonb_array_elements(r.sources) s where s.value <> 'null'),
             cogo.hash_value(r.value), r.value is not null, r.place, r.part
        from unnest($1) as k (key)
        left join lateral (
          select %1$s as key, %2$s as owner, %3$s as sources, t.%4$s::text as value,
                 t.ctid as place, t.tableoid as part
            from %5$s t where %7$s%8$s
        ) as r on true
    $sql$,
    p_row ->> 'key', p_row ->> 'owner', p_row ->> 'values', p_row ->> 'target', p_row ->> 'table',
    p_row ->> 'cast', p_row ->> 'match',
    case when p_locks then ' for no key update of t skip locked' else '' end
  ) using p_keys;
end;
$$;
comment on function cogo.read_rows is
  'Read rows by their keys, as cogo.describe_row() says, and lock them if wanted: those that others have
locked are left out. sources is a list, in the order of the version; key is as the row has it.';
