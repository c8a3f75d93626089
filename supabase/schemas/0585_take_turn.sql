-- The order of a lane is fair and lets nobody starve, by numbers that are given once:
--   round = 1 + greatest(round that the lane has come to, round of the owner's last in line)
--   turn  = round + 100 * priority
-- and the least turn is claimed first, then the least seq.
--   * An owner has one subtask of a priority in each round, so whoever comes behind somebody's
--     backlog of any length stands in the next round, not behind it.
--   * A level of priority is worth 100 rounds. The clock of the lane only grows and newcomers
--     stand behind it, so a subtask of priority p is passed by at most 100 * (p - q) later ones
--     of priority q of each owner, and then it is first.
--   * What comes back (a retry, a dependant that was released) keeps its turn, but does not fall
--     behind the clock: it goes to the head.
create or replace function cogo.take_turn()
  returns trigger
  language plpgsql
  set search_path = ''
  -- The end of a line is read from its index. The plan of an empty table, which has no better way
  -- than to read all, would be kept for each row of thousands that come at once.
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_round bigint;
begin
  if tg_op = 'INSERT' then
    new.owner := coalesce(
      (select t.owner from public.cogo_tasks t where t.id = new.task_id), new.owner
    );
    new.regulated := exists (select from cogo.owners o where o.owner = new.owner);
  end if;
  v_round := coalesce((select c.round from cogo.lane_clocks c where c.lane = new.lane), 0);
  if tg_op = 'UPDATE' and new.lane = old.lane then
    new.turn := greatest(new.turn, v_round + 100 * new.priority);
    return new;
  end if;
  -- Sees the rows that this statement inserted before.
  new.turn := 1 + greatest(
    v_round + 100 * new.priority,
    (
      select s.turn from cogo.subtasks s
       where s.status in ('queued', 'blocked') and s.lane = new.lane and s.owner = new.owner
         and s.priority = new.priority
       order by s.turn desc
       limit 1
    )
  );
  return new;
end;
$$;
comment on function cogo.take_turn() is
  'Gives a subtask its place in its lane: fair among owners, by priority, nobody starves.';

revoke all on function cogo.take_turn() from public, anon, authenticated, service_role;

create or replace trigger take_turn
  before insert on cogo.subtasks
  for each row execute function cogo.take_turn();
create or replace trigger retake_turn
  before update of status on cogo.subtasks
  for each row when (new.status = 'queued' and old.status is distinct from new.status)
  execute function cogo.take_turn();
