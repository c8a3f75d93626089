-- Called after the calls were written, in a statement of its own: see cogo.sum_hours().
create or replace function cogo.note_usage_changes(p_times timestamptz[])
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  insert into cogo.usage_changes (hour)
  select distinct date_trunc('hour', t.at, 'UTC')
    from unnest(p_times) t (at)
   where t.at < (select c.next_at from cogo.usage_clock c);
$$;
comment on function cogo.note_usage_changes is
  'Note that calls which began at these times are not in the sums of usage as they are now.';

create or replace function cogo.note_changed_calls()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.note_usage_changes(array(select o.started_at from old_rows o));
  return null;
end;
$$;
comment on function cogo.note_changed_calls is 'Note the hours of deleted calls.';
create or replace trigger note_deleted
  after delete on public.cogo_calls
  referencing old table as old_rows
  for each statement execute function cogo.note_changed_calls();

create or replace function cogo.note_updated_calls()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.note_usage_changes(
    array(select o.started_at from old_rows o union all select n.started_at from new_rows n)
  );
  return null;
end;
$$;
comment on function cogo.note_updated_calls is 'Note the hours of changed calls.';
create or replace trigger note_updated
  after update on public.cogo_calls
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.note_updated_calls();

-- The type of a task is known until it is deleted.
create or replace function cogo.note_calls_of_deleted_tasks()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  perform cogo.note_usage_changes(
    array(
      select c.started_at from old_rows o join public.cogo_calls c on c.task_id = o.id
    )
  );
  return null;
end;
$$;
comment on function cogo.note_calls_of_deleted_tasks is 'Note the hours of calls of deleted tasks.';
create or replace trigger note_calls
  after delete on public.cogo_tasks
  referencing old table as old_rows
  for each statement execute function cogo.note_calls_of_deleted_tasks();

create or replace function cogo.drop_changed_sums(p_owner uuid, p_project text)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_dropped integer;
begin
  -- What is being summed now is deleted too.
  perform from cogo.usage_clock c for update;
  with dropped as (
    delete from cogo.usage_sums s where s.hour in (select x.hour from cogo.usage_changes x)
    returning s.owner, s.project
  )
  select count(*) filter (where d.owner = p_owner or d.project = p_project) into v_dropped
    from dropped d;
  return v_dropped;
end;
$$;
comment on function cogo.drop_changed_sums is
  'Delete the sums that do not count, which may name whom the calls do not name any more; return how many
were of an owner or a project. What the transaction locks after it must be its own.';
