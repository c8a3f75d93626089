-- Judge the answers of the last weeks by what is stored of them: ratings, tests that were run, and what
-- their form, their data and their calls of tools have shown. They weigh as much as their age leaves.

insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
select f.subtask_id, f.attempt, 'feedback', r.score, r.rated_at
  from (
    select g.task_id, g.model_id, avg(g.score)::float8 as score, max(g.rated_at) as rated_at
      from public.cogo_ratings g
      join public.cogo_tasks t on t.id = g.task_id and not t.simulated
     group by g.task_id, g.model_id
  ) as r
 cross join cogo.find_answer(r.task_id, r.model_id) f
 where f.subtask_id is not null
on conflict do nothing;

insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
select distinct on (a.subtask_id, a.attempt) a.subtask_id, a.attempt, v.source, v.score, c.finished_at
  from cogo.subtasks c
  join cogo.subtask_payloads p on p.subtask_id = c.id
  join cogo.subtask_outputs o on o.subtask_id = c.id
  join cogo.subtasks s on s.task_id = c.task_id and s.key = p.metadata ->> 'judges' and s.kind = 'ask'
  join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
 cross join lateral (
   select case when g.is_written and g.verdict <> 'syntax' then 'written_tests' else 'run' end as source,
          case
            when g.verdict = 'passed' then case when g.is_written then 0.9 else 1 end
            when g.verdict = 'syntax' then 0
            when g.verdict in ('failed', 'crashed', 'timeout', 'memory') then
              case when g.is_written then 0.3 else 0 end
          end as score
     from (
       select o.output -> 'report' ->> 'verdict' as verdict,
              p.metadata ->> 'tests_by' is not null as is_written
     ) as g
 ) as v
 where c.kind = 'check' and c.status = 'completed'
   and c.finished_at > cogo.now() - interval '28 days'
   and a.outcome = 'completed' and a.model_id is not null and not a.simulated
   and v.score is not null
 order by a.subtask_id, a.attempt, c.end_no
on conflict do nothing;

select cogo.derive_judgements(array_agg(a.subtask_id), array_agg(a.attempt))
  from (
    select e.subtask_id, e.attempt
      from public.cogo_attempts e
     where e.ended_at > cogo.now() - interval '28 days' and cogo.is_model_lane(e.lane)
       and not e.simulated
       and not exists (
         select from cogo.outcomes o where o.subtask_id = e.subtask_id and o.attempt = e.attempt
       )
     order by e.ended_at desc
     limit 20000
  ) as a
having count(*) > 0;

insert into cogo.outcomes (subtask_id, attempt, is_judgement)
select distinct j.subtask_id, j.attempt, true from cogo.judgements j;

insert into cogo.schema_versions (version) values ('20261129193136')
on conflict (version) do nothing;
