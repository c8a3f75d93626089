create or replace function cogo.find_reusable_steps(p_task public.cogo_tasks, p_step cogo.subtasks)
  returns setof uuid language sql stable set search_path = pg_catalog, pg_temp
as $$
  with steps as materialized (
    -- A step that was itself taken over has the times of its original.
    select s.id, s.key, s.kind, s.status, s.sink, s.end_no, p.error,
           coalesce((p.metadata -> 'reused' ->> 'begun_at')::timestamptz, s.created_at) as begun_at,
           coalesce(
             (p.metadata -> 'reused' -> 'record' ->> 'ended_at')::timestamptz, s.finished_at
           ) as ended_at
      from cogo.subtasks s
      join cogo.subtask_payloads p on p.subtask_id = s.id
     where s.task_id = p_task.id and s.kind <> 'flow'
  )
  select s.id
    from steps s
    join steps k on k.id = p_step.id
   where s.id <> k.id and s.end_no is not null and not s.sink and s.kind <> 'approve'
     and s.begun_at < coalesce(k.ended_at, 'infinity')
     and (
       s.status = 'completed'
       or s.error ->> 'class' is distinct from 'deadline'
          and s.id not in (select f.id from cogo.find_fatal_steps(p_task) as f (id))
     );
$$;
comment on function cogo.find_reusable_steps is
  'Return the ended steps of a task that do not depend on what a step gave: those that the workflow
asked for before it ended. Left out are questions to people, which are asked again, and failures that
ended the task.';

-- Their times move with those of the step, so that for the workflow as much time has passed as before.
create or replace function cogo.copy_steps(
  p_task public.cogo_tasks, p_step cogo.subtasks, p_target public.cogo_tasks, p_fork jsonb
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(
    select f.id from cogo.find_reusable_steps(p_task, p_step) as f (id)
  );
  v_flow cogo.flows;
  v_record jsonb;
  v_shift interval;
begin
  perform cogo.check_size('what would be reused', sum(pg_column_size(o.output)), 67108864, 'bytes')
     from cogo.subtask_outputs o where o.subtask_id = any (v_ids);
  select cogo.now() - coalesce(
           (p.metadata -> 'reused' ->> 'begun_at')::timestamptz, p_step.created_at
         ) into v_shift
    from cogo.subtask_payloads p where p.subtask_id = p_step.id;
  select f.* into v_flow from cogo.flows f where f.task_id = p_task.id;
  if found then
    v_record := cogo.load_flow(v_flow);
  end if;
  insert into cogo.flows (task_id, first_claimed_at, ends, decisions, fork)
  values (
    p_target.id, coalesce(v_flow.first_claimed_at + v_shift, cogo.now()), cardinality(v_ids),
    coalesce(v_flow.decisions, '{}'),
    p_fork || jsonb_build_object('seed', coalesce(v_flow.fork ->> 'seed', p_task.id::text))
  );
  with found as materialized (
    select s.*, gen_random_uuid() as new_id, row_number() over (order by s.end_no) as nth,
           e.record - '{output,is_output_left_out,error,end_no,key,kind,digest,status}'::text[] as record
      from cogo.subtasks s
      join jsonb_array_elements(v_record -> 'steps') as e (record) on e.record ->> 'key' = s.key
     where s.task_id = p_task.id and s.id = any (v_ids)
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, kind, status, priority, max_failures, on_failure, finished_at,
      end_no
    )
    select f.new_id, p_target.id, f.key, f.type, f.lane, f.kind, f.status, f.priority,
           f.max_failures, 'continue', cogo.now(), f.nth
      from found f
     order by f.seq
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata, error)
    select f.new_id, p.params,
           p.metadata || jsonb_build_object(
             'reused',
             jsonb_build_object(
               'task_id', p_task.id, 'subtask_id', f.id,
               'begun_at', v_shift + coalesce(
                 (p.metadata -> 'reused' ->> 'begun_at')::timestamptz, f.created_at
               ),
               'record', f.record || jsonb_build_object(
                 'is_reused', true, 'ended_at', v_shift + (f.record ->> 'ended_at')::timestamptz
               )
             )
           ),
           case when f.status = 'failed' then coalesce(
             p.error,
             (
               select a.error from public.cogo_attempts a
                where a.subtask_id = f.id and a.attempt = f.attempt
             )
           ) end
      from found f
      join cogo.subtask_payloads p on p.subtask_id = f.id
  )
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select f.new_id, 0, o.output from found f join cogo.subtask_outputs o on o.subtask_id = f.id;
end;
$$;
comment on function cogo.copy_steps is
  'Give a new task the record of the steps of a task that do not depend on what a step gave, with the
decisions of its workflow. They have no attempts, so their costs are not counted again.';
