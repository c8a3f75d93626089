-- Clocks are a claim's last locks and are never waited for: another claim of the lane that holds
-- the clock at this moment moves it, by nearly as much.
create or replace function cogo.book_claims(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  update cogo.lanes l
     set tokens = cogo.allowance(l.per_minute, l.tokens, l.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.lane, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
    ) as c
   where l.lane = c.lane and l.per_minute is not null;
  update cogo.owners o
     set tokens = cogo.allowance(o.per_minute, o.tokens, o.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.owner, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) and s.lane <> 'cio' group by s.owner
    ) as c
   where o.owner = c.owner and o.per_minute is not null;

  insert into cogo.lane_clocks (lane)
  select distinct s.lane
    from cogo.subtasks s
   where s.id = any (p_subtask_ids)
     and not exists (select from cogo.lane_clocks k where k.lane = s.lane)
   order by s.lane
  on conflict (lane) do nothing;
  with free as materialized (
    select k.lane
      from cogo.lane_clocks k
     where k.lane in (select s.lane from cogo.subtasks s where s.id = any (p_subtask_ids))
       for no key update skip locked
  )
  update cogo.lane_clocks k
     set round = c.round
    from (
      select s.lane, max(s.turn - 100 * s.priority) as round
        from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
    ) as c
   where k.lane = c.lane and k.round < c.round and k.lane in (select f.lane from free f);
end;
$$;
comment on function cogo.book_claims(uuid[]) is
  'Notes what was claimed: in the buckets of lanes and owners, and on the clocks of the lanes.';

revoke all on function cogo.book_claims(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.book_claims(uuid[]) to service_role;
