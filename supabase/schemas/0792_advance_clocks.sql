-- Clocks are a claim's last locks and are never waited for: another claim of the lane that holds
-- the clock at this moment moves it, by nearly as much.
create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  with reached as materialized (
    select s.lane, max(s.turn - 100 * s.priority) as round
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
  ), started as (
    insert into cogo.lane_clocks (lane, round)
    select r.lane, r.round
      from reached r
     where not exists (select from cogo.lane_clocks k where k.lane = r.lane)
     order by r.lane
    on conflict (lane) do nothing
  ), free as materialized (
    select k.lane
      from cogo.lane_clocks k join reached r on r.lane = k.lane
     where k.round < r.round
       for no key update of k skip locked
  )
  update cogo.lane_clocks k
     set round = r.round
    from reached r
   where k.lane = r.lane and k.round < r.round and k.lane in (select f.lane from free f);
end;
$$;
comment on function cogo.advance_clocks(uuid[]) is
  'Moves the clocks of the lanes to the rounds that were claimed.';

revoke all on function cogo.advance_clocks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.advance_clocks(uuid[]) to service_role;
