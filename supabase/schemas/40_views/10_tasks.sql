create or replace view public.cogo_task_previews
  with (security_invoker = true)
as
  select t.id, t.seq, t.type, left(t.prompt, 300) as prompt, cogo.truncate_json(t.params) as params,
         t.priority, t.owner, t.session_id, t.idempotency_key, t.model,
         cogo.truncate_json(t.preferences) as preferences, t.budget_usd, t.deadline, t.run_at, t.stream,
         t.status, cogo.truncate_json(t.result) as result, cogo.truncate_json(t.error) as error,
         t.cost_usd, t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens, t.simulated,
         t.cancel_requested_at, t.paused_at, t.created_at, t.started_at, t.finished_at,
         t.parent_task_id, t.previous_task_id, t.follow_up, t.project, t.tags, t.forked_from
    from public.cogo_tasks t;
comment on view public.cogo_task_previews is
  'Tasks for lists: prompts cut to 300 characters, params and results beyond 4 KiB to short fields.';

create or replace view public.cogo_subtasks
  with (security_invoker = true)
as
  select s.id, s.seq, s.task_id, s.key, s.type, s.lane, s.status, s.priority, s.deps_left,
         s.attempt, s.failures, s.max_failures, s.reaps, s.max_reaps, s.sink, s.needs_approval,
         s.run_at, s.lease_expires_at, s.agent_id, s.cancel_requested_at, s.dead_at,
         s.created_at, s.started_at, s.finished_at,
         coalesce(p.params, '{}') as params,
         coalesce(p.metadata, '{}') as metadata,
         o.output,
         coalesce(p.error, a.error) as error,
         case when c.subtask_id is not null then jsonb_build_object(
           'attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning, 'turn', c.turn
         ) end as checkpoint,
         array(
           select d.parent_id from cogo.dependencies d where d.child_id = s.id order by d.parent_id
         ) as dependencies,
         s.on_failure,
         s.kind,
         s.end_no,
         s.not_needed,
         case s.kind when 'flow' then coalesce(
           (select f.decisions from cogo.flows f where f.task_id = s.task_id),
           o.output -> 'decisions'
         ) end as decisions,
         case s.kind when 'task' then (
           select k.child_id from cogo.child_tasks k where k.subtask_id = s.id
         ) end as child_task_id
    from cogo.subtasks s
    left join cogo.subtask_payloads p on p.subtask_id = s.id
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.checkpoints c on c.subtask_id = s.id
    left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt;
comment on view public.cogo_subtasks is
  'Subtasks with payload, output, checkpoint, dependencies, child task and the error of the latest
attempt.';

create or replace view public.cogo_events
  with (security_invoker = true)
as
  select e.task_id, e.seq, e.at, e.kind, e.subtask_id, e.attempt, e.agent_id, e.detail
    from cogo.events e;
comment on view public.cogo_events is
  'The history of a task without gaps: after seq n continue with seq > n.';

create or replace view public.cogo_dead_letters
  with (security_invoker = true)
as
  select s.id as subtask_id, s.task_id, s.key, s.type, s.lane, s.on_failure, s.failures, s.reaps,
         s.dead_at,
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane,
                        'model_id', a.model_id, 'claimed_at', a.claimed_at,
                        'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id
         ) as attempts,
         s.kind,
         (select p.error from cogo.subtask_payloads p where p.subtask_id = s.id) as error,
         coalesce(
           (select p.error ->> 'class' from cogo.subtask_payloads p where p.subtask_id = s.id),
           (
             select a.error ->> 'class'
               from public.cogo_attempts a
              where a.subtask_id = s.id order by a.attempt desc limit 1
           ),
           (
             select t.error ->> 'class'
               from public.cogo_tasks t
              where t.id = s.task_id and t.error ->> 'subtask_id' = s.id::text
           ),
           'unknown'
         ) as error_class
    from cogo.subtasks s
   where s.dead_at is not null;
comment on view public.cogo_dead_letters is
  'Subtasks that failed for good, with every attempt. error_class is that of its own error, of its last
attempt''s, or of its task''s if that names it, else unknown. Redriving removes them from here.';

create or replace view public.cogo_turns
  with (security_invoker = true)
as
  select s.task_id, u.subtask_id, s.key, u.seq, u.kind, u.attempt, u.body, u.created_at
    from cogo.turns u
    join cogo.subtasks s on s.id = u.subtask_id;
comment on view public.cogo_turns is
  'Answers of models that call tools, and what the calls gave. Each subtask has at most 1,000, of 1 MiB
at most each: read them in pages.';
