-- Clocks are a claim's last locks and are never waited for: another claim of the lane that holds
-- the clock at this moment moves it, by nearly as much. A clock does not pass what still waits: a
-- claim may, beside another, have been given a turn from far behind, and newcomers would have to
-- stand behind all that lies between.
create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
  -- The head of a lane is read from its index.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
begin
  with claimed as materialized (
    select s.lane, max(s.turn - 100 * s.level) as round
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
  ), reached as materialized (
    select c.lane,
           least(
             c.round,
             (
               select s.turn - 100 * s.level
                 from cogo.subtasks s
                where s.status = 'queued' and not s.regulated and s.lane = c.lane
                  -- Noted too late as the subtask of an owner with limits; it may wait for long.
                  and not exists (select from cogo.owners o where o.owner = s.owner)
                order by s.turn, s.seq
                limit 1
             )
           ) as round,
           nextval('cogo.lane_services') as served
      from claimed c
  ), started as (
    insert into cogo.lane_clocks (lane, round, served)
    select r.lane, greatest(r.round, 0), r.served
      from reached r
     where not exists (select from cogo.lane_clocks k where k.lane = r.lane)
     order by r.lane
    on conflict (lane) do nothing
  ), free as materialized (
    select k.lane
      from cogo.lane_clocks k join reached r on r.lane = k.lane
       for no key update of k skip locked
  )
  update cogo.lane_clocks k
     set round = greatest(k.round, r.round), served = r.served
    from reached r
   where k.lane = r.lane and k.lane in (select f.lane from free f);
end;
$$;
comment on function cogo.advance_clocks(uuid[]) is
  'Moves the clocks of the lanes to the rounds that were claimed, and notes that they were served.';

revoke all on function cogo.advance_clocks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.advance_clocks(uuid[]) to service_role;
