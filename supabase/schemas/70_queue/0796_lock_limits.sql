-- Lanes by name, then owners by id: before any task, and in the same order by everybody. An owner
-- is locked only when there is something of theirs to claim. Lane cio is no owner's expense.
create or replace function cogo.lock_limits(p_lanes text[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform
     from cogo.lanes l
    where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    order by l.lane
      for no key update;
  perform
     from cogo.owners o
    where (o.max_running is not null or o.per_minute is not null)
      and not o.paused
      and exists (
        select
          from unnest(p_lanes) as l (lane)
         cross join lateral (
           select from cogo.subtasks s
            where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
            limit 1
         ) as something
         where l.lane <> 'cio'
      )
    order by o.owner
      for no key update;
end;
$$;
comment on function cogo.lock_limits(text[]) is
  'Locks what limits the claims from lanes. What they allow is read in a later statement.';

revoke all on function cogo.lock_limits(text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_limits(text[]) to service_role;
