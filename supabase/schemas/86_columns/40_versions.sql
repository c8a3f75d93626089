create or replace function cogo.find_column(p_table regclass, p_name text)
  returns cogo.ai_columns language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns;
begin
  select c.* into v_column
    from cogo.ai_columns c
   where c.table_id = p_table
     and (
       c.column_number = (cogo.number_columns(p_table, array[p_name]))[1]
       or c.column_name = p_name
         and cogo.list_columns(p_table, array[c.column_number]) = array[null::text]
     )
     for no key update;
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('%s.%I is no AI column', cogo.show_table(p_table), p_name);
  end if;
  return v_column;
end;
$$;
comment on function cogo.find_column is 'Lock and return an AI column. Raises TQ002.';

create or replace function cogo.store_version(
  p_id uuid, p_table regclass, p_prompt text, p_model text, p_preferences jsonb, p_params jsonb,
  p_schema jsonb, p_sources text[], p_numbers smallint[]
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_version integer;
begin
  -- A setting that was there before is the same version: what it made is up to date again.
  select v.version into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_id
     and (v.prompt, v.model, v.preferences, v.params, v.schema, v.sources, v.source_numbers)
         is not distinct from
         (p_prompt, p_model, p_preferences, p_params, p_schema, p_sources, p_numbers)
   order by v.version desc
   limit 1;
  if found then
    update cogo.ai_column_versions v
       set source_names = cogo.list_columns(p_table, p_numbers)
     where v.column_id = p_id and v.version = v_version;
    return v_version;
  end if;
  insert into cogo.ai_column_versions (
    column_id, version, prompt, model, preferences, params, schema, sources, source_names,
    source_numbers
  )
  select p_id, 1 + coalesce(max(v.version), 0), p_prompt, p_model, p_preferences, p_params, p_schema,
         p_sources, cogo.list_columns(p_table, p_numbers), p_numbers
    from cogo.ai_column_versions v
   where v.column_id = p_id
  returning version into v_version;
  return v_version;
end;
$$;
comment on function cogo.store_version is
  'Return the number of the version of an AI column with these settings, which is made if it is new.';

create or replace function cogo.retake_values(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_row constant jsonb := cogo.describe_row(p_column, p_column.version);
  v_after jsonb := '[]';
  v_keys jsonb[];
  v_rows jsonb[];
  v_hashes bytea[];
begin
  loop
    v_keys := array(
      select c.key from cogo.ai_cells c
       where c.column_id = p_column.id and c.key > v_after order by c.key limit 5000
    );
    exit when v_keys = '{}';
    v_after := v_keys[cardinality(v_keys)];
    -- Read before the edits: of what somebody writes meanwhile there is one.
    select array_agg(r.asked_key), array_agg(r.value_hash) into v_rows, v_hashes
      from cogo.read_rows(v_row, v_keys) r where r.is_there;
    update cogo.ai_cells c
       set value_hash = r.hash
      from unnest(v_rows, v_hashes) as r (key, hash)
     where c.column_id = p_column.id and c.key = r.key and c.value_hash is not null
       and c.key = any (cogo.leave_edited(p_column, v_keys));
  end loop;
end;
$$;
comment on function cogo.retake_values is
  'Take the values of an AI column, which has another type now, for what they were: COGO''s or those of
a person.';

create or replace function cogo.set_column_cap(p_id uuid, p_per text, p_usd numeric)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if p_usd = 'Infinity' then
    perform public.cogo_remove_budget('column', p_id::text, p_per);
  elsif p_usd is not null then
    perform public.cogo_set_budget('column', p_id::text, p_per, p_usd);
  end if;
end;
$$;
comment on function cogo.set_column_cap is
  'Set the cap of an AI column a day or for ever; null leaves it, Infinity removes it.';
