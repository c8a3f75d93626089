create or replace function cogo.owner_level(p_owner uuid, p_priority smallint)
  returns smallint language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (
      select greatest(p_priority, g.name::smallint)
        from cogo.grants g where g.owner = p_owner and g.kind = 'priority'
    ), 5::smallint
  );
end;
$$;
comment on function cogo.owner_level is
  'Return a subtask''s priority among owners: its own, at most the one granted to the owner; 5 without a
grant. The nil uuid stands for no owner.';

-- Turns are fair among owners; priorities order the work of one owner:
--   turn  = 1 + greatest(round of the lane + 100 * level, last queued turn of the owner)
--   place = round of the lane at insertion + 100 * priority
-- The lowest turn, then the lowest seq, is served first. It gets the subtask of its owner and level that
-- has the lowest place (see cogo.choose_subtasks()).
--   * An owner has one turn per round, so a newcomer is served in the next round behind any backlog.
--   * The level is 5, or the owner's priority if operators granted one.
--   * A level or priority is worth 100 rounds. Rounds only grow and newcomers queue behind the current
--     one, so nothing waits for ever.
--   * A subtask that is queued again (a retry, a released dependent, a resumed task) keeps its place and
--     gets a new turn; with its old one a crowd could pass everybody else. A flow that wakes gets a new
--     place too: each of its many turns is new work, which must not pass the owner's new tasks.
create or replace function cogo.assign_turn()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
  -- Read the last turn from its index, also when the plan was made while the table was empty.
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
  if tg_op = 'INSERT' or new.lane <> old.lane
     or new.kind = 'flow' and old.status in ('blocked', 'held') then
    new.place := v_round + 100 * new.priority;
  end if;
  if new.status = 'queued' then
    new.level := cogo.owner_level(new.owner, new.priority);
    -- Includes the earlier rows of the same statement.
    new.turn := 1 + coalesce(
      (
        select s.turn from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level and s.turn > v_round + 100 * new.level
         order by s.turn desc
         limit 1
      ), v_round + 100 * new.level
    );
    new.passes := coalesce(
      (
        select true from cogo.subtasks s
         where s.status = 'queued' and s.lane = new.lane and s.owner = new.owner
           and s.level = new.level and (s.place, s.seq) > (new.place, new.seq)
         order by s.place, s.seq
         limit 1
      ), false
    );
  end if;
  return new;
end;
$$;
comment on function cogo.assign_turn is
  'Set a subtask''s turn in its lane, fair among owners, and its place among its owner''s subtasks.';
create or replace trigger assign_turn
  before insert on cogo.subtasks
  for each row execute function cogo.assign_turn();
create or replace trigger reassign_turn
  before update of status, lane, level on cogo.subtasks
  for each row when (new.status = 'queued' or new.lane <> old.lane)
  execute function cogo.assign_turn();
