-- Takes no task lock and skips rows that somebody holds: their leases keep the time they have,
-- and the next extension finds out what became of them.
create or replace function public.cogo_extend_leases(
  p_agent_id text, p_leases jsonb, p_lease_seconds numeric default 15
)
  returns table (
    subtask_id uuid, attempt integer, answer text, lease_expires_at timestamptz
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.act_as(p_agent_id);
  if jsonb_typeof(p_leases) is distinct from 'array' or p_lease_seconds is null
     or p_lease_seconds <= 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_leases must be a list of {subtask_id, attempt} and p_lease_seconds positive';
  end if;

  return query
    with asked as materialized (
      select l.ordinal,
             cogo.to_uuid(l.lease ->> 'subtask_id') as id,
             cogo.to_integer(l.lease ->> 'attempt') as attempt,
             l.lease -> 'checkpoint' as checkpoint
        from jsonb_array_elements(p_leases) with ordinality as l (lease, ordinal)
    ), locked as materialized (
      select s.id, s.attempt, s.cancel_requested_at is not null as is_cancelled
        from cogo.subtasks s
       where s.id in (select a.id from asked a)
         and s.status = 'running'
         and s.agent_id = p_agent_id
         for no key update skip locked
    ), extended as (
      update cogo.subtasks s
         set lease_expires_at = v_now + make_interval(secs => p_lease_seconds::float8)
        from locked k
       where s.id = k.id
         and not k.is_cancelled
         and exists (select from asked a where a.id = s.id and a.attempt = s.attempt)
      returning s.id, s.attempt, s.lease_expires_at
    ), saved as (
      insert into cogo.checkpoints (subtask_id, attempt, content, reasoning, updated_at)
      select distinct on (e.id) e.id, e.attempt,
             coalesce(a.checkpoint ->> 'content', ''), coalesce(a.checkpoint ->> 'reasoning', ''),
             v_now
        from (
          select x.id, x.attempt from extended x
           union all
          -- The last text of a cancelled one is kept: somebody has seen it.
          select k.id, k.attempt from locked k where k.is_cancelled
        ) e
        join asked a on a.id = e.id and a.attempt = e.attempt
       where jsonb_typeof(a.checkpoint) = 'object'
      on conflict (subtask_id) do update
        set attempt = excluded.attempt,
            content = excluded.content,
            reasoning = excluded.reasoning,
            updated_at = excluded.updated_at
    )
    select a.id, a.attempt,
           case
             when e.id is not null then 'ok'
             when s.id is null then 'lost'
             when s.cancel_requested_at is not null then 'cancel'
             else 'ok'
           end,
           coalesce(e.lease_expires_at, s.lease_expires_at)
      from asked a
      left join extended e on e.id = a.id and e.attempt = a.attempt
      left join cogo.subtasks s
             on s.id = a.id and s.attempt = a.attempt and s.status = 'running'
            and s.agent_id = p_agent_id
     order by a.ordinal;
end;
$$;
comment on function public.cogo_extend_leases(text, jsonb, numeric) is
  'Extends leases and keeps their checkpoints. Per lease: ok, cancel (stop, the task is over) or
lost (stop, it is somebody else''s). A lease that expired and was not reaped is extended.';

revoke all on function public.cogo_extend_leases(text, jsonb, numeric)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_extend_leases(text, jsonb, numeric) to service_role;
