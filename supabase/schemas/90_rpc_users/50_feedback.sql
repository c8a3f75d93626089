-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_feedback(
  p_task_id uuid, p_score numeric, p_comment text default null, p_person uuid default null
)
  returns public.cogo_ratings language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_answer record;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id, 'feedback');
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select f.* into v_answer from cogo.find_answer(p_task_id) f;
  if v_answer.subtask_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (
    p_task_id, v_person, p_score, p_comment, v_answer.model_id,
    cogo.task_type(v_answer.subtask_id)
  )
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  perform cogo.record_judgement(
    v_answer.subtask_id, v_answer.attempt, 'feedback',
    (
      select avg(r.score)::float8 from public.cogo_ratings r
       where r.task_id = p_task_id and r.model_id = v_answer.model_id
    ),
    p_is_final => false
  );
  return v_new;
end;
$$;
comment on function public.cogo_feedback is
  'Rate the answer of a task from 0 to 1: for its owner, who may change it, and for operators, who
may rate for p_person. Counts in the statistics of the model that wrote the answer, unless it was
simulated.';
