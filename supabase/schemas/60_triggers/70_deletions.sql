-- Security definer: the right to delete a task need not include the right to change its history.
create or replace function cogo.delete_task_events()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from cogo.events e using old_rows o where e.task_id = o.id;
  return null;
end;
$$;
comment on function cogo.delete_task_events is 'Delete the events of deleted tasks.';
create or replace trigger delete_events
  after delete on public.cogo_tasks
  referencing old table as old_rows
  for each statement execute function cogo.delete_task_events();

-- Security definer: see cogo.delete_task_events().
create or replace function cogo.delete_subtask_records()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  delete from cogo.turns u using old_rows o where u.subtask_id = o.id;
  delete from cogo.judgements j using old_rows o where j.subtask_id = o.id;
  return null;
end;
$$;
comment on function cogo.delete_subtask_records is
  'Delete the outputs, attempts, turns and judgements of deleted subtasks.';
create or replace trigger delete_records
  after delete on cogo.subtasks
  referencing old table as old_rows
  for each statement execute function cogo.delete_subtask_records();

create or replace function cogo.delete_session_messages()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  delete from public.cogo_messages m where m.owner is null and m.session_id = old.id;
  update public.cogo_tasks t
     set session_id = null
   where t.owner is null and t.session_id = old.id;
  return null;
end;
$$;
comment on function cogo.delete_session_messages is
  'Delete the messages of a deleted session without an owner, which no foreign key covers.';
create or replace trigger delete_messages
  after delete on public.cogo_sessions
  for each row when (old.owner is null) execute function cogo.delete_session_messages();

create or replace function cogo.note_forgotten_sessions()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.forgotten_sessions (session_seq)
  select o.seq from old_rows o
  on conflict do nothing;
  delete from cogo.forgotten_sessions f
   where f.session_seq in (
           select g.session_seq from cogo.forgotten_sessions g
            where g.forgotten_at < cogo.now() - interval '1 day'
            order by g.forgotten_at limit 1000 for update skip locked
         );
  return null;
end;
$$;
comment on function cogo.note_forgotten_sessions is
  'Note deleted sessions for copies outside the database, and forget those of the day before.';
create or replace trigger note_forgotten
  after delete on public.cogo_sessions
  referencing old table as old_rows
  for each statement execute function cogo.note_forgotten_sessions();
