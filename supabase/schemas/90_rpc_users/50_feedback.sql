-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_feedback(
  p_task_id uuid, p_score numeric, p_comment text default null, p_person uuid default null
)
  returns public.cogo_ratings language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks;
  v_person uuid := coalesce(p_person, '00000000-0000-0000-0000-000000000000');
  v_weight constant double precision := 3;
  v_model_id text;
  v_task_type text;
  v_old public.cogo_ratings;
  v_new public.cogo_ratings;
begin
  if p_score is null or p_score < 0 or p_score > 1 then
    raise exception using errcode = 'TQ004', message = 'p_score must be from 0 (bad) to 1 (good)';
  end if;
  perform cogo.check_size('p_comment', length(p_comment));
  v_task := cogo.authorize_task(p_task_id);
  if v_task.status <> 'completed' then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: only an answer can be rated', p_task_id, v_task.status);
  end if;
  select a.model_id, cogo.task_type(s.id) into v_model_id, v_task_type
    from cogo.subtasks s
    join public.cogo_attempts a on a.subtask_id = s.id and a.outcome = 'completed'
    join cogo.subtask_payloads p on p.subtask_id = s.id
   -- A workflow that ends by itself has the answer of a step.
   where s.task_id = p_task_id and a.model_id is not null
     and (s.sink or p.metadata -> 'answer' = 'true' and s.status = 'completed')
   order by s.sink desc, s.end_no desc, a.attempt desc
   limit 1;
  if v_model_id is null then
    raise exception using
      errcode = 'TQ003', message = format('no model answered task %s', p_task_id);
  end if;
  if not cogo.is_operator() then
    v_person := auth.uid();
  end if;

  select r.* into v_old
    from public.cogo_ratings r where r.task_id = p_task_id and r.person = v_person;
  insert into public.cogo_ratings as r (
    task_id, person, score, comment, model_id, task_type
  ) values (p_task_id, v_person, p_score, p_comment, v_model_id, v_task_type)
  on conflict (task_id, person) do update
    set score = excluded.score,
        comment = coalesce(excluded.comment, r.comment),
        model_id = excluded.model_id,
        task_type = excluded.task_type,
        rated_at = cogo.now()
  returning * into v_new;

  if v_task.simulated then
    return v_new;
  end if;
  -- A rating is rarer and more reliable than an outcome: it counts as three.
  insert into cogo.model_outcomes as m (model_id, task_type, judged, good)
  values (v_model_id, v_task_type, v_weight, v_weight * p_score)
  on conflict (model_id, task_type, after) do update
    set judged = m.judged
          + case when v_old.model_id is distinct from v_model_id then v_weight else 0 end,
        good = greatest(0, m.good + v_weight * (
          p_score - case when v_old.model_id = v_model_id then v_old.score else 0 end
        ));
  return v_new;
end;
$$;
comment on function public.cogo_feedback is
  'Rate the answer of a task from 0 to 1: for its owner, who may change it, and for operators, who
may rate for p_person. Counts in the statistics of the model, unless the answer was simulated.';
