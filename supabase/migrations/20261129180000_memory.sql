-- Memory.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace view public.cogo_subtasks with (security_invoker=true) as
 SELECT s.id,
    s.seq,
    s.task_id,
    s.key,
    s.type,
    s.lane,
    s.status,
    s.priority,
    s.deps_left,
    s.attempt,
    s.failures,
    s.max_failures,
    s.reaps,
    s.max_reaps,
    s.sink,
    s.needs_approval,
    s.run_at,
    s.lease_expires_at,
    s.agent_id,
    s.cancel_requested_at,
    s.dead_at,
    s.created_at,
    s.started_at,
    s.finished_at,
    COALESCE(p.params, '{}'::jsonb) AS params,
    COALESCE(p.metadata, '{}'::jsonb) AS metadata,
    o.output,
    COALESCE(p.error, a.error) AS error,
        CASE
            WHEN (c.subtask_id IS NOT NULL) THEN jsonb_build_object('attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning, 'turn', c.turn)
            ELSE NULL::jsonb
        END AS checkpoint,
    ARRAY( SELECT d.parent_id
           FROM cogo.dependencies d
          WHERE (d.child_id = s.id)
          ORDER BY d.parent_id) AS dependencies,
    s.on_failure,
    s.kind,
    s.end_no,
    s.not_needed,
        CASE s.kind
            WHEN 'flow'::text THEN COALESCE(( SELECT f.decisions
               FROM cogo.flows f
              WHERE (f.task_id = s.task_id)), (o.output -> 'decisions'::text))
            ELSE NULL::jsonb
        END AS decisions,
        CASE s.kind
            WHEN 'task'::text THEN ( SELECT k.child_id
               FROM cogo.child_tasks k
              WHERE (k.subtask_id = s.id))
            ELSE NULL::uuid
        END AS child_task_id
   FROM ((((cogo.subtasks s
     LEFT JOIN cogo.subtask_payloads p ON ((p.subtask_id = s.id)))
     LEFT JOIN cogo.subtask_outputs o ON ((o.subtask_id = s.id)))
     LEFT JOIN cogo.checkpoints c ON ((c.subtask_id = s.id)))
     LEFT JOIN public.cogo_attempts a ON (((a.subtask_id = s.id) AND (a.attempt = s.attempt))));

create policy "owners read their child_tasks" on cogo.child_tasks as PERMISSIVE for SELECT to authenticated using ((EXISTS ( SELECT
   FROM public.cogo_tasks t
  WHERE ((t.id = child_tasks.child_id) AND (t.owner = ( SELECT auth.uid() AS uid))))));

comment on view public.cogo_subtasks is
  'Subtasks with payload, output, checkpoint, dependencies, child task and the error of the latest
attempt.';

grant select (child_id) on table cogo.child_tasks to authenticated;

grant select (subtask_id) on table cogo.child_tasks to authenticated;

insert into cogo.schema_versions (version) values ('20261129180000')
on conflict (version) do nothing;
