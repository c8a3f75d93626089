-- Security definer: Realtime asks as the user, who need not be able to read cogo_tasks to be
-- told no.
create or replace function cogo.can_read_topic(p_topic text)
  returns boolean
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select exists (
    select
      from public.cogo_tasks t
     where p_topic like 'cogo-results:%'
       and t.id = cogo.to_uuid(substr(p_topic, length('cogo-results:') + 1))
       and t.owner = (select auth.uid())
  );
$$;
comment on function cogo.can_read_topic(text) is
  'Whether the calling user may listen: to the results of their own tasks, and to nothing else.';

revoke all on function cogo.can_read_topic(text) from public, anon, authenticated, service_role;
grant execute on function cogo.can_read_topic(text) to authenticated, service_role;
