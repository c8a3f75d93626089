create or replace function cogo.list_refused(p_subtask_id uuid, p_attempt integer)
  returns text[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
           (
             select array_agg(e.model_id order by e.attempt)
               from public.cogo_attempts e
              where e.subtask_id = p_subtask_id and e.attempt < p_attempt
                and e.error ->> 'class' = 'check_failed'
           ),
           (
             select array(
                      select left(e.model, 200)
                        from jsonb_array_elements_text(p.metadata -> 'after') as e (model)
                       where e.model is not null
                       limit 5
                    )
               from cogo.subtask_payloads p
              where p.subtask_id = p_subtask_id and jsonb_typeof(p.metadata -> 'after') = 'array'
           ), '{}'
         );
$$;
comment on function cogo.list_refused is
  'Return the models whose answers to the same question had failed before, in order.';

create or replace function cogo.derive_judgements(p_subtasks uuid[], p_attempts integer[])
  returns void language sql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
  insert into cogo.judgements (subtask_id, attempt, source, score, judged_at)
  select a.subtask_id, a.attempt, v.source, v.score, a.ended_at
    from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
   cross join lateral (
     select e.* from public.cogo_attempts e
      where e.subtask_id = t.subtask_id and e.attempt = t.attempt limit 1
   ) as a
    left join lateral (
      -- Once for all that is read of it: each look into a stored output decompresses all of it.
      select o.output || '{}' as output
        from cogo.subtask_outputs o
       where o.subtask_id = a.subtask_id and o.attempt = a.attempt
      offset 0
    ) as u on a.outcome = 'completed'
   cross join lateral (
     values
       (
         'schema',
         case
           when a.error ->> 'class' = 'invalid_answer' then 0
           when u.output ? 'data' then 1
         end
       ),
       (
         'tools',
         case
           when u.output -> 'invalid_calls' > '0' or a.error ->> 'class' = 'bad_tool_calls' then 0
           when u.output ? 'tools_used' and u.output -> 'tools_used' <> '[]' then 1
         end
       ),
       (
         'run', case when u.output -> 'verification' ->> 'status' = 'verified' then 1 end
       ),
       (
         'form',
         case
           when a.error ->> 'class' in ('check_failed', 'content_filtered') then 0
           when u.output ->> 'problem' is not null
             or u.output -> 'verification' ->> 'status' = 'failed'
             or u.output @? '$.verification.checks[*] ? (@.passed == false)' then 0
         end
       )
   ) as v (source, score)
   where v.score is not null and a.model_id is not null and not a.simulated
     and cogo.is_model_lane(a.lane)
  on conflict do nothing;
$$;
comment on function cogo.derive_judgements is
  'Record what attempts that ended say of themselves: whether data follows its schema, whether calls of
tools were valid, what was wrong with the form, and that their executor has run what they wrote.';
