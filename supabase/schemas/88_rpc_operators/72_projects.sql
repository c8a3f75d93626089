create or replace function public.cogo_set_project_member(p_project text, p_user_id uuid, p_role text)
  returns setof public.cogo_project_members
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function public.cogo_set_project_member is
  'For operators: make a user a viewer or editor of a project. Raises TQ004, TQ008.';

create or replace function public.cogo_remove_project_member(p_project text, p_user_id uuid)
  returns table (removed boolean) language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  delete from public.cogo_project_members m
   where m.project = cogo.clean_label(p_project) and m.user_id = p_user_id;
  removed := found;
  return next;
end;
$$;
comment on function public.cogo_remove_project_member is
  'For operators: remove a member of a project; removed says whether there was one.';

-- Names are read one by one by index: there may be a million tasks of ten projects.
create or replace function cogo.list_projects()
  returns setof text language sql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.list_projects is
  'Return the names of projects: those of tasks, calls, members and caps.';

create or replace function public.cogo_projects(p_names text[] default null)
  returns table (name text, spent_usd numeric, open_tasks bigint, members jsonb)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function public.cogo_projects is
  'For operators: projects (null: all), what each has spent in this month (UTC), its open tasks and its
members.';
