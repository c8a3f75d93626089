-- Tasks are locked first, in the one order of all locks. What runs is not touched.
create or replace function cogo.restamp(
  p_action text, p_lanes text[], p_scope text, p_reason text, p_who text
)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
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
       where s.lane <> 'cio'
         and (p_action = 'pin') is distinct from (s.lane = any (p_lanes))
         -- Who asked for a model by name keeps it, unless nobody may have it.
         and (p_action = 'ban' or t.model is null)
         and case
           when p_scope like 'owner:%' then s.owner = v_owner
           when p_scope like 'task_type:%' then p_scope = 'task_type:' || coalesce(
             (
               select m.requirements ->> 'taskType' from public.cogo_model_selections m
                where m.subtask_id = s.id order by m.created_at desc limit 1
             ), 'general'
           )
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
         cogo.now(), 'subtask.' || m.status, m.id, nullif(m.attempt, 0), p_who,
         jsonb_build_object(
           'key', m.key, 'type', m.type, 'lane', m.lane, 'from', m.status, 'reason', p_reason
         )
    from moved m;
  perform cogo.ring_lanes(v_ids);
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.restamp(text, text[], text, text, text) is
  'Sends waiting subtasks back to the orchestrators: those in p_lanes, for a pin those in all others.
Says how many.';

revoke all on function cogo.restamp(text, text[], text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.restamp(text, text[], text, text, text) to service_role;
