-- Turns are fair among owners, and priorities order the work of one owner. Two numbers say so:
--   turn  = 1 + greatest(round of the lane + 100 * level, turn of the owner's last in line)
--   place = round of the lane when it came + 100 * priority
-- A turn is the owner's: the least turn is served first, then the least seq, and gets the subtask of
-- the same owner and level that has the least place (see cogo.choose_subtasks()).
--   * An owner has one turn in each round, whatever their priorities, so whoever comes behind
--     somebody's backlog of any length is served in the next round, not behind it.
--   * The level is 5, or what operators granted the owner: then it counts among owners like a priority.
--   * A level or a priority is worth 100 rounds. The round of a lane only grows and newcomers
--     stand behind it, so nothing waits for ever.
--   * What comes back (a retry, a dependant that was released, a task that was paused) keeps its
--     place among the owner's, but takes a new turn: otherwise a crowd that waited outside the line
--     would come back before everybody else.
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
  if tg_op = 'INSERT' or new.lane <> old.lane then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Sees the rows that this statement wrote before.
    new.turn := 1 + greatest(
      v_round + 100 * new.level,
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level
         order by s.turn desc
         limit 1
      )
    );
  end if;
  return new;
end;
$$;
comment on function cogo.take_turn() is
  'Gives a subtask its turn in its lane, fair among owners, and its place among the owner''s own.';

revoke all on function cogo.take_turn() from public, anon, authenticated, service_role;

create or replace trigger take_turn
  before insert on cogo.subtasks
  for each row execute function cogo.take_turn();
create or replace trigger retake_turn
  before update of status, lane, level on cogo.subtasks
  for each row when (new.status = 'queued' or new.lane <> old.lane)
  execute function cogo.take_turn();
