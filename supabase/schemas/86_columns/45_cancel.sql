create or replace function cogo.cancel_unstarted(
  p_task_ids uuid[], p_reason text, p_also_started boolean default false
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  -- Never waits for a task, since the caller holds locks of cells.
  v_ids := array(
    select t.id
      from public.cogo_tasks t
     where t.id = any (p_task_ids) and t.finished_at is null
     order by t.seq + 0
       for no key update skip locked
  );
  v_ids := array(
    select i.id from unnest(v_ids) as i (id)
     where p_also_started or not exists (
       select from public.cogo_attempts a
        where a.task_id = i.id and cogo.is_calling_lane(a.lane)
     )
  );
  if v_ids <> '{}' then
    perform cogo.cancel_tasks(v_ids, p_reason);
  end if;
  return v_ids;
end;
$$;
comment on function cogo.cancel_unstarted is
  'Cancel tasks that no model was asked for yet, or all of these; return their ids. Skips locked tasks.';

create or replace function cogo.drop_tasks(p_column_id uuid, p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_task_ids, '{}') = '{}' then
    return;
  end if;
  update cogo.ai_cells c
     set state = 'pending', due_at = cogo.now(), task_id = null
   where c.column_id = p_column_id and c.state = 'asked'
     and c.task_id = any (
       cogo.cancel_unstarted(
         p_task_ids, 'the value is not wanted any more: the row or the column has changed'
       )
     );
end;
$$;
comment on function cogo.drop_tasks is
  'Cancel the tasks of cells whose answers are out of date, if nothing was paid for; they are asked for
anew.';

create or replace function cogo.drop_unstarted(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.drop_tasks(
    p_column.id,
    array(
      select distinct c.task_id
        from cogo.ai_cells c
       where c.column_id = p_column.id and c.state = 'asked' and c.task_id is not null
         and c.version is distinct from p_column.version
    )
  );
end;
$$;
comment on function cogo.drop_unstarted is
  'Cancel what was asked for by another version of an AI column and has not begun.';
