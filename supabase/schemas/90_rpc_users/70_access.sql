-- Security definer: users may read the versions, not the table.
create or replace function public.cogo_schema_versions()
  returns table (version text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select v.version from cogo.schema_versions v order by v.version;
$$;
comment on function public.cogo_schema_versions is 'Return the versions of the applied migrations.';

-- Security definer: Realtime calls this as the user, who may have no right to read cogo_tasks.
create or replace function cogo.can_read_topic(p_topic text)
  returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p_topic = 'cogo-approvals:' || (select auth.uid()), false) or exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and (
         t.owner = (select auth.uid()) or t.project = any ((select cogo.visible_projects())::text[])
       )
  );
$$;
comment on function cogo.can_read_topic is
  'Return whether the calling user may listen to a topic: only to the results of their own tasks
and of those of their projects, and to questions that ask them by name.';
