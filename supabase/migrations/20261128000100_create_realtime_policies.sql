-- The policies of v0.1.0 on tables of Realtime. Frozen: see supabase/README.md.

-- schemas/99_access/30_realtime_policies.sql
-- In a migration of its own: on hosted projects this DDL locks tables of Realtime, Auth and Storage
-- until it commits. Row level security is enabled there already.
set local lock_timeout = '5s';

do $$
begin
  if to_regclass('realtime.messages') is null then
    return;
  end if;
  drop policy if exists "cogo: owners hear their tasks" on realtime.messages;
  create policy "cogo: owners hear their tasks" on realtime.messages
    for select to authenticated
    using (
      realtime.messages.extension = 'broadcast'
      and (select cogo.can_read_topic((select realtime.topic())))
    );
end;
$$;

insert into cogo.schema_versions (version) values ('20261128000100')
on conflict (version) do nothing;
