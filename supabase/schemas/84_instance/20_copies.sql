create or replace function cogo.mark_copy()
  returns bigint language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_inherited bigint;
begin
  select coalesce(max(t.seq), 0) into v_inherited from public.cogo_tasks t;
  -- Skips a locked row: agents call this while they hold locks, and another is doing the same.
  update cogo.instance i
     set inherited_to = v_inherited
   where i.system_identifier in (
     select o.system_identifier from cogo.instance o where o.inherited_to is null
        for no key update skip locked
   );
  return v_inherited;
end;
$$;
comment on function cogo.mark_copy is
  'Record that this is a copy, and that all present tasks came with it; return the seq of the last.';

create or replace function cogo.find_inherited()
  returns bigint language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_copy boolean;
  v_inherited bigint;
begin
  select bool_or(i.system_identifier <> cogo.read_system_identifier() or i.inherited_to is not null),
         max(i.inherited_to)
    into v_is_copy, v_inherited
    from cogo.instance i;
  if v_is_copy and v_inherited is null then
    v_inherited := cogo.mark_copy();
  end if;
  return v_inherited;
end;
$$;
comment on function cogo.find_inherited is
  'Return the seq of the last task that came with a copy; null if this is none.';

create or replace function cogo.waits_for_adoption(p_task public.cogo_tasks, p_inherited bigint)
  returns boolean language sql stable
  return coalesce(
    p_task.seq <= p_inherited or p_inherited is not null and (
      p_task.run_at > p_task.created_at or p_task.previous_task_id is not null
    ), false
  );
comment on function cogo.waits_for_adoption is
  'Return whether a task may not run in a copy: it came with it, was scheduled, or is the next run of
another.';

create or replace function cogo.postpone_inherited(p_inherited bigint, p_limit integer)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  select array_agg(queued.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and cogo.waits_for_adoption(t, p_inherited)
       limit p_limit
         for no key update of t skip locked
    ) as queued;
  if v_ids is not null then
    update cogo.subtasks s
       set status = 'delayed', run_at = cogo.now()
     where s.id = any (v_ids) and s.status = 'queued';
  end if;
end;
$$;
comment on function cogo.postpone_inherited is
  'Delay queued subtasks that may not run in a copy, at most p_limit: cogo.promote_due() queues them
after its adoption. Skips locked tasks.';
