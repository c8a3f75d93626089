-- Add projects.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table public.cogo_tasks add column project text;

alter table public.cogo_tasks add column tags text[] default '{}'::text[] not null;

create or replace function cogo.check_task_limits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  if new.project is not null then
    new.project := cogo.clean_label(new.project);
    perform cogo.check_size('project', length(new.project), 100);
  end if;
  if new.tags is distinct from '{}' then
    new.tags := cogo.clean_tags(new.tags);
  end if;
  if octet_length(new.params::text) > 1048576 then
    raise exception using errcode = 'TQ008',
      message = format(
        'params has %s bytes; the limit is 1048576. Put large files into Supabase Storage and attach '
        'them as storage:BUCKET/PATH', octet_length(new.params::text)
      );
  end if;
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.validate_json(new.params)),
        ('preferences', cogo.validate_json(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.validate_time(new.deadline)),
        ('run_at', cogo.validate_time(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$function$;

create or replace function cogo.clean_label(p_label text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN NULLIF(btrim(regexp_replace(p_label, '[[:cntrl:][:space:]]+'::text, ' '::text, 'g'::text)), ''::text);

create or replace function cogo.clean_tags(p_tags text[])
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_tags text[];
begin
  perform cogo.check_size('tags', cardinality(p_tags), 20, 'elements');
  v_tags := array(
    select distinct t.tag collate "C"
      from (select cogo.clean_label(unnest(p_tags))) as t (tag)
     where t.tag is not null
     order by 1
  );
  perform cogo.check_size('a tag', max(length(t.tag)), 50) from unnest(v_tags) as t (tag);
  return v_tags;
end;
$function$;

create or replace function cogo.insert_children(p_parent public.cogo_tasks, p_subtask_ids uuid[], p_children jsonb[])
 RETURNS jsonb[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_ids uuid[] := array(select gen_random_uuid() from unnest(p_subtask_ids));
  v_errors jsonb[] := '{}';
begin
  begin
    insert into public.cogo_tasks (
      id, type, prompt, params, priority, owner, model, preferences, budget_usd, deadline, stream,
      parent_task_id, project, tags
    )
    select c.id, c.child ->> 'type', c.child ->> 'prompt',
           -- Whether a spent budget asks is the parent's choice, unless the child has its own.
           case when p_parent.params ? 'on_budget' then
             jsonb_build_object('on_budget', p_parent.params -> 'on_budget')
           else '{}' end || coalesce(nullif(c.child -> 'params', 'null'), '{}'),
           p_parent.priority, p_parent.owner,
           c.child ->> 'model',
           cogo.inherit_data_policy(
             cogo.find_preferences(p_parent), nullif(c.child -> 'preferences', 'null')
           ),
           (c.child ->> 'budget_usd')::numeric, p_parent.deadline, p_parent.stream, p_parent.id,
           p_parent.project, p_parent.tags
      from unnest(v_ids, p_children) with ordinality as c (id, child, ordinal)
     order by c.ordinal;
    insert into cogo.child_tasks (child_id, parent_id, root_id, subtask_id, depth)
    select c.id, p_parent.id, coalesce(k.root_id, p_parent.id), c.subtask_id,
           coalesce(k.depth, 0) + 1
      from unnest(v_ids, p_subtask_ids) as c (id, subtask_id)
      left join cogo.child_tasks k on k.child_id = p_parent.id;
    if p_parent.status = 'held' then
      perform cogo.pause_tasks(v_ids);
    end if;
    return array_fill('null'::jsonb, array[cardinality(v_ids)]);
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded
      or sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      if cardinality(v_ids) = 1 then
        return array[
          jsonb_build_object(
            'class', case sqlstate when 'TQ007' then 'not_granted' else 'invalid_task' end,
            'message', 'the child task cannot be inserted: ' || sqlerrm
          )
        ];
      end if;
  end;
  for v_nth in 1..cardinality(v_ids) loop
    v_errors := v_errors
      || cogo.insert_children(p_parent, p_subtask_ids[v_nth:v_nth], p_children[v_nth:v_nth]);
  end loop;
  return v_errors;
end;
$function$;

create or replace function cogo.repeat_task(p_task_id uuid, p_item jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_again constant jsonb := p_item -> 'again';
  v_task public.cogo_tasks;
  v_at timestamptz := nullif(v_again ->> 'at', '');
  v_id uuid;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;
  insert into public.cogo_tasks (
    type, prompt, params, priority, owner, session_id, model, preferences, budget_usd, deadline,
    run_at, stream, previous_task_id, project, tags
  ) values (
    v_task.type, v_task.prompt, coalesce(nullif(v_again -> 'params', 'null'), v_task.params),
    v_task.priority, v_task.owner, v_task.session_id, v_task.model, v_task.preferences,
    v_task.budget_usd,
    -- As long after its start as that of this run.
    coalesce(v_at, cogo.now()) + (v_task.deadline - coalesce(v_task.run_at, v_task.created_at)),
    v_at, v_task.stream, v_task.id, v_task.project, v_task.tags
  )
  returning id into v_id;
  return p_item || jsonb_build_object(
    'output',
    coalesce(nullif(v_again -> 'output', 'null'), '{}') || jsonb_build_object('next_task_id', v_id)
  );
exception
  -- Such as a model that is not granted any more: for the caller like any other invalid completion.
  when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
    raise data_exception using message = 'the next run cannot be inserted: ' || sqlerrm;
end;
$function$;

create or replace function public.cogo_submit_task(p_prompt text, p_type text DEFAULT 'GENERATE_CODE'::text, p_params jsonb DEFAULT '{}'::jsonb, p_priority integer DEFAULT 5, p_model text DEFAULT NULL::text, p_preferences jsonb DEFAULT '{}'::jsonb, p_session_id uuid DEFAULT NULL::uuid, p_idempotency_key text DEFAULT NULL::text, p_budget_usd numeric DEFAULT NULL::numeric, p_deadline timestamp with time zone DEFAULT NULL::timestamp with time zone, p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_stream boolean DEFAULT true, p_id uuid DEFAULT NULL::uuid, p_owner uuid DEFAULT NULL::uuid, p_project text DEFAULT NULL::text, p_tags text[] DEFAULT '{}'::text[])
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner uuid := case when cogo.is_operator() then p_owner else auth.uid() end;
  v_id uuid;
  v_task public.cogo_tasks;
begin
  insert into public.cogo_tasks (
    prompt, type, params, priority, model, preferences, session_id, idempotency_key, budget_usd,
    deadline, run_at, stream, id, owner, project, tags
  ) values (
    p_prompt, p_type, p_params, p_priority, p_model, p_preferences, p_session_id,
    p_idempotency_key, p_budget_usd, p_deadline, p_run_at, p_stream, p_id, v_owner, p_project,
    p_tags
  )
  on conflict do nothing
  returning id into v_id;

  select t.* into v_task
    from public.cogo_tasks t
   where t.id = v_id
      or (
        v_id is null
        and (t.id = p_id or t.idempotency_key = p_idempotency_key)
        and t.owner is not distinct from v_owner
      );
  if not found then
    raise exception using errcode = 'TQ004', message = format('the id %s is taken', p_id);
  end if;
  -- Without p_deadline and p_run_at, which differ in a repetition.
  if v_id is null and (
    v_task.prompt, v_task.type, v_task.params, v_task.priority, v_task.model, v_task.preferences,
    v_task.session_id, v_task.budget_usd, v_task.stream, v_task.project, v_task.tags
  ) is distinct from (
    p_prompt, coalesce(p_type, 'GENERATE_CODE'), coalesce(p_params, '{}'), coalesce(p_priority, 5),
    cogo.normalize_model(p_model), coalesce(p_preferences, '{}'), p_session_id, p_budget_usd,
    coalesce(p_stream, true), cogo.clean_label(p_project), cogo.clean_tags(p_tags)
  ) then
    raise exception using
      errcode = 'TQ004',
      message = format(
        'the %s was used for another request: task %s',
        case when v_task.id = p_id then format('id %s', p_id)
             else format('idempotency key %L', left(p_idempotency_key, 100)) end,
        v_task.id
      ),
      hint = 'repeat the first request as it was, or choose a new key';
  end if;
  return v_task;
end;
$function$;

drop function public.cogo_submit_task(text,text,jsonb,integer,text,jsonb,uuid,text,numeric,timestamp with time zone,timestamp with time zone,boolean,uuid,uuid);

create or replace view public.cogo_task_previews with (security_invoker=true) as
 SELECT id,
    seq,
    type,
    "left"(prompt, 300) AS prompt,
    cogo.truncate_json(params) AS params,
    priority,
    owner,
    session_id,
    idempotency_key,
    model,
    cogo.truncate_json(preferences) AS preferences,
    budget_usd,
    deadline,
    run_at,
    stream,
    status,
    cogo.truncate_json(result) AS result,
    cogo.truncate_json(error) AS error,
    cost_usd,
    input_tokens,
    cached_tokens,
    output_tokens,
    reasoning_tokens,
    simulated,
    cancel_requested_at,
    paused_at,
    created_at,
    started_at,
    finished_at,
    parent_task_id,
    previous_task_id,
    follow_up,
    project,
    tags
   FROM public.cogo_tasks t;

create or replace trigger check_limits BEFORE INSERT OR UPDATE OF type, prompt, params, idempotency_key, model, preferences, budget_usd, deadline, run_at, project, tags ON public.cogo_tasks FOR EACH ROW EXECUTE FUNCTION cogo.check_task_limits();

comment on column public.cogo_tasks.project is
  'A name of 100 characters at most. Caps, usage and who may see a task can go by it.';

comment on column public.cogo_tasks.tags is
  'Up to 20 words of 50 characters, sorted, each once.';

comment on function cogo.check_task_limits() is
  'Raise TQ008 for a task that is too large, TQ009 for numbers or times that some programs cannot
read. Clean its project and tags.';

comment on function cogo.clean_label(text) is
  'Return a project or tag without control characters and needless blanks; null if nothing is left.';

comment on function cogo.clean_tags(text[]) is
  'Return tags sorted and cleaned, each once; null gives none. Raises TQ008 for more than 20, and for one
of more than 50 characters.';

comment on function public.cogo_submit_task(text,text,jsonb,integer,text,jsonb,uuid,text,numeric,timestamp with time zone,timestamp with time zone,boolean,uuid,uuid,text,text[]) is
  'Submit a task. A p_idempotency_key or p_id that the caller has used before returns its task. Only
operators set p_owner. Raises TQ004 for an id of another owner, and for a key or id of another
request (all but p_deadline and p_run_at must be the same).';

revoke all on function cogo.clean_label(text) from public, anon, authenticated, service_role;

grant execute on function cogo.clean_label(text) to service_role;

revoke all on function cogo.clean_tags(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.clean_tags(text[]) to service_role;

revoke all on function public.cogo_submit_task(text,text,jsonb,integer,text,jsonb,uuid,text,numeric,timestamp with time zone,timestamp with time zone,boolean,uuid,uuid,text,text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_submit_task(text,text,jsonb,integer,text,jsonb,uuid,text,numeric,timestamp with time zone,timestamp with time zone,boolean,uuid,uuid,text,text[]) to authenticated;

grant execute on function public.cogo_submit_task(text,text,jsonb,integer,text,jsonb,uuid,text,numeric,timestamp with time zone,timestamp with time zone,boolean,uuid,uuid,text,text[]) to service_role;

grant insert (project) on table public.cogo_tasks to authenticated;

grant insert (tags) on table public.cogo_tasks to authenticated;

insert into cogo.schema_versions (version) values ('20261130121544')
on conflict (version) do nothing;
