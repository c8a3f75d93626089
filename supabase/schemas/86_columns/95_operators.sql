create or replace function cogo.lock_column(p_column_id uuid)
  returns cogo.ai_columns language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns;
begin
  select c.* into v_column
    from cogo.ai_columns c
    join pg_catalog.pg_class r on r.oid = c.table_id
   where c.id = p_column_id
     for no key update of c;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no AI column %s', p_column_id);
  end if;
  return v_column;
end;
$$;
comment on function cogo.lock_column is 'Lock and return an AI column. Raises TQ002.';

-- Security definer: operators have no rights on the tables of AI columns.
create or replace function public.cogo_pause_column(p_column_id uuid, p_reason text default null)
  returns table (id uuid, cells bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_column cogo.ai_columns := cogo.lock_column(p_column_id);
begin
  perform cogo.check_size('p_reason', length(p_reason));
  update cogo.ai_columns c
     set paused_at = coalesce(c.paused_at, cogo.now()),
         paused_reason = coalesce(p_reason, 'paused by an operator')
   where c.id = p_column_id
  returning c.* into v_column;
  perform cogo.announce_pause(v_column);
  return query select p_column_id, 0::bigint;
end;
$$;
comment on function public.cogo_pause_column is
  'Let an AI column ask for nothing until it is resumed; what was asked for is still written.';

-- Security definer: operators have no rights on the tables of AI columns.
create or replace function public.cogo_resume_column(p_column_id uuid)
  returns table (id uuid, cells bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform cogo.lock_column(p_column_id);
  update cogo.ai_columns c
     set paused_at = null, paused_until = null, paused_reason = null, paused_limit = null,
         error = null, error_at = null, errors = 0
   where c.id = p_column_id;
  return query
    select p_column_id, coalesce(sum(n.cells), 0)::bigint
      from cogo.ai_counts n
     where n.column_id = p_column_id and n.state in ('pending', 'asked');
end;
$$;
comment on function public.cogo_resume_column is
  'End the pause of an AI column, whoever made it; return how many cells wait.';

-- Security definer: operators have no rights on the tables of AI columns.
create or replace function public.cogo_backfill_column(
  p_column_id uuid, p_states text[] default '{missing}', p_limit bigint default null,
  p_dry_run boolean default false
)
  returns table (id uuid, cells bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_column cogo.ai_columns := cogo.lock_column(p_column_id);
  v_problem text;
begin
  v_column := cogo.sync_column(p_column_id);
  v_problem := cogo.find_column_problem(v_column);
  if v_problem is not null then
    raise exception using errcode = 'TQ003', message = v_problem;
  end if;
  return query
    select p_column_id, case
      when p_dry_run then cogo.count_backfill(v_column, p_states, p_limit)
      else cogo.begin_backfill(v_column, p_states, p_limit)
    end;
end;
$$;
comment on function public.cogo_backfill_column is
  'Ask for old rows, after all edits: missing (without a value), stale, failed, and kept, whose values
persons wrote and which are overwritten. Returns for how many; with p_dry_run nothing is begun.';

create or replace function cogo.sample_rows(p_column cogo.ai_columns, p_rows integer)
  returns table (
    key jsonb, owner uuid, type text, prompt text, params jsonb, model text, preferences jsonb,
    budget_usd numeric
  )
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_version cogo.ai_column_versions;
  v_shape jsonb;
  v_is_vector boolean;
begin
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_column.id and v.version = p_column.version;
  v_shape := cogo.describe_column(
    p_column.table_id, p_column.column_number, v_version.schema, v_version.params
  );
  v_is_vector := v_shape ->> 'kind' = 'vector';
  return query
    select p.key, p.owner, case when v_is_vector then 'EMBED' else 'CHAT' end,
           p.prompt,
           cogo.build_column_params(v_version, v_shape, array[p.prompt]), v_version.model,
           v_version.preferences, p_column.max_usd_per_row
      from cogo.plan_cells(
             p_column,
             array(
               select m.key
                 from cogo.list_missing(p_column, '[]', least(greatest(p_rows, 1), 1000) * 10) m
                order by not m.is_missing
                limit least(greatest(p_rows, 1), 1000)
             )
           ) p
     where p.fate in ('asked', 'kept');
end;
$$;
comment on function cogo.sample_rows is
  'Return what would be submitted for rows of an AI column, those without a value first.';

-- Security definer: operators have no rights on the tables of AI columns.
create or replace function public.cogo_sample_column(p_column_id uuid, p_rows integer default 10)
  returns table (
    key jsonb, owner uuid, type text, prompt text, params jsonb, model text, preferences jsonb,
    budget_usd numeric
  )
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns := cogo.lock_column(p_column_id);
  v_problem constant text := cogo.find_column_problem(v_column);
begin
  if v_problem is not null then
    raise exception using errcode = 'TQ003', message = v_problem;
  end if;
  return query select s.* from cogo.sample_rows(v_column, p_rows) s;
end;
$$;
comment on function public.cogo_sample_column is
  'Return what would be submitted for some rows of an AI column. Writes nothing.';

create or replace function cogo.preview_ai_column(
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
  rows integer default 10, project text default null
)
  returns setof cogo.ai_samples language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_id uuid;
  v_column cogo.ai_columns;
  v_samples jsonb;
begin
  perform cogo.check_table(table_name);
  perform cogo.check_settings(
    model, preferences, params, schema, array[max_usd_per_day, max_usd_per_row, max_usd], open_tasks
  );
  -- Installed for a moment: the end of the subtransaction takes all of it back.
  begin
    v_id := cogo.install_column(
      table_name, column_name, prompt, max_usd_per_row, model, preferences, params, schema, owner_column,
      sources, true, open_tasks, project
    );
    select c.* into v_column from cogo.ai_columns c where c.id = v_id;
    v_samples := (select jsonb_agg(to_jsonb(s)) from cogo.sample_rows(v_column, rows) s);
    raise exception using errcode = 'UNDO1';
  exception
    when sqlstate 'UNDO1' then
      null;
  end;
  return query select s.* from jsonb_populate_recordset(null::cogo.ai_samples, v_samples) s;
end;
$$;
comment on function cogo.preview_ai_column is
  'Return what cogo.ai_column() with the same arguments would submit for some rows. Writes nothing.';
