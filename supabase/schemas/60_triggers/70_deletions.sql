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

create or replace function cogo.record_lost_calls()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- In most cases the holder has reported how its calls ended.
  if not exists (
    select from ended e join cogo.reservations r using (subtask_id, attempt)
     where e.ended_at is not null
  ) then
    return null;
  end if;
  with lost as (
    delete from cogo.reservations r
     using ended e
     where r.subtask_id = e.subtask_id and r.attempt = e.attempt and e.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256,
    column_id
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256,
         g.column_id
    from lost g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
  return null;
end;
$$;
comment on function cogo.record_lost_calls is
  'Free the reservations of ended attempts and log their unreported calls as lost.';
create or replace trigger record_lost_calls
  after update on public.cogo_attempts
  referencing new table as ended
  for each statement execute function cogo.record_lost_calls();

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
