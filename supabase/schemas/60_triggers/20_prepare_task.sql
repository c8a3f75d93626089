create or replace function cogo.clean_label(p_label text)
  returns text language sql immutable
  return nullif(btrim(regexp_replace(p_label, '[[:cntrl:][:space:]]+', ' ', 'g')), '');
comment on function cogo.clean_label is
  'Return a project or tag without control characters and needless blanks; null if nothing is left.';

create or replace function cogo.clean_tags(p_tags text[])
  returns text[] language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.clean_tags is
  'Return tags sorted and cleaned, each once; null gives none. Raises TQ008 for more than 20, and for one
of more than 50 characters.';

-- Every program must be able to read a stored task: one unreadable row would make its whole page or
-- claim unreadable. All other mistakes are left to the orchestrator. docs/reference/database.md lists
-- the limits. The trigger sorts before `prepare`, which creates a session from the prompt.
-- Security definer: users may not call what validates values.
create or replace function cogo.check_task_limits()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
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
  if tg_op = 'INSERT' or new.deadline is distinct from old.deadline then
    new.stopped_seconds := case when new.deadline is not null then cogo.stopped_seconds() end;
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
$$;
comment on function cogo.check_task_limits is
  'Raise TQ008 for a task that is too large, TQ009 for numbers or times that some programs cannot
read. Clean its project and tags, and note how long spending had been stopped when its deadline was
set.';
create or replace trigger check_limits
  before insert or update of
    type, prompt, params, idempotency_key, model, preferences, budget_usd, deadline, run_at, project,
    tags
  on public.cogo_tasks
  for each row execute function cogo.check_task_limits();

create or replace function cogo.normalize_model(p_name text)
  returns text language sql immutable
  return case when lower(btrim(p_name)) in ('', 'auto') then null else p_name end;
comment on function cogo.normalize_model is
  'Return the model that a task names; null for auto and an empty name.';

create or replace function cogo.check_project(p_project text, p_owner uuid)
  returns void language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from public.cogo_project_members m where m.project = p_project)
     and not cogo.is_editor(p_project, p_owner) then
    raise exception using
      errcode = 'TQ007',
      message = format('only editors of the project %s may submit tasks to it', p_project),
      hint = 'leave the project out, or ask an operator to make you an editor';
  end if;
end;
$$;
comment on function cogo.check_project is
  'Raise TQ007 if a project has members, and the owner of a new task is none of its editors.';

-- Security definer: users may not insert sessions, but a task that names a new one creates it.
create or replace function cogo.prepare_task()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_fork jsonb;
  v_session bigint;
begin
  if not cogo.is_operator() then
    new.owner := auth.uid();
    if new.owner is null then
      raise exception using
        errcode = 'insufficient_privilege', message = 'the access token names no user';
    end if;
  end if;
  -- What a task or a column of the project makes belongs to it, whoever its owner is by now.
  if new.project is not null and new.owner is not null and new.parent_task_id is null
     and new.previous_task_id is null and new.column_id is null and new.follow_up is null then
    perform cogo.check_project(new.project, new.owner);
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.type := coalesce(new.type, 'GENERATE_CODE');
  new.params := coalesce(new.params, '{}');
  new.model := cogo.normalize_model(new.model);
  new.priority := coalesce(new.priority, 5);
  new.preferences := coalesce(new.preferences, '{}');
  new.stream := coalesce(new.stream, true);

  new.status := 'pending';
  new.result := null;
  new.error := null;
  new.cost_usd := 0;
  new.input_tokens := 0;
  new.cached_tokens := 0;
  new.output_tokens := 0;
  new.reasoning_tokens := 0;
  new.simulated := false;
  new.cancel_requested_at := null;
  new.paused_at := null;
  new.created_at := cogo.now();
  new.started_at := null;
  new.finished_at := null;

  v_fork := new.params -> 'fork_session';
  if v_fork ->> 'session_id' is not null then
    new.session_id := coalesce(new.session_id, gen_random_uuid());
  end if;
  if new.session_id is not null then
    insert into public.cogo_sessions (id, owner, title)
    values (new.session_id, new.owner, left(new.prompt, 80))
    on conflict (owner, id) do nothing
    returning seq into v_session;
    -- The next run of a task, and a session that goes on, do not fork again. What is not a session's
    -- id the orchestrator refuses.
    if v_session is not null and cogo.to_uuid(v_fork ->> 'session_id') is not null then
      perform cogo.copy_session(
        new.owner, cogo.to_uuid(v_fork ->> 'session_id'),
        case when jsonb_typeof(v_fork -> 'through') = 'number'
             then least((v_fork ->> 'through')::numeric, 9007199254740992)::bigint end,
        v_session
      );
    end if;
  end if;
  return new;
end;
$$;
comment on function cogo.prepare_task is
  'Set defaults, reset the system''s columns, and create the session, or a copy of another one.';
create or replace trigger prepare
  before insert on public.cogo_tasks
  for each row execute function cogo.prepare_task();
