-- Erase projects.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create index cogo_memories_task ON public.cogo_memories USING btree (task_id) WHERE (task_id IS NOT NULL);

create or replace function cogo.add_erased(p_subject text, p_counts jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update cogo.erasures e
     set counts = cogo.add_counts(e.counts, p_counts)
   where e.owner_sha256 = cogo.hash_subject(p_subject) and e.finished_at is null;
  return jsonb_build_object('is_done', false, 'erased', p_counts);
end;
$function$;

create or replace function cogo.begin_erasure(p_subject text, p_requested_by text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into cogo.erasures (owner_sha256, requested_by)
  values (cogo.hash_subject(p_subject), p_requested_by)
  on conflict (owner_sha256) where finished_at is null do nothing;
  return found;
end;
$function$;

create or replace function cogo.build_project_condition(p_via text, p_column text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select format(
    case p_via
      when 'project' then 't.%I = $1'
      when 'budget' then 't.scope = ''project'' and t.%I = $1'
      when 'task' then 't.%I in (select k.id from public.cogo_tasks k where k.project = $1)'
      when 'subtask' then
        't.%I in (select s.id from cogo.subtasks s join public.cogo_tasks k on k.id = s.task_id '
        'where k.project = $1)'
      -- An answer does not say for which task it was given.
      when 'owners' then
        'coalesce(t.%I, ''00000000-0000-0000-0000-000000000000'') in ('
        'select coalesce(k.owner, ''00000000-0000-0000-0000-000000000000'') '
        'from public.cogo_tasks k where k.project = $1)'
      when 'action' then 'cogo.names_project(t, $1)'
    end, p_column
  )
$function$;

create or replace function cogo.cancel_erased(p_owner uuid, p_project text, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids constant uuid[] := array(
    select t.id from public.cogo_tasks t
     where (t.owner = p_owner or t.project = p_project)
       and t.finished_at is null and t.parent_task_id is null
     order by t.seq limit p_limit
  );
  v_reason constant text := case when p_owner is null then 'its project is erased'
                                 else 'its owner is erased' end;
  v_id uuid;
begin
  foreach v_id in array v_ids loop
    begin
      perform public.cogo_cancel_task(v_id, v_reason);
    exception
      when sqlstate 'TQ002' or sqlstate 'TQ003' then
        null;  -- it has ended meanwhile
    end;
  end loop;
  return cardinality(v_ids);
end;
$function$;

create or replace function cogo.close_erasure(p_subject text, p_details jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_erasure cogo.erasures;
  v_receipt text;
begin
  update cogo.erasures e
     set finished_at = cogo.now()
   where e.owner_sha256 = cogo.hash_subject(p_subject) and e.finished_at is null
  returning * into v_erasure;
  v_receipt := (
    jsonb_build_object(
      'id', v_erasure.id, 'requested_by', v_erasure.requested_by,
      'started_at', v_erasure.started_at, 'finished_at', v_erasure.finished_at,
      'erased', v_erasure.counts
    ) || p_details
  )::text;
  update cogo.erasures e
     set receipt_sha256 = cogo.hash_subject(v_receipt)
   where e.id = v_erasure.id
  returning e.receipt_sha256 into v_erasure.receipt_sha256;
  return jsonb_build_object(
    'is_done', true, 'erased', '{}'::jsonb, 'receipt', v_receipt,
    'sha256', v_erasure.receipt_sha256
  );
end;
$function$;

create or replace function cogo.count_of_project(p_project text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_counts jsonb := '{}';
  v_rule record;
  v_number bigint;
begin
  for v_rule in select r.* from cogo.list_project_rules() r loop
    execute format(
      'select count(*) from %s t where %s', v_rule.name,
      cogo.build_project_condition(v_rule.via, v_rule.col)
    ) into v_number using p_project;
    v_counts := cogo.add_counts(v_counts, jsonb_build_object(v_rule.name, v_number));
  end loop;
  return v_counts;
end;
$function$;

create or replace function cogo.drop_changed_sums(p_owner uuid, p_project text)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_dropped integer;
begin
  -- What is being summed now is deleted too.
  perform from cogo.usage_clock c for update;
  with dropped as (
    delete from cogo.usage_sums s where s.hour in (select x.hour from cogo.usage_changes x)
    returning s.owner, s.project
  )
  select count(*) filter (where d.owner = p_owner or d.project = p_project) into v_dropped
    from dropped d;
  return v_dropped;
end;
$function$;

create or replace function cogo.erase_conversations(p_project text, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_counts jsonb;
  v_session record;
  v_empty integer := 0;
begin
  with found as materialized (
    select m.session_id, m.seq
      from public.cogo_messages m
      join public.cogo_tasks t on t.id = m.task_id
     where t.project = p_project
     limit p_limit
  ), erased as (
    delete from public.cogo_messages m using found f
     where m.session_id = f.session_id and m.seq = f.seq
    returning m.owner, m.session_id
  ), summaries as (
    -- They tell what was said.
    delete from cogo.session_summaries s
     using public.cogo_sessions e, (select distinct x.owner, x.session_id from erased x) as x
     where s.session_seq = e.seq and e.id = x.session_id and e.owner is not distinct from x.owner
    returning s.session_seq
  )
  select jsonb_build_object(
           'public.cogo_messages', (select count(*) from erased),
           'cogo.session_summaries', (select count(*) from summaries)
         ) into v_counts;
  for v_session in
    select e.owner, e.id
      from (
        select distinct t.owner, t.session_id
          from public.cogo_tasks t where t.project = p_project and t.session_id is not null
      ) as n
      join public.cogo_sessions e on e.id = n.session_id and e.owner is not distinct from n.owner
     where not exists (
         select from public.cogo_tasks t
          where t.session_id = e.id and t.owner is not distinct from e.owner
            and t.project is distinct from p_project
       )
       and not exists (
         select from public.cogo_messages m
          where m.session_id = e.id and m.owner is not distinct from e.owner
       )
     limit p_limit
  loop
    perform public.cogo_forget_sessions(p_owner => v_session.owner, p_ids => array[v_session.id]);
    v_empty := v_empty + 1;
  end loop;
  -- Of sessions that stay: what they are called by, if that is what a task of the project asked.
  update public.cogo_sessions e
     set title = null
    from public.cogo_tasks t
   where t.project = p_project and e.owner is not distinct from t.owner
     and (e.id = t.session_id or e.forked_from = t.session_id) and e.title = left(t.prompt, 80);
  return cogo.add_counts(v_counts, jsonb_build_object('public.cogo_sessions', v_empty));
end;
$function$;

create or replace function cogo.erase_settings(p_project text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_counts jsonb := '{}';
  v_rule record;
  v_number integer;
begin
  for v_rule in
    select r.* from cogo.list_project_rules() r
     where r.name in (
       'cogo.reservations', 'cogo.api_keys', 'public.cogo_project_members', 'cogo.budgets'
     )
  loop
    execute format(
      'delete from %s t where %s', v_rule.name,
      cogo.build_project_condition(v_rule.via, v_rule.col)
    ) using p_project;
    get diagnostics v_number = row_count;
    v_counts := cogo.add_counts(v_counts, jsonb_build_object(v_rule.name, v_number));
  end loop;
  return v_counts;
end;
$function$;

create or replace function cogo.erase_tasks(p_owner uuid, p_project text, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_roots constant uuid[] := array(
    select t.id from public.cogo_tasks t
     where (t.owner = p_owner or t.project = p_project)
       and t.parent_task_id is null and t.finished_at is not null
       -- Agents still have to learn what became of their leases.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
       and not exists (
         select from cogo.child_tasks k join cogo.subtasks s on s.task_id = k.child_id
          where k.root_id = t.id and s.finished_at is null
       )
     order by t.seq limit p_limit
       for update skip locked
  );
  v_ids constant uuid[] := v_roots || array(
    select k.child_id from cogo.child_tasks k where k.root_id = any (v_roots)
  );
  v_steps constant uuid[] := array(select s.id from cogo.subtasks s where s.task_id = any (v_ids));
  v_counts jsonb;
begin
  if cardinality(v_roots) = 0 then
    return '{}';
  end if;
  v_counts := cogo.add_counts(
    cogo.add_counts(cogo.count_parts('task', v_ids), cogo.count_parts('subtask', v_steps)),
    jsonb_build_object('public.cogo_tasks', cardinality(v_ids))
  );
  delete from cogo.wakes w where w.child_id = any (v_ids);
  delete from cogo.outcomes o where o.subtask_id = any (v_steps);
  delete from cogo.ai_refusals r where r.task_id = any (v_ids);
  delete from public.cogo_tasks t where t.id = any (v_roots);
  return v_counts;
end;
$function$;

create or replace function cogo.export_rows(p_table text, p_condition text, p_after jsonb, p_limit integer)
 RETURNS TABLE(place jsonb, data jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_keys text[];
begin
  select array_agg(a.attname order by array_position(i.indkey::int2[], a.attnum)) into v_keys
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
   where i.indrelid = p_table::regclass and i.indisprimary;
  return query execute format(
    'select jsonb_build_object(%s), to_jsonb(t) - ''hash'' from %s t where %s '
    'and ($1 is null or (%s) > (select %s from jsonb_populate_record(null::%s, $1) r)) '
    'order by %s limit $2',
    (select string_agg(format('%L, t.%I', k, k), ', ') from unnest(v_keys) as k), p_table,
    p_condition, (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k),
    (select string_agg(format('r.%I', k), ', ') from unnest(v_keys) as k), p_table,
    (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k)
  ) using p_after, least(greatest(coalesce(p_limit, 500), 1), 5000);
end;
$function$;

create or replace function cogo.forget_owner_of_records(p_owner uuid, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_cells integer;
  v_calls integer;
  v_sums integer := 0;
begin
  with found as materialized (
    select c.column_id, c.key from cogo.ai_cells c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update cogo.ai_cells c
     set owner = null, reason = null,
         -- One that is asked finds its task gone by this.
         task_id = case when c.state = 'asked' then c.task_id end
    from found f where c.column_id = f.column_id and c.key = f.key;
  get diagnostics v_cells = row_count;
  with found as materialized (
    select c.id, c.outcome from public.cogo_calls c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update public.cogo_calls c
     set owner = null, task_id = null, subtask_id = null, prompt = null, prompt_sha256 = null
    from found f where c.id = f.id and c.outcome = f.outcome;
  get diagnostics v_calls = row_count;
  if v_calls > 0 then
    v_sums := cogo.drop_changed_sums(p_owner, null);
  end if;
  return cogo.add_counts(
    '{}', jsonb_build_object(
      'cogo.ai_cells', v_cells, 'public.cogo_calls', v_calls, 'cogo.usage_sums', v_sums
    )
  );
end;
$function$;

create or replace function cogo.forget_project(p_project text, p_limit integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_calls integer;
  v_sums integer;
  v_columns integer := 0;
  v_actions integer := 0;
begin
  with found as materialized (
    select c.id, c.outcome from public.cogo_calls c where c.project = p_project limit p_limit
       for no key update skip locked
  )
  update public.cogo_calls c
     set project = null, tags = '{}', task_id = null, subtask_id = null, prompt = null,
         prompt_sha256 = null
    from found f where c.id = f.id and c.outcome = f.outcome;
  get diagnostics v_calls = row_count;
  if v_calls = 0 then
    update cogo.ai_columns c set project = null where c.project = p_project;
    get diagnostics v_columns = row_count;
    update public.cogo_actions a
       set subject = 'erased', before = null, after = null, reason = null
     where cogo.names_project(a, p_project);
    get diagnostics v_actions = row_count;
  end if;
  v_sums := cogo.drop_changed_sums(null, p_project);
  return cogo.add_counts('{}', jsonb_build_object(
    'public.cogo_calls', v_calls, 'cogo.usage_sums', v_sums, 'cogo.ai_columns', v_columns,
    'public.cogo_actions', v_actions
  ));
end;
$function$;

create or replace function cogo.hash_subject(p_subject text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN encode(sha256(convert_to(p_subject, 'UTF8'::name)), 'hex'::text);

create or replace function cogo.list_project_rules()
 RETURNS TABLE(name text, via text, col text, fate text, is_exported boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select r.* from cogo.list_erasure_rules() r where r.via in ('task', 'subtask')
   union all
  values
    ('public.cogo_tasks', 'project', 'project', 'delete', true),
    ('public.cogo_messages', 'task', 'task_id', 'delete', true),
    ('public.cogo_memories', 'task', 'task_id', 'delete', true),
    ('cogo.cached_answers', 'owners', 'owner', 'delete', false),
    ('cogo.reservations', 'project', 'project', 'delete', false),
    ('cogo.api_keys', 'project', 'project', 'delete', true),
    ('public.cogo_project_members', 'project', 'project', 'delete', true),
    ('cogo.budgets', 'budget', 'key', 'delete', true),
    ('public.cogo_calls', 'project', 'project', 'forget', true),
    ('cogo.usage_sums', 'project', 'project', 'delete', false),
    ('cogo.ai_columns', 'project', 'project', 'forget', true),
    ('public.cogo_actions', 'action', 'subject', 'forget', true)
$function$;

create or replace function cogo.names_project(p_action public.cogo_actions, p_project text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN CASE (p_action).kind WHEN 'member'::text THEN ("left"((p_action).subject, '-37'::integer) = p_project) WHEN 'budget'::text THEN ((p_action).subject = ((('project:'::text || p_project) || ':'::text) || split_part((p_action).subject, ':'::text, '-1'::integer))) ELSE (((COALESCE((p_action).before, (p_action).after) ->> 'project'::text) = p_project) OR (((p_action).after ->> 'project'::text) = p_project)) END;

create or replace function public.cogo_erase_owner(p_owner uuid, p_limit integer DEFAULT 100, p_requested_by text DEFAULT NULL::text, p_dry_run boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
  v_cancelled integer;
  v_counts jsonb;
  v_open bigint;
begin
  if p_owner is null or p_owner = '00000000-0000-0000-0000-000000000000' then
    raise exception using errcode = 'TQ004', message = 'p_owner must name an owner';
  elsif length(p_requested_by) > 200 then
    raise exception using errcode = 'TQ008', message = 'p_requested_by has more than 200 characters';
  elsif p_dry_run then
    return jsonb_build_object('is_done', false, 'erased', cogo.count_owned(p_owner));
  end if;
  perform cogo.set_operator(p_requested_by, null);
  perform cogo.begin_erasure(p_owner::text, p_requested_by);
  -- One kind a call, so that its locks are those of one kind.
  v_cancelled := cogo.cancel_erased(p_owner, null, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_counts := cogo.erase_memory(p_owner, v_limit * 10);
  if v_counts = '{}' then
    v_counts := cogo.erase_sessions(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(p_owner, null, v_limit);
  end if;
  if v_counts = '{}' then
    select count(*) into v_open from public.cogo_tasks t where t.owner = p_owner;
    if v_open > 0 then
      return jsonb_build_object('is_done', false, 'waiting', v_open, 'erased', '{}'::jsonb);
    end if;
    v_counts := cogo.forget_owner_of_records(p_owner, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_traces(p_owner);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.count_owned(p_owner);  -- of rows that somebody else has locked
    if v_counts = '{}' then
      return cogo.close_erasure(
        p_owner::text, jsonb_build_object(
          'owner', p_owner, 'pending_in_indexes',
          (select count(*) from cogo.vector_changes c where c.owner = p_owner)
        )
      );
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  return cogo.add_erased(p_owner::text, v_counts);
end;
$function$;

create or replace function public.cogo_erase_project(p_project text, p_limit integer DEFAULT 100, p_requested_by text DEFAULT NULL::text, p_dry_run boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_project constant text := cogo.clean_label(p_project);
  v_subject constant text := 'project:' || v_project;
  v_limit constant integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
  v_cancelled integer;
  v_memories uuid[];
  v_counts jsonb := '{}';
  v_number bigint;
begin
  if v_project is null then
    raise exception using errcode = 'TQ004', message = 'p_project must name a project';
  elsif length(p_requested_by) > 200 then
    raise exception using errcode = 'TQ008', message = 'p_requested_by has more than 200 characters';
  elsif p_dry_run then
    return jsonb_build_object('is_done', false, 'erased', cogo.count_of_project(v_project));
  end if;
  perform cogo.set_operator(p_requested_by, null);
  if cogo.begin_erasure(v_subject, p_requested_by) then
    execute 'delete from cogo.cached_answers t where '
            || cogo.build_project_condition('owners', 'owner') using v_project;
    get diagnostics v_number = row_count;
    if v_number > 0 then
      return cogo.add_erased(v_subject, jsonb_build_object('cogo.cached_answers', v_number));
    end if;
  end if;
  -- One kind a call, as for owners.
  v_cancelled := cogo.cancel_erased(null, v_project, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_memories := array(
    select m.id
      from public.cogo_memories m join public.cogo_tasks t on t.id = m.task_id
     where t.project = v_project limit v_limit * 10
  );
  if cardinality(v_memories) > 0 then
    v_counts := cogo.add_counts(
      cogo.count_parts('memory', v_memories),
      jsonb_build_object('public.cogo_memories', cardinality(v_memories))
    );
    perform public.cogo_forget_memory(p_every_owner => true, p_ids => v_memories);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_conversations(v_project, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(null, v_project, v_limit);
  end if;
  if v_counts = '{}' then
    select count(*) into v_number from public.cogo_tasks t where t.project = v_project;
    if v_number > 0 then
      return jsonb_build_object('is_done', false, 'waiting', v_number, 'erased', '{}'::jsonb);
    end if;
    v_counts := cogo.erase_settings(v_project);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.forget_project(v_project, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.count_of_project(v_project);  -- of rows that somebody else has locked
    if v_counts = '{}' then
      return cogo.close_erasure(v_subject, jsonb_build_object('project', v_project));
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  return cogo.add_erased(v_subject, v_counts);
end;
$function$;

create or replace function public.cogo_export_owner(p_owner uuid, p_table text, p_after jsonb DEFAULT NULL::jsonb, p_limit integer DEFAULT 500)
 RETURNS TABLE(place jsonb, data jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_rule record;
begin
  select r.* into v_rule from cogo.list_erasure_rules() r where r.name = p_table and r.is_exported;
  if v_rule is null or p_owner is null then
    raise exception using errcode = 'TQ004',
      message = 'p_owner must name an owner, and p_table a table of cogo_export_tables()';
  end if;
  return query
    select * from cogo.export_rows(
      v_rule.name,
      replace(
        cogo.build_owner_condition(v_rule.via, v_rule.col), '$1', format('%L::uuid', p_owner)
      ), p_after, p_limit
    );
end;
$function$;

create or replace function public.cogo_export_project(p_project text, p_table text, p_after jsonb DEFAULT NULL::jsonb, p_limit integer DEFAULT 500)
 RETURNS TABLE(place jsonb, data jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_project constant text := cogo.clean_label(p_project);
  v_rule record;
begin
  select r.* into v_rule from cogo.list_project_rules() r where r.name = p_table and r.is_exported;
  if v_rule is null or v_project is null then
    raise exception using errcode = 'TQ004', message =
      'p_project must name a project, and p_table a table of cogo_export_tables(true)';
  end if;
  return query
    select * from cogo.export_rows(
      v_rule.name,
      replace(
        cogo.build_project_condition(v_rule.via, v_rule.col), '$1',
        format('%L::text', v_project)
      ), p_after, p_limit
    );
end;
$function$;

create or replace function public.cogo_export_tables(p_of_project boolean DEFAULT false)
 RETURNS TABLE(name text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select r.name from cogo.list_erasure_rules() r where r.is_exported and not p_of_project
   union all
  select r.name from cogo.list_project_rules() r where r.is_exported and p_of_project;
$function$;

drop function cogo.cancel_owned(uuid,integer);

drop function cogo.close_erasure(uuid);

drop function cogo.drop_changed_sums(uuid);

drop function cogo.erase_tasks(uuid,integer);

drop function public.cogo_export_tables();

comment on table cogo.erasures is
  'Erasures of owners and projects: rows by table, when, who asked, and the SHA-256 of the receipt. They
go on where they were interrupted while finished_at is null.';

comment on column cogo.erasures.owner_sha256 is
  'Of the owner, or of `project:` and the name.';

comment on function cogo.add_erased(text,jsonb) is
  'Add the rows of a batch to its erasure; return the answer that has them.';

comment on function cogo.begin_erasure(text,text) is
  'Note an erasure; return false if it has begun before.';

comment on function cogo.build_project_condition(text,text) is
  'Return the condition on rows t of a table that belong to project $1, by one of our rules.';

comment on function cogo.cancel_erased(uuid,text,integer) is
  'Cancel open tasks of an owner or a project; return how many.';

comment on function cogo.close_erasure(text,jsonb) is
  'End an erasure of which nothing is left; return its receipt, with p_details.';

comment on function cogo.count_of_project(text) is
  'Return the number of rows that refer to a project, by table.';

comment on function cogo.drop_changed_sums(uuid,text) is
  'Delete the sums that do not count, which may name whom the calls do not name any more; return how many
were of an owner or a project. What the transaction locks after it must be its own.';

comment on function cogo.erase_conversations(text,integer) is
  'Erase messages of the tasks of a project with the summaries that tell of them, and sessions in which
then nothing is left.';

comment on function cogo.erase_settings(text) is
  'Erase the keys, members and caps of a project.';

comment on function cogo.erase_tasks(uuid,text,integer) is
  'Erase ended tasks of an owner or a project, with their child tasks and all that belongs to them.';

comment on function cogo.export_rows(text,text,jsonb,integer) is
  'Return rows t of a table that meet a condition, after `place` of the last one, without hashes of keys.
Both texts become SQL: they are ours.';

comment on function cogo.forget_project(text,integer) is
  'Take a project, its tasks and prompts from calls, whose amounts and owners stay, and then its name
from AI columns and the log of actions.';

comment on function cogo.hash_subject(text) is
  'Return the hash of an owner, or of `project:` and a name, under which an erasure is noted.';

comment on function cogo.list_project_rules() is
  'Return what an erasure and an export do with each table that refers to a project.';

comment on function cogo.names_project(public.cogo_actions,text) is
  'Return whether a row of the log of actions names a project.';

comment on function public.cogo_erase_project(text,integer,text,boolean) is
  'For operators: erase a batch of all that belongs to a project: its tasks with what they said and
remembered, its keys, members and caps. Call it until is_done, as cogo_erase_owner(). What its owners
and members have elsewhere stays; calls stay without project, tasks and prompts. p_dry_run only counts.';

comment on function public.cogo_export_project(text,text,jsonb,integer) is
  'For operators: return rows of a table that belong to a project, after `place` of the last one.';

comment on function public.cogo_export_tables(boolean) is
  'For operators: the tables whose rows cogo_export_owner() returns, or cogo_export_project().';

revoke all on function cogo.add_erased(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.add_erased(text,jsonb) to service_role;

revoke all on function cogo.begin_erasure(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.begin_erasure(text,text) to service_role;

revoke all on function cogo.build_project_condition(text,text) from public, anon, authenticated, service_role;

grant execute on function cogo.build_project_condition(text,text) to service_role;

revoke all on function cogo.cancel_erased(uuid,text,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.cancel_erased(uuid,text,integer) to service_role;

revoke all on function cogo.close_erasure(text,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.close_erasure(text,jsonb) to service_role;

revoke all on function cogo.count_of_project(text) from public, anon, authenticated, service_role;

grant execute on function cogo.count_of_project(text) to service_role;

revoke all on function cogo.drop_changed_sums(uuid,text) from public, anon, authenticated, service_role;

grant execute on function cogo.drop_changed_sums(uuid,text) to service_role;

revoke all on function cogo.erase_conversations(text,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.erase_conversations(text,integer) to service_role;

revoke all on function cogo.erase_settings(text) from public, anon, authenticated, service_role;

grant execute on function cogo.erase_settings(text) to service_role;

revoke all on function cogo.erase_tasks(uuid,text,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.erase_tasks(uuid,text,integer) to service_role;

revoke all on function cogo.export_rows(text,text,jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.export_rows(text,text,jsonb,integer) to service_role;

revoke all on function cogo.forget_project(text,integer) from public, anon, authenticated, service_role;

grant execute on function cogo.forget_project(text,integer) to service_role;

revoke all on function cogo.hash_subject(text) from public, anon, authenticated, service_role;

grant execute on function cogo.hash_subject(text) to service_role;

revoke all on function cogo.list_project_rules() from public, anon, authenticated, service_role;

grant execute on function cogo.list_project_rules() to service_role;

revoke all on function cogo.names_project(public.cogo_actions,text) from public, anon, authenticated, service_role;

grant execute on function cogo.names_project(public.cogo_actions,text) to service_role;

revoke all on function public.cogo_erase_project(text,integer,text,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_erase_project(text,integer,text,boolean) to service_role;

revoke all on function public.cogo_export_project(text,text,jsonb,integer) from public, anon, authenticated, service_role;

grant execute on function public.cogo_export_project(text,text,jsonb,integer) to service_role;

revoke all on function public.cogo_export_tables(boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_export_tables(boolean) to service_role;

insert into cogo.schema_versions (version) values ('20261130165556')
on conflict (version) do nothing;
