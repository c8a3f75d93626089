-- One pass over the steps, and no join of two lists, because the claim allows only nested loops. Outputs
-- are measured as they are stored before any is read.
create or replace function cogo.load_flow(p_flow cogo.flows)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
           'first_claimed_at', p_flow.first_claimed_at,
           'deadline_passed', p_flow.deadline_passed_at is not null,
           'decisions', p_flow.decisions,
           'fork', p_flow.fork,
           'steps', coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'key', f.key, 'kind', f.kind, 'digest', f.digest, 'status', f.status,
                 'end_no', f.end_no, 'ended_at', f.finished_at, 'attempt', f.attempt,
                 'model_id', f.model_id, 'cost_usd', f.cost_usd, 'not_needed', f.not_needed
               ) || coalesce(f.reused, '{}') || case
                 when f.status = 'failed' then jsonb_build_object('error', f.error)
                 when f.output is null then '{}'
                 when f.size <= 65536 then jsonb_build_object('output', f.output)
                 else '{"is_output_left_out": true}'
               end order by f.seq
             ), '[]'
           )
         )
    from (
      select m.*,
             case when m.stored <= 65536 then
               sum(case when m.stored <= 65536 then octet_length(m.output::text) end)
                 over (order by m.end_no desc nulls last)
             end as size
        from (
          select s.key, s.kind, s.status, s.end_no, s.finished_at, s.attempt, s.not_needed, s.seq,
                 p.metadata ->> 'digest' as digest, p.metadata -> 'reused' -> 'record' as reused,
                 o.output,
                 case when cogo.is_model_lane(s.lane) then s.lane end as model_id,
                 case s.kind
                   when 'task' then (
                     select case when bool_and(k.cost_usd is not null) is not false then
                              coalesce(sum(k.cost_usd), 0)
                            end
                       from cogo.child_tasks k where k.subtask_id = s.id
                   )
                   else (
                     select case when bool_and(a.cost_usd is not null) is not false then
                              coalesce(sum(a.cost_usd), 0)
                            end
                       from public.cogo_attempts a
                      where a.subtask_id = s.id and a.ended_at is not null
                   )
                 end as cost_usd,
                 case when s.status = 'failed' then coalesce(
                   p.error,
                   (
                     select a.error from public.cogo_attempts a
                      where a.subtask_id = s.id and a.attempt = s.attempt
                   ),
                   '{"class": "failed", "message": "no attempt recorded an error"}'
                 ) end as error,
                 sum(pg_column_size(o.output)) over (order by s.end_no desc nulls last) as stored
            from cogo.subtasks s
            join cogo.subtask_payloads p on p.subtask_id = s.id
            left join cogo.subtask_outputs o on o.subtask_id = s.id
           where s.task_id = p_flow.task_id and s.kind <> 'flow'
        ) as m
    ) as f;
$$;
comment on function cogo.load_flow is
  'Return the record of a flow for its lease: every step and its end, and 64 KiB of outputs, the newest
first.';

create or replace function public.cogo_step_outputs(p_task_id uuid, p_keys text[])
  returns table (key text, output jsonb)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select s.key, o.output
    from cogo.subtasks s
    join cogo.subtask_outputs o on o.subtask_id = s.id
   where s.task_id = p_task_id and s.key = any (p_keys) and s.status = 'completed'
   order by s.seq;
$$;
comment on function public.cogo_step_outputs is
  'Return outputs of completed steps that the lease of their flow left out.';
