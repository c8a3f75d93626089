create or replace function cogo.find_column(p_table regclass, p_name text)
  returns cogo.ai_columns language plpgsql set search_path = ''
as $$
declare
  v_column cogo.ai_columns;
begin
  select c.* into v_column
    from cogo.ai_columns c
   where c.table_id = p_table
     and (
       c.column_number = (cogo.number_columns(p_table, array[p_name]))[1]
       or c.column_name = p_name and cogo.list_columns(p_table, array[c.column_number]) = array[null::text]
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
  p_schema jsonb, p_sources text[]
)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_version integer;
  v_numbers constant smallint[] := cogo.number_columns(p_table, p_sources);
begin
  -- A setting that was there before is the same version: what it made is up to date again.
  select v.version into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_id
     and (v.prompt, v.model, v.preferences, v.params, v.schema, v.sources, v.source_numbers)
         is not distinct from
         (p_prompt, p_model, p_preferences, p_params, p_schema, p_sources, v_numbers)
   order by v.version desc
   limit 1;
  if found then
    return v_version;
  end if;
  insert into cogo.ai_column_versions (
    column_id, version, prompt, model, preferences, params, schema, sources, source_names,
    source_numbers
  )
  select p_id, 1 + coalesce(max(v.version), 0), p_prompt, p_model, p_preferences, p_params, p_schema,
         p_sources, p_sources, v_numbers
    from cogo.ai_column_versions v
   where v.column_id = p_id
  returning version into v_version;
  return v_version;
end;
$$;
comment on function cogo.store_version is
  'Return the number of the version of an AI column with these settings, which is made if it is new.';

create or replace function cogo.set_column_cap(p_id uuid, p_per text, p_usd numeric)
  returns void language plpgsql set search_path = ''
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

create or replace function cogo.attach_trigger(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_name constant text := cogo.name_trigger(p_column.id);
  v_table constant text := cogo.show_table(p_column.table_id);
begin
  -- Not replaced if they are there, since that locks the table.
  if exists (
    select from pg_catalog.pg_trigger t
     where t.tgrelid = p_column.table_id and t.tgname = v_name and t.tgenabled in ('O', 'A')
  ) then
    return;
  end if;
  execute format('drop trigger if exists %I on %s', v_name, v_table);
  execute format('drop trigger if exists %I on %s', v_name || '_truncate', v_table);
  execute format(
    'create trigger %1$I after insert or update or delete on %2$s for each row execute function cogo.%1$I()',
    v_name, v_table
  );
  execute format(
    'create trigger %I after truncate on %s for each statement execute function '
    'cogo.note_truncation(%L)', v_name || '_truncate', v_table, p_column.id
  );
end;
$$;
comment on function cogo.attach_trigger is 'Create the triggers of an AI column, unless it has them.';

create or replace function cogo.install_column(
  p_table regclass, p_name text, p_prompt text, p_max_usd_per_row numeric, p_model text,
  p_preferences jsonb, p_params jsonb, p_schema jsonb, p_owner_column text, p_sources text[],
  p_overwrite boolean, p_open_tasks integer
)
  returns uuid language plpgsql set search_path = ''
as $$
declare
  v_number constant smallint := cogo.check_target(p_table, p_name, p_schema, p_params);
  v_sources constant text[] := cogo.check_sources(p_table, v_number, p_prompt, p_sources);
  v_owner constant smallint := (cogo.number_columns(p_table, array[p_owner_column]))[1];
  v_key constant smallint[] := cogo.find_primary_key(p_table);
  v_id uuid;
  v_version integer;
begin
  if p_owner_column is not null and v_owner is null then
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
    coalesce(p_params, '{}'), p_schema, v_sources
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
  open_tasks integer default 100
)
  returns uuid language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_id uuid;
  v_column cogo.ai_columns;
begin
  perform cogo.check_table(table_name);
  perform cogo.check_settings(
    model, preferences, params, schema, array[max_usd_per_day, max_usd_per_row, max_usd], open_tasks
  );
  v_id := cogo.install_column(
    table_name, column_name, prompt, max_usd_per_row, model, preferences, params, schema, owner_column,
    sources, overwrite, open_tasks
  );
  perform cogo.set_column_cap(v_id, 'day', max_usd_per_day);
  perform cogo.set_column_cap(v_id, 'ever', max_usd);
  select c.* into v_column from cogo.ai_columns c where c.id = v_id;
  perform cogo.install_trigger(v_column);
  perform cogo.attach_trigger(v_column);
  perform cogo.drop_unstarted(v_column);
  if backfill then
    perform cogo.begin_backfill(v_column, '{missing}', null);
  end if;
  return v_id;
end;
$$;
comment on function cogo.ai_column is
  'Let models write the values of a column: {name} in the prompt is a column of the same row. Called again
for the same column it changes it; another prompt, model, preferences, params, schema or sources is a new
version, whose predecessor''s values are stale. A cap that is null stays as it is, Infinity removes it.
Only for the owner of the table, which must be the owner of schema cogo. Returns the id of the column.';

create or replace function cogo.remove_ai_column(table_name regclass, column_name text)
  returns void language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_column cogo.ai_columns := cogo.find_column(table_name, column_name);
  v_name constant text := cogo.name_trigger(v_column.id);
begin
  perform cogo.check_table(table_name);
  execute format('drop trigger if exists %I on %s', v_name, cogo.show_table(table_name));
  execute format(
    'drop trigger if exists %I on %s', v_name || '_truncate', cogo.show_table(table_name)
  );
  perform cogo.forget_column(v_column);
end;
$$;
comment on function cogo.remove_ai_column is
  'Make an AI column an ordinary one: its values stay, nothing of COGO is left. Its open tasks are
cancelled.';

create or replace function cogo.forget_column(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = ''
as $$
begin
  -- The triggers may have gone with their table.
  execute format('drop function if exists cogo.%I()', cogo.name_trigger(p_column.id));
  perform cogo.cancel_unstarted(
    array(
      select t.id from public.cogo_tasks t where t.column_id = p_column.id and t.finished_at is null
    ),
    'its AI column was removed', true
  );
  delete from cogo.ai_edits e where e.column_id = p_column.id;
  delete from cogo.ai_cells c where c.column_id = p_column.id;
  delete from cogo.ai_counts n where n.column_id = p_column.id;
  delete from cogo.budgets b where b.scope = 'column' and b.key = p_column.id::text;
  delete from cogo.ai_columns c where c.id = p_column.id;
end;
$$;
comment on function cogo.forget_column is 'Delete all that is known of an AI column.';

create or replace function cogo.revert_ai_column(
  table_name regclass, column_name text, version integer default null
)
  returns integer language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_column cogo.ai_columns := cogo.find_column(table_name, column_name);
  v_version cogo.ai_column_versions;
begin
  perform cogo.check_table(table_name);
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = v_column.id
     and v.version = coalesce(version, (
       select max(o.version) from cogo.ai_column_versions o
        where o.column_id = v_column.id and o.version < v_column.version
     ));
  if not found then
    perform cogo.refuse_column(
      format('%s.%I has no version %s', cogo.show_table(table_name), column_name,
             coalesce(version::text, format('before %s', v_column.version)))
    );
  end if;
  update cogo.ai_columns c
     set version = v_version.version, error = null, error_at = null, errors = 0, changed_at = cogo.now()
   where c.id = v_column.id
  returning c.* into v_column;
  perform cogo.install_trigger(v_column);
  perform cogo.drop_unstarted(v_column);
  return v_version.version;
end;
$$;
comment on function cogo.revert_ai_column is
  'Go back to a version of an AI column, by default the one before; return its number. What that version
has made is up to date again.';
