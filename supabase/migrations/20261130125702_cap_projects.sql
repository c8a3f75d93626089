-- Cap projects.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table cogo.ai_columns add column project text;

alter table cogo.reservations add column project text;

alter table cogo.reservations add column tags text[] default '{}'::text[] not null;

alter table public.cogo_calls add column project text;

alter table public.cogo_calls add column tags text[] default '{}'::text[] not null;

alter table cogo.budgets drop constraint budgets_scope_check;

alter table cogo.budgets add constraint budgets_scope_check CHECK ((scope = ANY (ARRAY['total'::text, 'owner'::text, 'provider'::text, 'column'::text, 'project'::text])));

create index cogo_calls_project ON public.cogo_calls USING btree (project, started_at) WHERE (project IS NOT NULL);

create or replace function cogo.ai_column(table_name regclass, column_name text, prompt text, max_usd_per_day numeric DEFAULT NULL::numeric, max_usd_per_row numeric DEFAULT NULL::numeric, max_usd numeric DEFAULT NULL::numeric, model text DEFAULT NULL::text, preferences jsonb DEFAULT '{}'::jsonb, params jsonb DEFAULT '{}'::jsonb, schema jsonb DEFAULT NULL::jsonb, owner_column text DEFAULT NULL::text, sources text[] DEFAULT NULL::text[], overwrite boolean DEFAULT false, backfill boolean DEFAULT false, open_tasks integer DEFAULT 100, project text DEFAULT NULL::text)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.find_task_labels(p_task_id uuid)
 RETURNS TABLE(column_id uuid, project text, tags text[])
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(
           t.column_id,
           (
             select r.column_id
               from cogo.child_tasks k join public.cogo_tasks r on r.id = k.root_id
              where k.child_id = t.id
           )
         ), t.project, t.tags
    from public.cogo_tasks t where t.id = p_task_id;
$function$;

create or replace function cogo.install_column(p_table regclass, p_name text, p_prompt text, p_max_usd_per_row numeric, p_model text, p_preferences jsonb, p_params jsonb, p_schema jsonb, p_owner_column text, p_sources text[], p_overwrite boolean, p_open_tasks integer, p_project text)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.lock_budgets(p_owner_keys text[], p_providers text[], p_column_ids uuid[], p_projects text[])
 RETURNS SETOF cogo.budgets
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.create_owner_caps(p_owner_keys);
  perform
     from cogo.budgets b
    where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
       or b.scope = 'provider' and b.key = any (p_providers)
       or b.scope = 'column' and b.key = any (p_column_ids::text[])
       or b.scope = 'project' and b.key = any (p_projects)
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           extra_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.extra_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
        or b.scope = 'provider' and b.key = any (p_providers)
        or b.scope = 'column' and b.key = any (p_column_ids::text[])
        or b.scope = 'project' and b.key = any (p_projects)
    returning b.*;
end;
$function$;

create or replace function cogo.name_cap(p_scope text, p_key text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return case p_scope
    when 'task' then 'the task''s budget'
    when 'total' then 'the cap on everything'
    when 'project' then 'the cap of project ' || p_key
    when 'column' then 'the cap of the AI column ' || coalesce(cogo.show_column(p_key::uuid), p_key)
    else case p_key
      when 'anonymous' then 'the cap that all anonymous sign-ins share'
      when '00000000-0000-0000-0000-000000000000' then 'the cap on tasks without an owner'
      else format('the cap of %s %s', p_scope, p_key)
    end
  end;
end;
$function$;

create or replace function cogo.preview_ai_column(table_name regclass, column_name text, prompt text, max_usd_per_day numeric DEFAULT NULL::numeric, max_usd_per_row numeric DEFAULT NULL::numeric, max_usd numeric DEFAULT NULL::numeric, model text DEFAULT NULL::text, preferences jsonb DEFAULT '{}'::jsonb, params jsonb DEFAULT '{}'::jsonb, schema jsonb DEFAULT NULL::jsonb, owner_column text DEFAULT NULL::text, sources text[] DEFAULT NULL::text[], overwrite boolean DEFAULT false, backfill boolean DEFAULT false, open_tasks integer DEFAULT 100, rows integer DEFAULT 10, project text DEFAULT NULL::text)
 RETURNS SETOF cogo.ai_samples
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.record_calls(p_agent_id text, p_calls jsonb, p_late uuid[])
 RETURNS public.cogo_calls[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_item jsonb;
  v_call public.cogo_calls;
  v_reserved cogo.reservations;
  v_recorded public.cogo_calls[] := '{}';
begin
  -- A cap that is created later would find these calls in the audit log, and they would count twice.
  perform cogo.create_owner_caps(
    array(
      select cogo.budget_key(cogo.to_uuid(c.value ->> 'owner')) from jsonb_array_elements(p_calls) c
    )
  );
  for v_item in select c.value from jsonb_array_elements(p_calls) c loop
    v_call := jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(v_item));
    delete from cogo.reservations r where r.call_id = v_call.id returning r.* into v_reserved;
    -- Its task may have been deleted, and its attempt lost.
    if v_reserved.call_id is not null then
      v_call.column_id := v_reserved.column_id;
      v_call.project := v_reserved.project;
      v_call.tags := v_reserved.tags;
    else
      select f.column_id, f.project, f.tags
        into v_call.column_id, v_call.project, v_call.tags
        from (
          select c.column_id, c.project, c.tags from public.cogo_calls c where c.id = v_call.id
           union all
          select l.* from cogo.find_task_labels(v_call.task_id) l
        ) as f
       limit 1;
      v_call.tags := coalesce(v_call.tags, '{}');
    end if;
    v_call.agent_id := p_agent_id;
    v_call.simulated := coalesce(v_call.simulated, false);
    if v_call.simulated then
      v_call.cost_usd := 0;
    end if;
    v_call.ended_at := cogo.now();
    -- Without its reservation (its attempt has ended) only the caller knows the duration.
    v_call.started_at := coalesce(
      v_reserved.made_at,
      cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
    );
    insert into public.cogo_calls select v_call.* on conflict do nothing;
    if found then
      v_recorded := v_recorded || v_call;
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  return v_recorded;
end;
$function$;

create or replace function cogo.record_lost_calls(p_subtask_ids uuid[], p_attempts integer[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  with lost as (
    delete from cogo.reservations r
     using unnest(p_subtask_ids, p_attempts) as n (id, attempt)
      join public.cogo_attempts a on a.subtask_id = n.id and a.attempt = n.attempt
     where r.subtask_id = n.id and r.attempt = n.attempt and a.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256,
    column_id, project, tags
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256,
         g.column_id, g.project, g.tags
    from lost g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
end;
$function$;

create or replace function cogo.reserved_usd(p_scope text, p_key text)
 RETURNS numeric
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(sum(r.usd), 0)
    from cogo.reservations r
   where case p_scope
           when 'total' then true
           when 'owner' then p_key in (r.owner::text, r.budget_key)
           when 'provider' then r.provider = p_key
           when 'task' then r.task_id = p_key::uuid
           when 'column' then r.column_id = p_key::uuid
           when 'project' then r.project = p_key
         end
     and (r.subtask_id is not null or r.made_at > cogo.now() - interval '1 hour');
$function$;

create or replace function cogo.spend_calls(p_calls public.cogo_calls[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
begin
  if not exists (select from unnest(p_calls) c where c.cost_usd > 0) then
    return;
  end if;
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider), array_agg(c.column_id),
    array_agg(c.project)
  )
     from unnest(p_calls) c where c.cost_usd > 0;
  update cogo.budgets b
     set spent_usd = b.spent_usd + s.usd
    from (
      select a.scope, a.key, sum(c.cost_usd) as usd
        from unnest(p_calls) c
       cross join lateral (
         values ('total', ''), ('owner', cogo.budget_key(c.owner)), ('provider', c.provider),
                ('column', c.column_id::text), ('project', c.project)
       ) as a (scope, key)
       where c.cost_usd > 0
       group by a.scope, a.key
    ) as s
   where b.scope = s.scope and b.key = s.key;
  insert into cogo.ai_counts (column_id, state, priority, usd)
  select k.id, 'spent', 0, c.cost_usd
    from unnest(p_calls) c
    join cogo.ai_columns k on k.id = c.column_id
   where c.cost_usd > 0;
end;
$function$;

create or replace function cogo.spent_usd(p_scope text, p_key text, p_since timestamp with time zone)
 RETURNS numeric
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(sum(c.cost_usd), 0)
    from public.cogo_calls c
   where c.started_at >= p_since
     and case
       when p_scope = 'total' then true
       when p_scope = 'provider' then c.provider = p_key
       when p_scope = 'column' then c.column_id = p_key::uuid
       when p_scope = 'project' then c.project = p_key
       when p_key = 'anonymous' then cogo.is_anonymous(c.owner)
       -- The default is no cap itself.
       when p_key = '*' then false
       else c.owner is not distinct from nullif(p_key, '00000000-0000-0000-0000-000000000000')::uuid
     end;
$function$;

create or replace function cogo.submit_cells(p_column cogo.ai_columns, p_owner uuid, p_priority integer, p_tries integer, p_keys jsonb[], p_hashes bytea[], p_prompts text[])
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
AS $function$
declare
  v_version cogo.ai_column_versions;
  v_shape jsonb;
  v_key text;
  v_id uuid;
  v_is_vector boolean;
begin
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_column.id and v.version = p_column.version;
  v_shape := cogo.describe_column(
    p_column.table_id, p_column.column_number, v_version.schema, v_version.params
  );
  v_is_vector := v_shape ->> 'kind' = 'vector';
  v_key := cogo.identify_task(
    p_column.id, p_owner, p_column.version,
    array(
      select k.key::text || encode(k.hash, 'hex')
        from unnest(p_keys, p_hashes) with ordinality as k (key, hash, nth) order by k.nth
    ), p_tries
  );
  begin
    insert into public.cogo_tasks (
      type, prompt, params, priority, owner, model, preferences, budget_usd, stream, idempotency_key,
      column_id, project
    ) values (
      case when v_is_vector then 'EMBED' else 'CHAT' end,
      case
        when v_is_vector then format(
          '%s.%s: %s texts', cogo.show_table(p_column.table_id), p_column.column_name,
          cardinality(p_keys)
        )
        else p_prompts[1]
      end,
      cogo.build_column_params(v_version, v_shape, p_prompts),
      -- Edits come before old rows.
      case p_priority when 0 then 5 else 9 end,
      p_owner, v_version.model, v_version.preferences,
      p_column.max_usd_per_row * cardinality(p_keys), false, v_key, p_column.id,
      p_column.project
    )
    on conflict do nothing
    returning id into v_id;
  exception
    when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      return sqlerrm;
  end;
  if v_id is null then
    select t.id into v_id
      from public.cogo_tasks t
     where t.idempotency_key = v_key and t.owner is not distinct from p_owner
       and t.column_id = p_column.id;
    if not found then
      -- Somebody has just taken the key for a task of their own: the next time there is another one.
      return '';
    end if;
  end if;
  update cogo.ai_cells c
     set asks = case when c.asks_from > cogo.now() - interval '1 hour' then c.asks else 0 end + 1,
         asks_from = case
           when c.asks_from > cogo.now() - interval '1 hour' then c.asks_from else cogo.now()
         end,
         state = 'asked', task_id = v_id, place = k.nth - 1, version = p_column.version,
         source_hash = k.hash, owner = p_owner, asked_at = cogo.now(), due_at = cogo.now()
    from unnest(p_keys, p_hashes) with ordinality as k (key, hash, nth)
   where c.column_id = p_column.id and c.key = k.key;
  return null;
end;
$function$;

create or replace function public.cogo_begin_call(p_agent_id text, p_call jsonb)
 RETURNS TABLE(answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_item constant jsonb := cogo.sanitize_usage(p_call);
  v_call public.cogo_calls := jsonb_populate_record(null::public.cogo_calls, v_item);
  v_usd numeric := case when v_call.simulated then 0 else (v_item ->> 'max_usd')::numeric end;
  v_budget record;
  v_cap cogo.budgets;
  v_key text := cogo.budget_key(v_call.owner);
begin
  perform cogo.set_actor(p_agent_id);
  if v_call.id is null or v_call.model_id is null or v_call.provider is null
     or p_call ->> 'max_usd' like '-%' then
    raise exception using
      errcode = 'TQ004', message = 'p_call needs id, model_id, provider, and max_usd of 0 or more';
  end if;
  scope := null;
  if exists (select from cogo.spending_stop) then
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  select l.column_id, l.project, l.tags
    into v_call.column_id, v_call.project, v_call.tags
    from cogo.find_task_labels(v_call.task_id) l;
  v_call.tags := coalesce(v_call.tags, '{}');
  if v_call.subtask_id is not null then
    perform
       from public.cogo_attempts a
      where a.subtask_id = v_call.subtask_id and a.attempt = v_call.attempt
        and a.agent_id = p_agent_id and a.ended_at is null
        for share;
    if not found then
      answer := 'stale';
      detail := 'the attempt is over';
      return next;
      return;
    end if;
  end if;
  if exists (select from cogo.reservations r where r.call_id = v_call.id) then
    answer := 'ok';
    return next;
    return;
  end if;
  detail := cogo.validate_grant(v_call.owner, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'not_granted';
    return next;
    return;
  end if;
  detail := cogo.find_ban(v_call.owner, v_call.subtask_id, v_call.model_id, v_call.provider);
  if detail is not null then
    answer := 'banned';
    return next;
    return;
  end if;

  if v_call.simulated is not true then
    perform cogo.lock_task_budgets(array[v_call.task_id]);
    for v_budget in select b.* from cogo.task_budgets(v_call.task_id) b order by b.height loop
      select p.* into answer, scope, detail, resets_at
        from cogo.evaluate_cap(
          'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, v_budget.spent_usd,
          v_budget.reserved_usd, v_usd
        ) p;
      if answer is not null then
        if v_budget.height > 0 then
          detail := replace(
            detail, 'the task''s budget', format('the budget of its parent task %s', v_budget.task_id)
          );
        end if;
        question := cogo.build_budget_question(
          answer, v_call, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd,
          v_budget.spent_usd, v_budget.reserved_usd, v_usd
        );
        perform cogo.note_refusal(
          v_call, answer, 'task', v_budget.task_id::text, 'ever', v_budget.budget_usd, false, detail,
          null, v_usd
        );
        return next;
        return;
      end if;
    end loop;
  end if;
  for v_cap in
    select b.* from cogo.lock_budgets(
      array[v_key], array[v_call.provider], array[v_call.column_id], array[v_call.project]
    ) b
     where v_call.simulated is not true
     order by b.scope, b.key, b.per
  loop
    select p.* into answer, scope, detail, resets_at
      from cogo.evaluate_cap(
        v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd, v_cap.allow_unpriced,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      ) p;
    if answer is not null then
      question := cogo.build_budget_question(
        answer, v_call, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.spent_usd, cogo.reserved_usd(v_cap.scope, v_cap.key), v_usd
      );
      perform cogo.note_refusal(
        v_call, answer, v_cap.scope, v_cap.key, v_cap.per, v_cap.limit_usd + v_cap.extra_usd,
        v_cap.allow_unpriced, detail, resets_at, v_usd
      );
      return next;
      return;
    end if;
  end loop;

  -- It may have waited for the locks of budgets.
  if exists (select from cogo.spending_stop) then
    answer := 'stopped';
    detail := cogo.describe_stop();
    return next;
    return;
  end if;
  insert into cogo.reservations (
    call_id, subtask_id, attempt, agent_id, task_id, owner, budget_key, provider, call, usd,
    column_id, project, tags
  ) values (
    v_call.id, v_call.subtask_id, v_call.attempt, p_agent_id, v_call.task_id,
    coalesce(v_call.owner, '00000000-0000-0000-0000-000000000000'), v_key, v_call.provider,
    v_item - 'prompt', v_usd, v_call.column_id, v_call.project, v_call.tags
  )
  on conflict do nothing;
  answer := 'ok';
  return next;
end;
$function$;

create or replace function public.cogo_begin_calls(p_agent_id text, p_calls jsonb)
 RETURNS TABLE(id uuid, answer text, scope text, detail text, resets_at timestamp with time zone, question jsonb)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_held uuid[];
  v_calls public.cogo_calls[];
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using errcode = 'TQ004', message = 'p_calls must be a list of calls';
  end if;
  v_calls := array(
    select c
      from jsonb_array_elements(p_calls) i
     cross join jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(i.value)) c
  );
  v_held := array(
    select a.subtask_id
      from unnest(v_calls) c
      join public.cogo_attempts a on a.subtask_id = c.subtask_id and a.attempt = c.attempt
     where a.agent_id = p_agent_id and a.ended_at is null
     order by a.subtask_id, a.attempt
       for share of a skip locked
  );
  v_calls := array(
    select c
      from unnest(v_calls) c
     where c.subtask_id is null or c.subtask_id = any (v_held) or not exists (
       select from public.cogo_attempts a
        where a.subtask_id = c.subtask_id and a.attempt = c.attempt
          and a.agent_id = p_agent_id and a.ended_at is null
     )
  );
  perform cogo.lock_task_budgets(
    array(select c.task_id from unnest(v_calls) c where c.simulated is not true)
  );
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider), array_agg(l.column_id),
    array_agg(l.project)
  )
     from unnest(v_calls) c
     left join lateral cogo.find_task_labels(c.task_id) l on true;
  return query
    select cogo.to_uuid(i.item ->> 'id'), b.*
      from jsonb_array_elements(p_calls) with ordinality as i (item, ordinal)
     cross join lateral public.cogo_begin_call(p_agent_id, i.item) b
     where cogo.to_uuid(i.item ->> 'id') = any (array(select c.id from unnest(v_calls) c))
     order by i.ordinal;
end;
$function$;

create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
 RETURNS TABLE(removed boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.lock_budget_waits();
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       when p_scope = 'project' then coalesce(cogo.clean_label(p_key), '')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  perform cogo.recheck_budget_waits(p_scope);
  return next;
end;
$function$;

create or replace function public.cogo_set_budget(p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean DEFAULT false)
 RETURNS TABLE(scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric, reserved_usd numeric, resets_at timestamp with time zone, is_default boolean, extra_usd numeric)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    when p_scope = 'project' then coalesce(cogo.clean_label(p_key), '')
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider', 'column', 'project')
     or p_scope = 'column' and not exists (select from cogo.ai_columns c where c.id::text = v_key)
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_scope = 'project' and length(v_key) > 100
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for owners without a cap), provider (its id), column (the id of an AI column) or project (its '
        'name), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  perform cogo.lock_budget_waits();
  -- A new cap includes the cost so far in its period.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false, extra_usd = 0;
  if p_scope = 'owner' then
    -- An owner with a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false),
           extra_usd = 0
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  perform cogo.recheck_budget_waits(p_scope);
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$function$;

drop function cogo.ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer);

drop function cogo.find_task_column(uuid);

drop function cogo.install_column(regclass,text,text,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,integer);

drop function cogo.lock_budgets(text[],text[],uuid[]);

drop function cogo.preview_ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,integer);

create or replace view public.cogo_columns with (security_invoker=true) as
 SELECT c.id,
    format('%I.%I'::text, s.nspname, r.relname) AS table_name,
    c.column_name,
    c.type,
    c.version,
    v.prompt,
    v.model,
    v.preferences,
    v.params,
    v.schema,
    v.source_names AS sources,
    c.owner_name AS owner_column,
    c.overwrite,
    c.open_tasks,
    c.max_usd_per_row,
    ( SELECT b.limit_usd
           FROM cogo.budgets b
          WHERE ((b.scope = 'column'::text) AND (b.key = (c.id)::text) AND (b.per = 'day'::text))) AS max_usd_per_day,
    ( SELECT b.limit_usd
           FROM cogo.budgets b
          WHERE ((b.scope = 'column'::text) AND (b.key = (c.id)::text) AND (b.per = 'ever'::text))) AS max_usd,
    trim_scale(cogo.spent_usd('column'::text, (c.id)::text, cogo.period_start('day'::text, cogo.now()))) AS spent_today_usd,
    trim_scale(COALESCE(n.usd, (0)::numeric)) AS spent_usd,
    COALESCE(n.pending, (0)::bigint) AS pending,
    COALESCE(n.asked, (0)::bigint) AS asked,
    COALESCE(n.done, (0)::bigint) AS done,
    COALESCE(n.stale, (0)::bigint) AS stale,
    COALESCE(n.failed, (0)::bigint) AS failed,
    COALESCE(n.kept, (0)::bigint) AS kept,
    c.paused_at,
        CASE
            WHEN (c.paused_until < 'infinity'::timestamp with time zone) THEN c.paused_until
            ELSE NULL::timestamp with time zone
        END AS paused_until,
    c.paused_reason,
    COALESCE(cogo.instance_problem(), cogo.find_column_problem(c.*)) AS standing_still,
    COALESCE(c.error,
        CASE
            WHEN (c.outages >= 10) THEN format('the last %s tasks failed, so one row is asked for every 30 seconds: %s'::text, c.outages, c.outage)
            WHEN (c.outages > 0) THEN ('the last task failed: '::text || c.outage)
            ELSE NULL::text
        END) AS error,
        CASE
            WHEN (c.backfill_total IS NOT NULL) THEN jsonb_build_object('total', c.backfill_total, 'done', GREATEST((0)::bigint, ((c.backfill_total - COALESCE(c.backfill_left, (0)::bigint)) - COALESCE(n.waiting, (0)::bigint))), 'from', c.backfill_at)
            ELSE NULL::jsonb
        END AS backfill,
    c.created_at,
    c.changed_at,
    c.key_names AS key_columns,
    v.sources AS named_sources,
    c.project
   FROM ((((cogo.ai_columns c
     JOIN pg_class r ON ((r.oid = (c.table_id)::oid)))
     JOIN pg_namespace s ON ((s.oid = r.relnamespace)))
     JOIN cogo.ai_column_versions v ON (((v.column_id = c.id) AND (v.version = c.version))))
     LEFT JOIN LATERAL ( SELECT (sum(k.cells) FILTER (WHERE (k.state = ANY (ARRAY['pending'::text, 'asked'::text]))))::bigint AS pending,
            (sum(k.cells) FILTER (WHERE (k.state = 'asked'::text)))::bigint AS asked,
            (sum(k.cells) FILTER (WHERE ((k.state = 'done'::text) AND (k.version = c.version))))::bigint AS done,
            (sum(k.cells) FILTER (WHERE ((k.state = 'done'::text) AND (k.version <> c.version))))::bigint AS stale,
            (sum(k.cells) FILTER (WHERE (k.state = 'failed'::text)))::bigint AS failed,
            (sum(k.cells) FILTER (WHERE (k.state = 'kept'::text)))::bigint AS kept,
            (sum(k.cells) FILTER (WHERE ((k.state = ANY (ARRAY['pending'::text, 'asked'::text])) AND (k.priority = 1))))::bigint AS waiting,
            sum(k.usd) AS usd
           FROM cogo.ai_counts k
          WHERE (k.column_id = c.id)) n ON (true));

comment on column cogo.budgets.key is
  'Scope owner: the uuid (nil: tasks without one), anonymous (all anonymous sign-ins together) or * (the
default of owners without a cap of their own). Scope provider: its id. Scope column: the id of an AI
column. Scope project: its name. Scope total: empty.';

comment on column public.cogo_calls.project is
  'That of its task when it began, as its tags.';

comment on function cogo.ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,text) is
  'Let models write the values of a column: {name} in the prompt is a column of the same row. Called
again for the same column it changes it; another prompt, model, preferences, params, schema or sources is
a new version, whose predecessor''s values are stale. A cap that is null stays as it is, Infinity removes
it. Its tasks belong to the project, if one is named. Only for the owner of the table, who must be the owner of schema cogo. Returns the id of the
column.';

comment on function cogo.find_task_labels(uuid) is
  'Return the AI column that a task, or the task above it, answers, with its project and tags.';

comment on function cogo.install_column(regclass,text,text,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,integer,text) is
  'Check and store the settings of an AI column of a table that was checked; return its id.';

comment on function cogo.lock_budgets(text[],text[],uuid[],text[]) is
  'Lock the caps that apply to calls, by key, and begin new periods; return them. Owners without a cap
of their own get the default one.';

comment on function cogo.preview_ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,integer,text) is
  'Return what cogo.ai_column() with the same arguments would submit for some rows. Writes nothing.';

comment on function public.cogo_set_budget(text,text,text,numeric,boolean) is
  'Cap spending in US dollars: in total, of an owner, at a provider, of an AI column or of a project, per
day, month (UTC) or ever.
Key * of scope owner caps each owner without a cap of their own; anonymous caps anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced. A new limit replaces
what people have approved on top of the old one.';

revoke all on function cogo.ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,text) from public, anon, authenticated, service_role;

revoke all on function cogo.find_task_labels(uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.find_task_labels(uuid) to service_role;

revoke all on function cogo.install_column(regclass,text,text,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,integer,text) from public, anon, authenticated, service_role;

revoke all on function cogo.lock_budgets(text[],text[],uuid[],text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.lock_budgets(text[],text[],uuid[],text[]) to service_role;

revoke all on function cogo.preview_ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,integer,text) from public, anon, authenticated, service_role;

insert into cogo.schema_versions (version) values ('20261130125702')
on conflict (version) do nothing;
