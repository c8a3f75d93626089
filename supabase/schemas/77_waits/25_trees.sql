create or replace function cogo.lock_descendants(p_task_id uuid)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_locked uuid[] := '{}';
  v_found uuid[];
begin
  -- Children that are inserted while this waits for a lock are found in the next round.
  loop
    with recursive tree as (
      select t.id, t.seq from public.cogo_tasks t where t.parent_task_id = p_task_id
       union all
      select t.id, t.seq from tree e join public.cogo_tasks t on t.parent_task_id = e.id
    )
    select array_agg(e.id order by e.seq) into v_found from tree e where e.id <> all (v_locked);
    exit when v_found is null;
    perform
       from public.cogo_tasks t
      where t.id = any (v_found)
      order by t.seq + 0  -- as in cogo.lock_tasks()
        for no key update;
    v_locked := v_locked || v_found;
  end loop;
  return v_locked;
end;
$$;
comment on function cogo.lock_descendants is
  'Lock the child tasks of a task and theirs, by seq, and return their ids. The caller holds its lock.';

-- Whoever has locked a tree must not wait for a task after that: the holder of the task may wait for the
-- tree.
create or replace function cogo.lock_trees(p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('cogo.tree ' || r.id::text, 0))
     from (
       select distinct coalesce(k.root_id, t.id) as id
         from unnest(p_task_ids) as t (id) left join cogo.child_tasks k on k.child_id = t.id
        order by 1
     ) as r;
end;
$$;
comment on function cogo.lock_trees is
  'Lock the trees of tasks, by root, before child tasks are inserted. The caller has locked all tasks
that it will change.';

create or replace function cogo.cancel_tasks(p_task_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.cancel_open_subtasks(p_task_ids, p_reason);
  update public.cogo_tasks t
     set status = 'cancelled',
         error = jsonb_build_object('class', 'cancelled', 'message', p_reason),
         cancel_requested_at = cogo.now(),
         paused_at = null,
         finished_at = cogo.now()
   where t.id = any (p_task_ids) and t.finished_at is null;
end;
$$;
comment on function cogo.cancel_tasks is 'Cancel open tasks. The caller holds their locks.';

create or replace function cogo.pause_tasks(p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.cogo_tasks t
     set status = 'held', paused_at = cogo.now()
   where t.id = any (p_task_ids) and t.status in ('pending', 'running');
  update cogo.subtasks s
     set status = 'held'
   where s.task_id = any (p_task_ids) and s.status in ('blocked', 'queued', 'delayed', 'waiting');
end;
$$;
comment on function cogo.pause_tasks is 'Pause open tasks. The caller holds their locks.';
