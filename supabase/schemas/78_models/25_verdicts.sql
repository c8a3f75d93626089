-- Written tests may be wrong, so they say less than those of the task. Without tests that ran, nothing
-- is known that the answer itself has not shown.
create or replace function cogo.find_verdict(
  p_subtask_id uuid, out subtask_id uuid, out attempt integer, out score double precision
)
  returns setof record language sql stable set search_path = pg_catalog, pg_temp
as $$
  select a.subtask_id, a.attempt, v.score
    from cogo.subtasks c
    join cogo.subtask_payloads p on p.subtask_id = c.id
    join cogo.subtask_outputs o on o.subtask_id = c.id
    join cogo.subtasks s on s.task_id = c.task_id and s.key = p.metadata ->> 'judges'
    join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
   cross join lateral (
     select case
              when o.output -> 'report' ->> 'verdict' = 'passed' then
                case when p.metadata ->> 'tests_by' is null then 1 else 0.9 end
              when o.output -> 'report' ->> 'verdict' = 'syntax' then 0
              when o.output -> 'report' ->> 'verdict' in ('failed', 'crashed', 'timeout', 'memory') then
                case when p.metadata ->> 'tests_by' is null then 0 else 0.3 end
            end as score
   ) as v
   where c.id = p_subtask_id and c.kind = 'check' and c.status = 'completed'
     and s.kind = 'ask' and a.outcome = 'completed' and not a.simulated and v.score is not null
     and not exists (
       select from cogo.subtasks e
         join cogo.subtask_payloads ep on ep.subtask_id = e.id
        where e.task_id = c.task_id and e.kind = 'check' and e.status = 'completed'
          and e.end_no < c.end_no and ep.metadata ->> 'judges' = s.key
     );
$$;
comment on function cogo.find_verdict is
  'Return the attempt whose code a check was the first to run, and what the check says of it, from 0 to
1; nothing for other subtasks, and where the answer was simulated.';
