-- What an answer can be judged by, the most reliable first where two are equally strong. Strengths are
-- from 0 (says nothing) to 1; what does not pass may say more than what does: code that cannot be parsed
-- is bad, code that can be is not therefore good.
create or replace function cogo.list_judgement_sources()
  returns table (
    source text, place integer, bad double precision, good double precision, is_stated boolean
  )
  language sql immutable set search_path = pg_catalog, pg_temp
as $$
  values
    ('feedback', 1, 1::double precision, 1::double precision, false),
    ('approval', 2, 1, 0.5, true),
    ('speed', 3, 1, 0.8, true),
    ('run', 4, 1, 1, true),
    ('schema', 5, 1, 0.2, false),
    ('tools', 6, 1, 0.2, false),
    ('form', 7, 1, 0, false),
    ('edit', 8, 0.9, 0.2, false),
    ('common_tests', 9, 0.6, 0.6, true),
    ('written_tests', 10, 0.6, 0.6, true),
    ('own_tests', 11, 0.6, 0.3, true),
    ('review', 12, 0.5, 0.5, true),
    ('agreement', 13, 0.3, 0.3, true)
$$;
comment on function cogo.list_judgement_sources is
  'Return the sources of judgements with the strength of one that says bad, and of one that says good,
and whether workflows state them: feedback of a person; an approval; whether code is faster and does the
same; tests that were run; whether data follows its schema, and calls of tools the tools; the form; the
edit of a cell of an AI column; tests that a model wrote of the work of several, of the answer, or of its
own answer; a review by a model of another maker; agreement of independent answers.';

create or replace function cogo.find_kind(p_subtask_id uuid)
  returns text language sql stable
  return coalesce(
    (
      select substring(
               coalesce(m.requirements ->> 'kind', m.requirements ->> 'taskType')
               from '^[a-z][a-z0-9_-]{0,39}$'
             )
        from public.cogo_model_selections m
       where m.subtask_id = p_subtask_id order by m.created_at desc limit 1
    ), 'general'
  );
comment on function cogo.find_kind is
  'Return the kind of work that a subtask''s model was selected for; the type of work, where the
selection is older than kinds.';

-- A result of several answers is judged as that of the last one that was written for it.
create or replace function cogo.find_answer(
  p_task_id uuid, p_model_id text default null, out subtask_id uuid, out attempt integer,
  out model_id text
)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select a.subtask_id, a.attempt, a.model_id
    from cogo.subtasks s
    join cogo.subtask_payloads p on p.subtask_id = s.id
    join cogo.subtask_outputs o on o.subtask_id = s.id
    join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = o.attempt
    join public.cogo_tasks t on t.id = s.task_id
   where s.task_id = p_task_id and s.status = 'completed' and s.kind = 'ask'
     and a.outcome = 'completed' and cogo.is_model_lane(a.lane) and a.model_id is not null
     and (p_model_id is null or a.model_id = p_model_id)
   order by s.sink desc,
            -- The result may be an earlier draft than the last.
            a.model_id is not distinct from t.result ->> 'model_used' desc,
            coalesce(p.metadata -> 'answer' = 'true', false) desc, s.end_no desc nulls last,
            a.attempt desc
   limit 1;
$$;
comment on function cogo.find_answer is
  'Return the attempt that wrote the result of a task, or the last of a model for it; null if there is
none.';

create or replace function cogo.record_judgement(
  p_subtask_id uuid, p_attempt integer, p_source text, p_score double precision,
  p_judge text default null, p_is_final boolean default true
)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.judgements as j (subtask_id, attempt, source, score, judge)
  select a.subtask_id, a.attempt, p_source, p_score, p_judge
    from public.cogo_attempts a
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.model_id is not null
     and not a.simulated
  on conflict (subtask_id, attempt, source) do update
    set score = excluded.score, judge = excluded.judge, judged_at = excluded.judged_at
  where not p_is_final and j.score <> excluded.score;
  if not found then
    return false;
  end if;
  insert into cogo.outcomes (subtask_id, attempt, is_judgement)
  values (p_subtask_id, p_attempt, true);
  return true;
end;
$$;
comment on function cogo.record_judgement is
  'Record what a source says of an answer, to be counted soon; return whether that is news. p_is_final:
the first judgement of a source counts. Simulated answers are not judged.';

create or replace function cogo.validate_judgements(p_items jsonb)
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case
           when coalesce(jsonb_typeof(p_items), 'null') = 'null' then null
           when jsonb_typeof(p_items) <> 'array' then 'judgements must be a list'
           when jsonb_array_length(p_items) > 3000 then 'judgements must be at most 3000'
           when exists (
             select from jsonb_array_elements(p_items) i
              where (
                i ->> 'source' in (
                  select c.source from cogo.list_judgement_sources() c where c.is_stated
                )
                and cogo.is_number_between(i -> 'score', 0, 1)
                and 'string' in (jsonb_typeof(i -> 'step'), jsonb_typeof(i -> 'model'))
              ) is not true
           ) then
             format(
               'judgements must each have a source (%s), a score from 0 to 1, and the key of a step or '
               'the name of a model',
               (
                 select string_agg(c.source, ', ' order by c.place)
                   from cogo.list_judgement_sources() c where c.is_stated
               )
             )
         end;
$$;
comment on function cogo.validate_judgements is
  'Return what is wrong with what a workflow says of answers, as a sentence; null if it is valid.';

-- A model does not judge itself, and models of one maker fail at the same tasks. What is said of a step
-- that is a task counts for whoever wrote the result of that.
create or replace function cogo.record_judgements(p_task_id uuid, p_items jsonb)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  select cogo.record_judgement(
           a.subtask_id, a.attempt, i.item ->> 'source', (i.item -> 'score')::float8,
           judge.model_id
         )
    from jsonb_array_elements(p_items) with ordinality as i (item, nth)
    left join cogo.subtasks s on s.task_id = p_task_id and s.key = i.item ->> 'step'
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.child_tasks k on k.subtask_id = s.id and s.kind = 'task'
    left join cogo.find_answer(coalesce(k.child_id, p_task_id), i.item ->> 'model') f
      on i.item ->> 'step' is null or k.child_id is not null
    join public.cogo_attempts a
      on a.subtask_id = coalesce(f.subtask_id, s.id)
     and a.attempt = coalesce(f.attempt, o.attempt)
     and a.outcome = 'completed'
    left join lateral (
      select j.model_id, j.usage -> 'derived' ->> 'maker' as maker
        from cogo.subtasks r
        join cogo.subtask_outputs q on q.subtask_id = r.id
        join public.cogo_attempts j on j.subtask_id = r.id and j.attempt = q.attempt
       where r.task_id = p_task_id and r.key = i.item ->> 'judge'
    ) as judge on true
   where cogo.is_model_lane(a.lane)
     and judge.model_id is distinct from a.model_id
     and (judge.maker = a.usage -> 'derived' ->> 'maker') is not true
   order by i.nth;
$$;
comment on function cogo.record_judgements is
  'Record what a workflow says of the answers of its steps.';
