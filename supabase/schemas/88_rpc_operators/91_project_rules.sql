create or replace function cogo.list_project_rules()
  returns table (name text, via text, col text, fate text, is_exported boolean)
  language sql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.list_project_rules is
  'Return what an erasure and an export do with each table that refers to a project.';

-- Names may have colons, too. The subject of a member ends with a UUID.
create or replace function cogo.names_project(p_action public.cogo_actions, p_project text)
  returns boolean language sql immutable
  return case p_action.kind
           when 'member' then left(p_action.subject, -37) = p_project
           when 'budget' then p_action.subject
             = 'project:' || p_project || ':' || split_part(p_action.subject, ':', -1)
           else coalesce(p_action.before, p_action.after) ->> 'project' = p_project
             or p_action.after ->> 'project' = p_project
         end;
comment on function cogo.names_project is 'Return whether a row of the log of actions names a project.';

create or replace function cogo.build_project_condition(p_via text, p_column text)
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.build_project_condition is
  'Return the condition on rows t of a table that belong to project $1, by one of our rules.';

create or replace function cogo.count_of_project(p_project text)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.count_of_project is
  'Return the number of rows that refer to a project, by table.';
