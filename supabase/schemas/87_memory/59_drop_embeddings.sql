-- A call that runs is paid: its result is taken. Vectors of texts that are gone go with the task.
create or replace function cogo.drop_embeddings(p_ids uuid[])
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_tasks constant uuid[] := array(
    select distinct q.task_id
      from cogo.embedding_queue q where q.memory_id = any (p_ids) and q.task_id is not null
  );
  v_paid constant uuid[] := array(
    select t.id from public.cogo_tasks t
     where t.id = any (v_tasks)
       and t.finished_at is null
       and exists (
         select from cogo.subtasks s
          where s.task_id = t.id and s.status = 'running' and cogo.is_calling_lane(s.lane)
       )
  );
  v_dropped constant uuid[] := array(
    select u.id from unnest(v_tasks) as u (id) where u.id <> all (v_paid)
  );
begin
  perform cogo.drop_follow_ups(v_dropped, 'a text of it has been forgotten');
  update cogo.follow_ups f set is_ending = true where f.task_id = any (v_paid);
  return v_dropped;
end;
$$;
comment on function cogo.drop_embeddings is
  'Give up the tasks that embed memories which are to be forgotten, but those that are being
called; return them.';

-- After the memories, so that nobody who has locked one waits for its place in the queue. What others
-- have locked there they delete, or it is found without its task later.
create or replace function cogo.release_embeddings(p_tasks uuid[])
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  update cogo.embedding_queue q
     set task_id = null
    from (
      select e.memory_id
        from cogo.embedding_queue e where e.task_id = any (p_tasks) for update skip locked
    ) as free
   where q.memory_id = free.memory_id;
$$;
comment on function cogo.release_embeddings is
  'Let the other texts of tasks that were given up be asked for again.';

create or replace function cogo.end_embeddings()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_tasks constant uuid[] := array(
    select f.task_id
      from cogo.follow_ups f join public.cogo_tasks t on t.id = f.task_id
     where f.is_ending and f.applied_at is null and t.finished_at is null
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
     order by f.task_id
     limit 100
  );
begin
  perform cogo.drop_follow_ups(v_tasks, 'a text of it has been forgotten');
  perform cogo.release_embeddings(v_tasks);
end;
$$;
comment on function cogo.end_embeddings is
  'Give up tasks with a text that was forgotten during a call that has failed.';
