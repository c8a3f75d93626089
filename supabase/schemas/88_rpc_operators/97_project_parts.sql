create or replace function cogo.erase_conversations(p_project text, p_limit integer)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.erase_conversations is
  'Erase messages of the tasks of a project with the summaries that tell of them, and sessions in which
then nothing is left.';

-- Security definer: rows of the audit log are only added, the settings of AI columns are those of the
-- owners of their tables, and nobody may change the log of actions. This one takes a name away.
create or replace function cogo.forget_project(p_project text, p_limit integer)
  returns jsonb language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.forget_project is
  'Take a project, its tasks and prompts from calls, whose amounts and owners stay, and then its name
from AI columns and the log of actions.';

create or replace function cogo.erase_settings(p_project text)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.erase_settings is 'Erase the keys, members and caps of a project.';
