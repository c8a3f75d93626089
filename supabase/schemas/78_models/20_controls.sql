create or replace function cogo.find_ban(
  p_owner uuid, p_subtask_id uuid, p_model text, p_provider text
)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format('%s is banned: %s', c.subject, c.reason)
    from cogo.controls c
   where c.action = 'ban'
     and c.subject in (p_model, p_provider)
     and case
       when c.scope like 'owner:%' then c.scope = 'owner:' || p_owner::text
       when c.scope like 'task_type:%' then c.scope = 'task_type:' || cogo.task_type(p_subtask_id)
       else true
     end
   order by c.scope, c.subject
   limit 1;
$$;
comment on function cogo.find_ban is
  'Return the ban of a model or provider for such a subtask, as a sentence; null if there is none.';

-- Tasks are locked first, as the lock order says. Running subtasks are not touched.
create or replace function cogo.restamp_subtasks(
  p_action text, p_lanes text[], p_scope text, p_reason text
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_owner uuid := cogo.to_uuid(substr(p_scope, length('owner:') + 1));
begin
  select array_agg(w.id) into v_ids
    from (
      select s.id, s.task_id
        from (
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status = 'queued'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'blocked'
           union all
          select q.id, q.task_id, q.lane, q.owner from cogo.subtasks q where q.status = 'delayed'
           union all
          select q.id, q.task_id, q.lane, q.owner
            from cogo.subtasks q where q.status in ('waiting', 'held')
        ) as s
        join public.cogo_tasks t on t.id = s.task_id
       where cogo.is_model_lane(s.lane)
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- A task that names its model keeps it, unless the model is banned.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || cogo.task_type(s.id)
           else true
         end
       order by t.seq
         for no key update of t
    ) as w;

  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids)
       and s.status in ('queued', 'blocked', 'delayed', 'waiting', 'held')
    returning s.*
  )
  insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
  select m.task_id,
         row_number() over (partition by m.task_id order by m.seq) + coalesce(
           (
             select e.seq from cogo.events e where e.task_id = m.task_id
              order by e.seq desc limit 1
           ), 0
         ),
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0),
         cogo.current_who(),
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.notify_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.restamp_subtasks is
  'Send waiting subtasks back to lane cio, those of p_lanes or, for a pin, all others; return how
many.';
