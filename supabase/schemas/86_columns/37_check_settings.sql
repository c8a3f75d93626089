create or replace function cogo.trace_columns(p_table regclass, p_numbers smallint[])
  returns smallint[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive traced as (
    select n.number from unnest(p_numbers) as n (number)
    union
    select m.number
      from traced e
     cross join lateral (
       select d.refobjsubid::smallint as number
         from pg_catalog.pg_attrdef f
         join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
         join pg_catalog.pg_depend d
           on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid
          and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = p_table
          and d.refobjsubid > 0
        where f.adrelid = p_table and f.adnum = e.number and a.attgenerated <> ''
       union all
       select s.number
         from cogo.ai_columns c
         join cogo.ai_column_versions v on v.column_id = c.id and v.version = c.version
        cross join unnest(v.source_numbers) as s (number)
        where c.table_id = p_table and c.column_number = e.number
     ) as m
  )
  select array_agg(t.number) from traced t;
$$;
comment on function cogo.trace_columns is
  'Return columns with all that they are made from, as generated columns and as AI columns.';

-- So the same call is the same after a column was renamed, as the prompt of the version is.
create or replace function cogo.number_sources(
  p_table regclass, p_target smallint, p_names text[]
)
  returns smallint[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(coalesce(present.number, renamed.number) order by n.nth), '{}')
    from unnest(p_names) with ordinality as n (name, nth)
   cross join lateral (select (cogo.number_columns(p_table, array[n.name]))[1] as number) as present
    left join lateral (
      select v.source_numbers[array_position(v.sources, n.name)] as number
        from cogo.ai_columns c
        join cogo.ai_column_versions v on v.column_id = c.id and v.version = c.version
       where c.table_id = p_table and c.column_number = p_target
    ) as renamed on (cogo.list_columns(p_table, array[renamed.number]))[1] is not null;
$$;
comment on function cogo.number_sources is
  'Return the numbers of columns; of a column that was renamed since also by the name that its AI column
calls it. Null for each that does not exist.';

create or replace function cogo.check_sources(
  p_table regclass, p_target smallint, p_prompt text, p_sources text[]
)
  returns text[] language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text := cogo.validate_prompt(p_prompt);
  v_named text[] := cogo.list_placeholders(p_prompt);
  v_sources text[];
  v_name text;
begin
  if v_problem is not null then
    perform cogo.refuse_column(v_problem);
  end if;
  v_sources := coalesce(p_sources, '{}') || array(
    select n from unnest(v_named) with ordinality as n (n, nth)
     where n <> all (coalesce(p_sources, '{}')) order by nth
  );
  if cardinality(v_sources) = 0 then
    perform cogo.refuse_column(
      'the prompt names no column, so every row would get the same value',
      'name columns in braces, as in {subject}'
    );
  end if;
  foreach v_name in array v_sources loop
    if v_name is null or (cogo.number_sources(p_table, p_target, array[v_name]))[1] is null then
      perform cogo.refuse_column(
        format('%s has no column %s, which the prompt or sources name', cogo.show_table(p_table),
               coalesce(quote_ident(v_name), 'null')),
        'its columns are: ' || (
          select left(string_agg(a.attname, ', ' order by a.attnum), 500)
            from pg_catalog.pg_attribute a
           where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped
        ) || '; a brace is written {{ or }}'
      );
    end if;
  end loop;
  if p_target = any (
    cogo.trace_columns(p_table, cogo.number_sources(p_table, p_target, v_sources))
  ) then
    perform cogo.refuse_column(
      'the column would be made from itself, also if only by way of another AI column or a generated one'
    );
  end if;
  return v_sources;
end;
$$;
comment on function cogo.check_sources is
  'Raise TQ004 if a prompt or a source is wrong; return the names of all sources.';

create or replace function cogo.check_settings(
  p_model text, p_preferences jsonb, p_params jsonb, p_schema jsonb, p_usd numeric[],
  p_open_tasks integer
)
  returns void language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(coalesce(p_preferences, '{}')) <> 'object'
     or jsonb_typeof(coalesce(p_params, '{}')) <> 'object' then
    perform cogo.refuse_column('preferences and params must be JSON objects');
  elsif p_schema is not null and jsonb_typeof(p_schema) <> 'object' then
    perform cogo.refuse_column('schema must be a JSON Schema, an object');
  elsif exists (select from unnest(p_usd) as u (usd) where not u.usd >= 0 or u.usd = 'NaN') then
    perform cogo.refuse_column('a budget must be 0 or more US dollars, or Infinity for none');
  elsif p_open_tasks is null or p_open_tasks not between 1 and 10000 then
    perform cogo.refuse_column('open_tasks must be 1 to 10000');
  elsif p_params ?| array['response_schema', 'input', 'messages', 'encoding_format'] then
    perform cogo.refuse_column(
      'params must not have response_schema, input, messages or encoding_format, which COGO sets'
    );
  end if;
  perform cogo.check_size('model', length(p_model), 255),
          cogo.check_size('preferences', octet_length(p_preferences::text), 65536, 'bytes'),
          cogo.check_size('params', octet_length(p_params::text), 65536, 'bytes'),
          cogo.check_size('schema', octet_length(p_schema::text), 65536, 'bytes');
end;
$$;
comment on function cogo.check_settings is 'Raise TQ004 or TQ008 if a setting of an AI column is wrong.';
