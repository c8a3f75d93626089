-- Work that memory asks models for: EMBED, summaries, facts. Each is a task of the owner, so it is paid
-- and limited as any other; cogo_run_memory() takes what finished ones gave and deletes them, because
-- they hold texts that somebody may forget.
create or replace function cogo.submit_follow_up(
  p_purpose text, p_owner uuid, p_type text, p_prompt text, p_params jsonb, p_model text, p_refs jsonb,
  p_preferences jsonb default '{}', p_project text default null, p_tags text[] default '{}'
)
  returns uuid language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into public.cogo_tasks (
    type, prompt, params, priority, owner, model, preferences, stream, follow_up, project, tags
  ) values (
    p_type, p_prompt, p_params, 1, p_owner, p_model, p_preferences, false, p_purpose, p_project, p_tags
  )
  returning id into v_id;
  insert into cogo.follow_ups (task_id, purpose, owner, refs)
  values (v_id, p_purpose, p_owner, p_refs);
  return v_id;
end;
$$;
comment on function cogo.submit_follow_up is
  'Submit a task whose result cogo_run_memory() applies; refs says what it is about.';

create or replace function cogo.apply_follow_up(
  p_follow_up cogo.follow_ups, p_task public.cogo_tasks
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  case p_follow_up.purpose
    when 'embed' then perform cogo.apply_embed(p_follow_up, p_task);
    when 'summary' then perform cogo.apply_summary(p_follow_up, p_task);
    when 'extract' then perform cogo.apply_extract(p_follow_up, p_task);
  end case;
end;
$$;
comment on function cogo.apply_follow_up is
  'Take the result of a finished follow-up task, which may have failed.';

create or replace function cogo.apply_follow_ups(p_limit integer)
  returns table (applied integer, seen integer, problem text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_follow_up cogo.follow_ups;
  v_task public.cogo_tasks;
  v_problem text;
begin
  applied := 0;
  seen := 0;
  for v_follow_up in
    select f.*
      from cogo.follow_ups f join public.cogo_tasks t on t.id = f.task_id
     where f.due_at <= cogo.now() and f.applied_at is null and t.finished_at is not null
     order by f.due_at
     limit p_limit
       for no key update of f skip locked
  loop
    seen := seen + 1;
    select t.* into v_task from public.cogo_tasks t where t.id = v_follow_up.task_id;
    begin
      perform cogo.apply_follow_up(v_follow_up, v_task);
      update cogo.follow_ups f set applied_at = cogo.now() where f.task_id = v_follow_up.task_id;
      applied := applied + 1;
      if v_task.status <> 'completed' then
        problem := format(
          'a task of memory (%s) has %s: %s', v_follow_up.purpose, v_task.status,
          left(coalesce(v_task.error ->> 'message', 'no reason given'), 500)
        );
      end if;
    exception
      when lock_not_available or deadlock_detected then
        -- Somebody changes what it is about.
        update cogo.follow_ups f set due_at = cogo.now() + interval '1 second'
         where f.task_id = v_follow_up.task_id;
      when assert_failure or others then
        v_problem := left(sqlerrm, 500);
        -- One bad result harms only itself. The database may be at fault, so it is tried again.
        update cogo.follow_ups f
           set tries = f.tries + 1, error = v_problem,
               due_at = cogo.now() + cogo.retry_interval(10 * power(4, f.tries)::numeric),
               applied_at = case when f.tries >= 4 then cogo.now() end
         where f.task_id = v_follow_up.task_id;
        problem := format(
          'a result of memory (%s) cannot be taken: %s', v_follow_up.purpose, v_problem
        );
    end;
  end loop;
  perform cogo.delete_follow_ups(p_limit);
  return next;
end;
$$;
comment on function cogo.apply_follow_ups is
  'Take the results of finished follow-up tasks, and delete the tasks; return how many, and the last
problem.';

create or replace function cogo.delete_follow_ups(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  -- Never waits for a task: whoever deletes one waits for its follow-up.
  v_ids := array(
    select t.id
      from cogo.follow_ups f join public.cogo_tasks t on t.id = f.task_id
     where f.applied_at is not null and t.finished_at is not null
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
     order by t.seq
     limit p_limit
       for update of t skip locked
  );
  delete from public.cogo_tasks t where t.id = any (v_ids);
  return cardinality(v_ids);
end;
$$;
comment on function cogo.delete_follow_ups is
  'Delete follow-up tasks whose results are applied and that nobody runs; return how many.';

create or replace function cogo.drop_follow_ups(p_task_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_task_ids, '{}') = '{}' then
    return;
  end if;
  -- Tasks before what hangs on them. One that somebody has locked ends by itself: its result is not
  -- taken.
  perform cogo.cancel_unstarted(p_task_ids, p_reason, true);
  update cogo.follow_ups f set applied_at = cogo.now() where f.task_id = any (p_task_ids);
  perform cogo.delete_follow_ups(cardinality(p_task_ids) + 100);
end;
$$;
comment on function cogo.drop_follow_ups is
  'Give up follow-up tasks: cancel them, take no result and delete them as soon as nobody runs them.';
