-- Project members.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop policy "owners read their calls" on public.cogo_calls;

drop policy "owners read their tasks" on public.cogo_tasks;

create table public.cogo_project_members (
  project text not null,
  user_id uuid not null,
  role text default 'viewer'::text not null,
  added_at timestamp with time zone default cogo.now() not null
);

alter table public.cogo_project_members enable row level security;

alter table cogo.api_keys add column project text;

alter table public.cogo_approvals add column project text;

alter table public.cogo_project_members add constraint cogo_project_members_pkey PRIMARY KEY (project, user_id);

alter table public.cogo_project_members add constraint cogo_project_members_project_check CHECK (((length(project) >= 1) AND (length(project) <= 100)));

alter table public.cogo_project_members add constraint cogo_project_members_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'editor'::text])));

create index cogo_approvals_project ON public.cogo_approvals USING btree (project, seq) WHERE ((project IS NOT NULL) AND (answered_at IS NULL) AND (withdrawn_at IS NULL));

create index cogo_project_members_user ON public.cogo_project_members USING btree (user_id);

create index cogo_tasks_project ON public.cogo_tasks USING btree (project, seq) WHERE (project IS NOT NULL);

create or replace function cogo.authorize_task(p_task_id uuid, p_action text)
 RETURNS public.cogo_tasks
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_operator constant jsonb := cogo.read_operator();
  v_task public.cogo_tasks;
begin
  select t.* into v_task
    from public.cogo_tasks t
   where t.id = p_task_id and (
     cogo.is_operator() or t.owner = auth.uid() or t.project = any (cogo.visible_projects())
   )
     for no key update;
  if not found then
    raise exception using
      errcode = 'TQ002', message = format('there is no task %s, or it is not yours', p_task_id);
  elsif not (
    cogo.is_operator() or coalesce(v_task.owner = auth.uid(), false)
    or cogo.is_editor(v_task.project, auth.uid())
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format('you may only read the tasks of the project %s', v_task.project),
      hint = 'an operator may make you one of its editors';
  end if;
  if v_operator ->> 'who' <> '' and v_task.owner is distinct from cogo.to_uuid(v_operator ->> 'owner')
  then
    perform cogo.add_action(
      'task', p_task_id::text, jsonb_build_object('owner', v_task.owner, 'status', v_task.status),
      jsonb_build_object('action', p_action)
    );
  end if;
  return v_task;
end;
$function$;

create or replace function cogo.can_read_topic(p_topic text)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(p_topic = 'cogo-approvals:' || (select auth.uid()), false) or exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and (
         t.owner = (select auth.uid()) or t.project = any ((select cogo.visible_projects())::text[])
       )
  );
$function$;

create or replace function cogo.check_project(p_project text, p_owner uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if exists (select from public.cogo_project_members m where m.project = p_project)
     and not cogo.is_editor(p_project, p_owner) then
    raise exception using
      errcode = 'TQ007',
      message = format('only editors of the project %s may submit tasks to it', p_project),
      hint = 'leave the project out, or ask an operator to make you an editor';
  end if;
end;
$function$;

create or replace function cogo.erase_traces(p_owner uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_tables constant text[] := array[
    'public.cogo_ratings', 'public.cogo_approvals', 'public.cogo_sent_events',
    'public.cogo_model_switches', 'cogo.cached_answers', 'cogo.api_keys', 'cogo.grants',
    'public.cogo_project_members', 'cogo.policies', 'cogo.owners', 'cogo.reservations', 'cogo.budgets',
    'cogo.judgement_quotas', 'public.cogo_actions'
  ];
  v_counts constant jsonb := cogo.add_counts('{}', (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
      from jsonb_each(cogo.count_owned(p_owner)) c where c.key = any (v_tables)
  ));
begin
  delete from cogo.owners o where o.owner = p_owner;
  delete from cogo.judgement_quotas q where q.owner = p_owner;
  -- In tasks of others: what they were asked and what came of it stays.
  delete from public.cogo_ratings r where r.person = p_owner;
  update public.cogo_approvals a
     set answered_by = case when a.answered_by = p_owner then v_nobody else a.answered_by end,
         comment = case when a.answered_by = p_owner then null else a.comment end,
         by = case when a.by = p_owner::text then 'operators' else a.by end,
         escalate_to = case when a.escalate_to = p_owner::text then 'operators'
                            else a.escalate_to end
   where a.answered_by = p_owner or a.by = p_owner::text or a.escalate_to = p_owner::text;
  update public.cogo_sent_events e set sent_by = v_nobody where e.sent_by = p_owner;
  update public.cogo_model_switches w
     set scope = 'owner:erased' where w.scope = 'owner:' || p_owner;
  delete from cogo.cached_answers c where c.owner = p_owner;
  delete from cogo.api_keys k where k.owner = p_owner;
  delete from cogo.grants g where g.owner = p_owner;
  delete from public.cogo_project_members m where m.user_id = p_owner;
  delete from cogo.policies p where p.owner = p_owner;
  delete from cogo.reservations r where r.owner = p_owner;
  delete from cogo.budgets b where b.scope = 'owner' and b.key = p_owner::text;
  -- Last: the above is recorded.
  perform cogo.forget_owner_in_actions(p_owner);
  return v_counts;
end;
$function$;

create or replace function cogo.is_editor(p_project text, p_person uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN (EXISTS (SELECT FROM public.cogo_project_members m WHERE ((m.project = is_editor.p_project) AND (m.user_id = is_editor.p_person) AND (m.role = 'editor'::text))));

create or replace function cogo.list_erasure_rules()
 RETURNS TABLE(name text, via text, col text, fate text, is_exported boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('public.cogo_tasks', 'owner', 'owner', 'delete', true),
    ('cogo.subtasks', 'task', 'task_id', 'delete', true),
    ('cogo.subtask_payloads', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.subtask_outputs', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.checkpoints', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.turns', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.dependencies', 'task', 'task_id', 'delete', false),
    ('cogo.flows', 'task', 'task_id', 'delete', true),
    ('cogo.events', 'task', 'task_id', 'delete', true),
    ('public.cogo_attempts', 'task', 'task_id', 'delete', true),
    ('public.cogo_model_selections', 'task', 'task_id', 'delete', true),
    ('public.cogo_ratings', 'task', 'task_id', 'delete', true),
    ('public.cogo_approvals', 'task', 'task_id', 'delete', true),
    ('public.cogo_sent_events', 'task', 'task_id', 'delete', true),
    ('cogo.budget_waits', 'task', 'task_id', 'delete', false),
    ('cogo.child_tasks', 'task', 'child_id', 'delete', false),
    ('cogo.wakes', 'task', 'child_id', 'delete', false),
    ('cogo.outcomes', 'subtask', 'subtask_id', 'delete', false),
    ('cogo.judgements', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.judgement_quotas', 'owner', 'owner', 'delete', false),
    ('cogo.ai_refusals', 'task', 'task_id', 'delete', false),
    ('cogo.task_words', 'task', 'task_id', 'delete', false),
    ('cogo.follow_ups', 'task', 'task_id', 'delete', false),
    ('cogo.extractions', 'task', 'task_id', 'delete', false),
    ('cogo.reservations', 'owner', 'owner', 'delete', false),
    ('public.cogo_sessions', 'owner', 'owner', 'delete', true),
    ('public.cogo_messages', 'owner', 'owner', 'delete', true),
    ('cogo.session_summaries', 'session', 'session_seq', 'delete', true),
    ('cogo.forgotten_sessions', 'session', 'session_seq', 'keep', false),
    ('public.cogo_documents', 'owner', 'owner', 'delete', true),
    ('cogo.document_parts', 'owner', 'owner', 'delete', true),
    ('public.cogo_memories', 'owner', 'owner', 'delete', true),
    ('cogo.memory_words', 'memory', 'memory_id', 'delete', false),
    ('cogo.memory_vectors', 'memory', 'id', 'delete', false),
    ('cogo.embedding_queue', 'memory', 'memory_id', 'delete', false),
    ('cogo.vector_changes', 'owner', 'owner', 'keep', false),
    ('public.cogo_embeddings', 'owner', 'owner', 'delete', true),
    ('cogo.unindexed_embeddings', 'owner', 'owner', 'delete', false),
    ('cogo.cached_answers', 'owner', 'owner', 'delete', true),
    ('cogo.api_keys', 'owner', 'owner', 'delete', true),
    ('cogo.grants', 'owner', 'owner', 'delete', true),
    ('public.cogo_project_members', 'owner', 'user_id', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false),
    ('public.cogo_actions', 'mention', 'subject', 'forget', true)
$function$;

create or replace function cogo.list_projects()
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with recursive named as (
    (select t.project from public.cogo_tasks t where t.project is not null order by t.project limit 1)
     union all
    select (
             select t.project from public.cogo_tasks t where t.project > n.project
              order by t.project limit 1
           )
      from named n where n.project is not null
  ), paid as (
    (select c.project from public.cogo_calls c where c.project is not null order by c.project limit 1)
     union all
    select (
             select c.project from public.cogo_calls c where c.project > p.project
              order by c.project limit 1
           )
      from paid p where p.project is not null
  )
  select n.project from named n where n.project is not null
   union select p.project from paid p where p.project is not null
   union select m.project from public.cogo_project_members m
   union select b.key from cogo.budgets b where b.scope = 'project';
$function$;

create or replace function cogo.prepare_task()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
     and new.previous_task_id is null and new.column_id is null then
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
$function$;

create or replace function cogo.set_approval_project()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.project := (select t.project from public.cogo_tasks t where t.id = new.task_id);
  return new;
end;
$function$;

create or replace function cogo.visible_projects()
 RETURNS text[]
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(array_agg(m.project), '{}')
    from public.cogo_project_members m where m.user_id = auth.uid();
$function$;

create or replace function public.cogo_answer_approval(p_approval_id uuid, p_approved boolean, p_comment text DEFAULT NULL::text, p_person uuid DEFAULT NULL::uuid, p_via text DEFAULT NULL::text)
 RETURNS public.cogo_approvals
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_person uuid := case when cogo.is_operator() then p_person else auth.uid() end;
  v_is_operator boolean := cogo.is_operator() and p_person is null;
  v_approval public.cogo_approvals;
  v_subtask cogo.subtasks;
begin
  if p_approved is null then
    raise exception using errcode = 'TQ004', message = 'p_approved must be true or false';
  elsif p_via !~ '^[a-z][a-z0-9_.-]{0,49}$' or p_via = 'expiry' then
    raise exception using errcode = 'TQ004',
      message = 'p_via must be 1 to 50 of a-z 0-9 _ . -, such as http, and not expiry';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  select a.* into v_approval from public.cogo_approvals a where a.id = p_approval_id;
  if not found
     or not (
       v_is_operator or v_approval.owner = v_person or cogo.is_asked(v_approval, v_person)
       or cogo.is_editor(v_approval.project, v_person)
     ) is true then
    raise exception using errcode = 'TQ002',
      message = format('there is no approval %s, or it is not yours', p_approval_id);
  end if;
  if v_approval.kind = 'budget' then
    perform cogo.lock_budget_question(v_approval);
  else
    perform from public.cogo_tasks t where t.id = v_approval.task_id for no key update;
  end if;
  v_approval := cogo.expire_approval(p_approval_id);

  if v_approval.answered_at is not null then
    -- The first answer counts and may be repeated.
    if v_approval.approved = p_approved then
      return v_approval;
    end if;
    raise exception using errcode = 'TQ003',
      message = format('%s was %s', v_approval.key, cogo.describe_answer(v_approval));
  elsif not v_is_operator and v_approval."by" is not null
        and not cogo.is_asked(v_approval, v_person) then
    raise exception using errcode = 'TQ003',
      message = format(
        'only %s may answer %s',
        case v_approval."by" when 'operators' then 'operators' else 'person ' || v_approval."by" end,
        v_approval.key
      );
  end if;
  select s.* into v_subtask from cogo.subtasks s where s.id = v_approval.subtask_id;
  if v_subtask.status not in ('waiting', 'held') and v_approval.kind <> 'budget'
     or v_approval.withdrawn_at is not null then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s is %s: it waits for no approval', v_approval.key,
        case when v_approval.withdrawn_at is null then v_subtask.status else 'withdrawn' end
          || coalesce(' (' || v_approval.withdrawn_reason || ')', '')
      );
  end if;

  update public.cogo_approvals a
     set answered_at = cogo.now(), approved = p_approved, answered_by = v_person,
         comment = p_comment, answered_via = p_via
   where a.id = p_approval_id
  returning a.* into v_approval;
  perform cogo.apply_answer(v_subtask, v_approval);
  perform cogo.announce_approval('APPROVAL_ANSWERED', v_approval);
  return v_approval;
end;
$function$;

drop function public.cogo_api_keys();

create or replace function public.cogo_api_keys()
 RETURNS TABLE(id text, name text, owner uuid, scopes text[], created_at timestamp with time zone, expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, usable boolean, project text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select k.id, k.name, k.owner, k.scopes, k.created_at, k.expires_at, k.revoked_at,
         k.last_used_at,
         k.revoked_at is null and (k.expires_at is null or k.expires_at > cogo.now()), k.project
    from cogo.api_keys k
   order by k.created_at desc, k.id;
$function$;

drop function public.cogo_check_api_key(text,text);

create or replace function public.cogo_check_api_key(p_id text, p_hash text)
 RETURNS TABLE(id text, name text, owner uuid, scopes text[], created_at timestamp with time zone, expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, usable boolean, project text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  update cogo.api_keys k
     set last_used_at = cogo.now()
   where k.id = p_id and k.hash = p_hash
     and coalesce(k.last_used_at < cogo.now() - interval '1 minute', true);
  return query
    select k.* from public.cogo_api_keys() k
      join cogo.api_keys stored on stored.id = k.id
     where k.id = p_id and stored.hash = p_hash and k.usable;
end;
$function$;

create or replace function public.cogo_create_api_key(p_id text, p_hash text, p_name text, p_scopes text[], p_owner uuid DEFAULT NULL::uuid, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_replaces text DEFAULT NULL::text, p_grace_seconds integer DEFAULT 0, p_project text DEFAULT NULL::text)
 RETURNS TABLE(id text, name text, owner uuid, scopes text[], created_at timestamp with time zone, expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, usable boolean, project text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  if p_hash !~ '^[0-9a-f]{64}$' or coalesce(p_id, '') = '' or coalesce(p_name, '') = '' then
    raise exception using
      errcode = 'TQ004', message = 'a key needs an id, a name and the SHA-256 of its text';
  end if;
  perform cogo.check_size('p_project', length(cogo.clean_label(p_project)), 100);
  if cogo.clean_label(p_project) is not null and 'admin' = any (p_scopes) then
    raise exception using
      errcode = 'TQ004', message = 'the scope admin is for everything, not for one project';
  end if;
  if p_replaces is not null then
    update cogo.api_keys k
       set expires_at = least(k.expires_at, cogo.now() + make_interval(secs => p_grace_seconds))
     where k.id = p_replaces and k.revoked_at is null;
    if not found then
      raise exception using
        errcode = 'TQ002', message = format('there is no key %s, or it was revoked', p_replaces);
    end if;
  end if;
  -- Each start creates a token for the console, and each browser a session.
  delete from cogo.api_keys k
   where least(k.expires_at, k.revoked_at) < cogo.now() - interval '30 days';
  insert into cogo.api_keys as k (id, hash, name, scopes, owner, expires_at, project)
  values (
    p_id, p_hash, p_name, coalesce(p_scopes, '{}'), p_owner, p_expires_at,
    cogo.clean_label(p_project)
  )
  on conflict (id) do nothing;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$function$;

create or replace function public.cogo_projects(p_names text[] DEFAULT NULL::text[])
 RETURNS TABLE(name text, spent_usd numeric, open_tasks bigint, members jsonb)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select p.name,
         (
           select coalesce(sum(c.cost_usd), 0)
             from public.cogo_calls c
            where c.project = p.name
              and c.started_at >= cogo.period_start('month', cogo.now())
         ),
         (
           select count(*) from public.cogo_tasks t
            where t.project = p.name and t.finished_at is null and t.parent_task_id is null
         ),
         coalesce(
           (
             select jsonb_agg(
                      to_jsonb(m) order by m.added_at, m.user_id
                    )
               from public.cogo_project_members m where m.project = p.name
           ), '[]'
         )
    from (
      select unnest(p_names) as name
       union
      select l.* from cogo.list_projects() l where p_names is null
    ) as p
   order by p.name;
$function$;

create or replace function public.cogo_remove_project_member(p_project text, p_user_id uuid)
 RETURNS TABLE(removed boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from public.cogo_project_members m
   where m.project = cogo.clean_label(p_project) and m.user_id = p_user_id;
  removed := found;
  return next;
end;
$function$;

drop function public.cogo_revoke_api_key(text);

create or replace function public.cogo_revoke_api_key(p_id text)
 RETURNS TABLE(id text, name text, owner uuid, scopes text[], created_at timestamp with time zone, expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, usable boolean, project text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  update cogo.api_keys k set revoked_at = coalesce(k.revoked_at, cogo.now()) where k.id = p_id;
  if not found then
    raise exception using errcode = 'TQ002', message = format('there is no key %s', p_id);
  end if;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$function$;

create or replace function public.cogo_set_project_member(p_project text, p_user_id uuid, p_role text)
 RETURNS SETOF public.cogo_project_members
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
declare
  v_project constant text := cogo.clean_label(p_project);
begin
  perform cogo.check_size('p_project', length(v_project), 100);
  if v_project is null or p_user_id is null or coalesce(p_role not in ('viewer', 'editor'), true) then
    raise exception using errcode = 'TQ004',
      message = 'a member needs a project, the id of a user, and the role viewer or editor';
  end if;
  return query
    insert into public.cogo_project_members as m (project, user_id, role)
    values (v_project, p_user_id, p_role)
    on conflict (project, user_id) do update set role = excluded.role
    returning m.*;
end;
$function$;

drop function public.cogo_create_api_key(text,text,text,text[],uuid,timestamp with time zone,text,integer);

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE OF version, overwrite, open_tasks, max_usd_per_row, paused_at, owner_name, project ON cogo.ai_columns FOR EACH ROW EXECUTE FUNCTION cogo.record_action('column', 'id', 'table_oid,column_number,key_numbers,owner_number,error,error_at,errors,outages,outage,outage_at,layout,sweep_after,backfill_states,backfill_at,backfill_after,backfill_left,backfill_total,created_at,changed_at,paused_until,paused_limit');

create or replace trigger record_action AFTER INSERT OR UPDATE OF id, name, hash, owner, scopes, expires_at, revoked_at, project ON cogo.api_keys FOR EACH ROW EXECUTE FUNCTION cogo.record_action('key', 'id', 'id,hash,created_at,last_used_at');

create or replace trigger set_project BEFORE INSERT OR UPDATE OF task_id ON public.cogo_approvals FOR EACH ROW EXECUTE FUNCTION cogo.set_approval_project();

create or replace trigger record_action AFTER INSERT OR DELETE OR UPDATE ON public.cogo_project_members FOR EACH ROW EXECUTE FUNCTION cogo.record_action('member', 'project,user_id', 'project,user_id,added_at');

drop policy "owners read their child_tasks" on cogo.child_tasks;

create policy "owners read their child_tasks" on cogo.child_tasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = child_tasks.child_id))));

drop policy "owners read their dependencies" on cogo.dependencies;

create policy "owners read their dependencies" on cogo.dependencies as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = dependencies.task_id))));

drop policy "owners read their events" on cogo.events;

create policy "owners read their events" on cogo.events as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = events.task_id))));

drop policy "owners read their flows" on cogo.flows;

create policy "owners read their flows" on cogo.flows as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = flows.task_id))));

drop policy "owners read their subtasks" on cogo.subtasks;

create policy "owners read their subtasks" on cogo.subtasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = subtasks.task_id))));

drop policy "owners and approvers read approvals" on public.cogo_approvals;

create policy "owners and approvers read approvals" on public.cogo_approvals as PERMISSIVE for SELECT to authenticated using (((owner = ( SELECT auth.uid() AS uid)) OR (project = ANY (( SELECT cogo.visible_projects() AS visible_projects)::text[])) OR (by = (( SELECT auth.uid() AS uid))::text) OR ((escalated_at IS NOT NULL) AND (escalate_to = (( SELECT auth.uid() AS uid))::text))));

drop policy "owners read their attempts" on public.cogo_attempts;

create policy "owners read their attempts" on public.cogo_attempts as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_attempts.task_id))));

create policy "owners and members read calls" on public.cogo_calls as PERMISSIVE for SELECT to authenticated using (((owner = ( SELECT auth.uid() AS uid)) OR ((project = ANY (( SELECT cogo.visible_projects() AS visible_projects)::text[])) AND (project = ANY (cogo.visible_projects())))));

drop policy "owners read their selections" on public.cogo_model_selections;

create policy "owners read their selections" on public.cogo_model_selections as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_model_selections.task_id))));

create policy "members read the members of their projects" on public.cogo_project_members as PERMISSIVE for SELECT to authenticated using ((project = ANY (( SELECT cogo.visible_projects() AS visible_projects)::text[])));

drop policy "owners read the ratings of their tasks" on public.cogo_ratings;

create policy "owners read the ratings of their tasks" on public.cogo_ratings as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_ratings.task_id))));

drop policy "owners read their sent events" on public.cogo_sent_events;

create policy "owners read their sent events" on public.cogo_sent_events as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE (t.id = cogo_sent_events.task_id))));

create policy "owners and members read tasks" on public.cogo_tasks as PERMISSIVE for SELECT to authenticated using (((owner = ( SELECT auth.uid() AS uid)) OR ((project = ANY (( SELECT cogo.visible_projects() AS visible_projects)::text[])) AND (project = ANY (cogo.visible_projects())))));

comment on table public.cogo_project_members is
  'Who sees the tasks of a project that belong to others. Only editors submit tasks to a project with
members. Operators write it.';

comment on column cogo.api_keys.project is
  'The only project whose tasks it sees and makes; null: not restricted.';

comment on column public.cogo_approvals.project is
  'That of the task, whose members see the question.';

comment on column public.cogo_project_members.role is
  'viewer: reads the tasks; editor: also cancels and retries them, and answers their questions.';

comment on function cogo.ai_column(regclass,text,text,numeric,numeric,numeric,text,jsonb,jsonb,jsonb,text,text[],boolean,boolean,integer,text) is
  'Let models write the values of a column: {name} in the prompt is a column of the same row. Called
again for the same column it changes it; another prompt, model, preferences, params, schema or sources is
a new version, whose predecessor''s values are stale. A cap that is null stays as it is, Infinity removes
it. Its tasks belong to the project, if one is named. Only for the owner of the table, who must be the
owner of schema cogo. Returns the id of the column.';

comment on function cogo.authorize_task(uuid,text) is
  'Lock and return a task that the caller may change: their own, one of a project that they edit, for
operators any; what one of them does to a task of somebody else is recorded. Raises TQ002, TQ007.';

comment on function cogo.can_read_topic(text) is
  'Return whether the calling user may listen to a topic: only to the results of their own tasks
and of those of their projects, and to questions that ask them by name.';

comment on function cogo.check_project(text,uuid) is
  'Raise TQ007 if a project has members, and the owner of a new task is none of its editors.';

comment on function cogo.is_editor(text,uuid) is
  'Return whether a person may change the tasks of a project.';

comment on function cogo.list_projects() is
  'Return the names of projects: those of tasks, calls, members and caps.';

comment on function cogo.set_approval_project() is
  'Set the project of a question, which is that of its task. Of triggers.';

comment on function cogo.visible_projects() is
  'Return the projects of which the caller is a member.';

comment on function public.cogo_api_keys() is
  'For operators: the keys of the HTTP gateway, newest first, without their hashes.';

comment on function public.cogo_check_api_key(text,text) is
  'Return the key with this id and SHA-256 if it is usable now, else no row.';

comment on function public.cogo_create_api_key(text,text,text,text[],uuid,timestamp with time zone,text,integer,text) is
  'Store a key of the HTTP gateway by its SHA-256. p_replaces names one that ends after p_grace_seconds.
p_project restricts it to the tasks of one project.
Deletes keys that ended more than 30 days ago. Raises TQ002, TQ004.';

comment on function public.cogo_projects(text[]) is
  'For operators: projects (null: all), what each has spent in this month (UTC), its open tasks and its
members.';

comment on function public.cogo_remove_project_member(text,uuid) is
  'For operators: remove a member of a project; removed says whether there was one.';

comment on function public.cogo_revoke_api_key(text) is
  'Revoke a key of the HTTP gateway. Raises TQ002.';

comment on function public.cogo_set_project_member(text,uuid,text) is
  'For operators: make a user a viewer or editor of a project. Raises TQ004, TQ008.';

revoke all on table public.cogo_project_members from public, anon, authenticated, service_role;

grant delete, insert, select, update on table public.cogo_project_members to service_role;

grant select on table public.cogo_project_members to authenticated;

revoke all on function cogo.check_project(text,uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.check_project(text,uuid) to service_role;

revoke all on function cogo.is_editor(text,uuid) from public, anon, authenticated, service_role;

grant execute on function cogo.is_editor(text,uuid) to service_role;

revoke all on function cogo.list_projects() from public, anon, authenticated, service_role;

grant execute on function cogo.list_projects() to service_role;

revoke all on function cogo.set_approval_project() from public, anon, authenticated, service_role;

grant execute on function cogo.set_approval_project() to service_role;

revoke all on function cogo.visible_projects() from public, anon, authenticated, service_role;

grant execute on function cogo.visible_projects() to authenticated;

grant execute on function cogo.visible_projects() to service_role;

revoke all on function public.cogo_api_keys() from public, anon, authenticated, service_role;

grant execute on function public.cogo_api_keys() to service_role;

revoke all on function public.cogo_check_api_key(text,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_check_api_key(text,text) to service_role;

revoke all on function public.cogo_create_api_key(text,text,text,text[],uuid,timestamp with time zone,text,integer,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_create_api_key(text,text,text,text[],uuid,timestamp with time zone,text,integer,text) to service_role;

revoke all on function public.cogo_projects(text[]) from public, anon, authenticated, service_role;

grant execute on function public.cogo_projects(text[]) to service_role;

revoke all on function public.cogo_remove_project_member(text,uuid) from public, anon, authenticated, service_role;

grant execute on function public.cogo_remove_project_member(text,uuid) to service_role;

revoke all on function public.cogo_revoke_api_key(text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_revoke_api_key(text) to service_role;

revoke all on function public.cogo_set_project_member(text,uuid,text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_set_project_member(text,uuid,text) to service_role;

insert into cogo.schema_versions (version) values ('20261130133329')
on conflict (version) do nothing;
