-- Takes no task lock and skips locked rows: their leases keep their expiry, and the next extension
-- reports what became of them.
create or replace function public.cogo_extend_leases(
  p_agent_id text, p_leases jsonb, p_lease_seconds numeric default 15
)
  returns table (
    subtask_id uuid, attempt integer, answer text, lease_expires_at timestamptz
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_leases) is distinct from 'array' or p_lease_seconds is null
     or p_lease_seconds <= 0 then
    raise exception using errcode = 'TQ004',
      message = 'p_leases must be a list of {subtask_id, attempt} and p_lease_seconds positive';
  end if;

  return query
    with wanted as materialized (
      select l.ordinal,
             cogo.to_uuid(l.lease ->> 'subtask_id') as id,
             cogo.to_integer(l.lease ->> 'attempt') as attempt,
             l.lease -> 'checkpoint' as checkpoint
        from jsonb_array_elements(p_leases) with ordinality as l (lease, ordinal)
    ), locked as materialized (
      select s.id, s.attempt, s.cancel_requested_at is not null as is_cancelled
        from cogo.subtasks s
       where s.id in (select a.id from wanted a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and not k.is_cancelled
         and exists (select from wanted a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at, turn)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now, cogo.to_integer(a.checkpoint ->> 'turn')
        from (
          select x.id, x.attempt from extended x
           union all
          -- Keep the last text of a cancelled one: watchers have seen it.
          select k.id, k.attempt from locked k where k.is_cancelled
        ) e
        join wanted a on a.id = e.id and a.attempt = e.attempt
       where jsonb_typeof(a.checkpoint) = 'object'
      on conflict (subtask_id) do update
        set attempt = excluded.attempt,
            content = excluded.content,
            reasoning = excluded.reasoning,
            updated_at = excluded.updated_at,
            turn = excluded.turn
    )
    select a.id, a.attempt,
           case
             when e.id is not null then 'ok'
             -- It may have been ended already, as by the deadline, but not what it has cost.
             when s.id is null and exists (
               select from public.cogo_attempts c
                where c.subtask_id = a.id and c.attempt = a.attempt
                  and c.agent_id = p_agent_id and c.outcome = 'cancelled'
             ) then 'cancel'
             when s.id is null then 'lost'
             when s.cancel_requested_at is not null then 'cancel'
             else 'ok'
           end,
           coalesce(e.lease_expires_at, s.lease_expires_at)
      from wanted a
      left join extended e on e.id = a.id and e.attempt = a.attempt
      left join cogo.subtasks s
             on s.id = a.id and s.attempt = a.attempt and s.status = 'running'
            and s.agent_id = p_agent_id
     order by a.ordinal;
end;
$$;
comment on function public.cogo_extend_leases is
  'Extend leases and store their checkpoints. Per lease: ok, cancel (stop: the task is over) or lost
(stop: another agent has it). An expired lease that was not reaped is extended.';
