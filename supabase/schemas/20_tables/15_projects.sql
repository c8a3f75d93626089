create table if not exists public.cogo_project_members (
  project text not null check (length(project) between 1 and 100),
  user_id uuid not null,
  role text not null default 'viewer' check (role in ('viewer', 'editor')),
  added_at timestamptz not null default cogo.now(),
  primary key (project, user_id)
);
comment on table public.cogo_project_members is
  'Who sees the tasks of a project that belong to others. Only editors submit tasks to a project with
members. Operators write it.';
comment on column public.cogo_project_members.role is
  'viewer: reads the tasks; editor: also cancels and retries them, and answers their questions.';
create index if not exists cogo_project_members_user on public.cogo_project_members (user_id);

-- Security definer: the policy of the table itself asks for it. Policies call it once a statement.
create or replace function cogo.visible_projects()
  returns text[] language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(m.project), '{}')
    from public.cogo_project_members m where m.user_id = auth.uid();
$$;
comment on function cogo.visible_projects is 'Return the projects of which the caller is a member.';

create or replace function cogo.is_editor(p_project text, p_person uuid)
  returns boolean language sql stable
  return exists (
    select from public.cogo_project_members m
     where m.project = p_project and m.user_id = p_person and m.role = 'editor'
  );
comment on function cogo.is_editor is 'Return whether a person may change the tasks of a project.';

alter table public.cogo_project_members enable row level security;
drop policy if exists "members read the members of their projects" on public.cogo_project_members;
create policy "members read the members of their projects" on public.cogo_project_members
  for select to authenticated using (project = any ((select cogo.visible_projects())::text[]));
