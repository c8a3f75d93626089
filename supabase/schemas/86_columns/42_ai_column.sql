create or replace function cogo.install_column(
  p_table regclass, p_name text, p_prompt text, p_max_usd_per_row numeric, p_model text,
  p_preferences jsonb, p_params jsonb, p_schema jsonb, p_owner_column text, p_sources text[],
  p_overwrite boolean, p_open_tasks integer, p_project text
)
  returns uuid language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_number constant smallint := cogo.check_target(p_table, p_name, p_schema, p_params);
  v_sources constant text[] := cogo.check_sources(p_table, v_number, p_prompt, p_sources);
  v_owner constant smallint := (cogo.number_columns(p_table, array[p_owner_column]))[1];
  v_key constant smallint[] := cogo.find_primary_key(p_table);
  v_shape constant jsonb := cogo.describe_column(p_table, v_number, p_schema, p_params);
  v_id uuid;
  v_version integer;
begin
  perform cogo.check_size('project', length(cogo.clean_label(p_project)), 100);
  if p_model is null and v_shape ->> 'kind' = 'vector' then
    perform cogo.refuse_column(
      format(
        '%s.%I holds embeddings, and no embedding model is named', cogo.show_table(p_table), p_name
      ),
      'name one, as in model => ''text-embedding-3-small''; its vectors must have as many dimensions'
    );
  elsif v_shape ->> 'dimensions' <> p_params ->> 'dimensions' then
    perform cogo.refuse_column(
      format(
        '%s.%I has %s dimensions, and params ask for %s', cogo.show_table(p_table), p_name,
        v_shape ->> 'dimensions', left(p_params ->> 'dimensions', 100)
      ),
      'leave dimensions out of params: those of the column are asked for'
    );
  elsif p_owner_column is not null and v_owner is null then
    perform cogo.refuse_column(
      format('%s has no column %I, which owner_column names', cogo.show_table(p_table), p_owner_column)
    );
  end if;
  select c.id into v_id
    from cogo.ai_columns c
   where c.table_id = p_table
     and (
       c.column_number = v_number
       -- It was dropped and added again.
       or c.column_name = p_name
         and cogo.list_columns(p_table, array[c.column_number]) = array[null::text]
     )
   order by c.column_number = v_number desc
   limit 1
     for no key update;
  if not found then
    insert into cogo.ai_columns (
      table_id, table_oid, column_name, column_number, type, key_names, key_numbers, version
    ) values (p_table, p_table::oid, p_name, v_number, '', '{}', v_key, 1)
    returning id into v_id;
  end if;
  v_version := cogo.store_version(
    v_id, p_table, p_prompt, cogo.normalize_model(p_model), coalesce(p_preferences, '{}'),
    coalesce(p_params, '{}'), p_schema, v_sources,
    cogo.number_sources(p_table, v_number, v_sources)
  );
  -- Cells of another key cannot be found again.
  if exists (select from cogo.ai_columns c where c.id = v_id and c.key_numbers <> v_key) then
    delete from cogo.ai_cells c where c.column_id = v_id;
  end if;
  update cogo.ai_columns c
     set column_name = p_name,
         column_number = v_number,
         type = (
           select pg_catalog.format_type(a.atttypid, a.atttypmod)
             from pg_catalog.pg_attribute a where a.attrelid = p_table and a.attnum = v_number
         ),
         key_numbers = v_key,
         key_names = cogo.list_columns(p_table, v_key),
         owner_name = p_owner_column,
         owner_number = v_owner,
         version = v_version,
         overwrite = coalesce(p_overwrite, false),
         open_tasks = p_open_tasks,
         project = cogo.clean_label(p_project),
         max_usd_per_row = case
           when p_max_usd_per_row = 'Infinity' then null
           else coalesce(p_max_usd_per_row, c.max_usd_per_row)
         end,
         error = null, error_at = null, errors = 0,
         -- Another owner column, or edits that were missed meanwhile, concern every cell.
         sweep_after = '[]',
         changed_at = cogo.now()
   where c.id = v_id;
  return v_id;
end;
$$;
comment on function cogo.install_column is
  'Check and store the settings of an AI column of a table that was checked; return its id.';

create or replace function cogo.ai_column(
  table_name regclass,
  column_name text,
  prompt text,
  max_usd_per_day numeric default null,
  max_usd_per_row numeric default null,
  max_usd numeric default null,
  model text default null,
  preferences jsonb default '{}',
  params jsonb default '{}',
  schema jsonb default null,
  owner_column text default null,
  sources text[] default null,
  overwrite boolean default false,
  backfill boolean default false,
  open_tasks integer default 100,
  project text default null
)
  returns uuid language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_id uuid;
  v_column cogo.ai_columns;
  v_type constant text := (
    select c.type
      from cogo.ai_columns c
     where c.table_id = table_name
       and c.column_number = (cogo.number_columns(table_name, array[column_name]))[1]
  );
begin
  perform cogo.check_table(table_name);
  perform cogo.check_settings(
    model, preferences, params, schema, array[max_usd_per_day, max_usd_per_row, max_usd], open_tasks
  );
  v_id := cogo.install_column(
    table_name, column_name, prompt, max_usd_per_row, model, preferences, params, schema, owner_column,
    sources, overwrite, open_tasks, project
  );
  select c.* into v_column from cogo.ai_columns c where c.id = v_id;
  perform cogo.recast_cells(v_column);
  if v_type <> v_column.type then
    perform cogo.retake_values(v_column);
  end if;
  perform cogo.install_trigger(v_column);
  perform cogo.attach_trigger(v_column);
  perform cogo.drop_unstarted(v_column);
  if backfill then
    perform cogo.begin_backfill(v_column, '{missing}', null);
  end if;
  -- Budgets are locked after tasks.
  perform cogo.set_column_cap(v_id, 'day', max_usd_per_day);
  perform cogo.set_column_cap(v_id, 'ever', max_usd);
  return v_id;
end;
$$;
comment on function cogo.ai_column is
  'Let models write the values of a column: {name} in the prompt is a column of the same row. Called
again for the same column it changes it; another prompt, model, preferences, params, schema or sources is
a new version, whose predecessor''s values are stale. A cap that is null stays as it is, Infinity removes
it. Its tasks belong to the project, if one is named. Only for the owner of the table, who must be the
owner of schema cogo. Returns the id of the column.';
