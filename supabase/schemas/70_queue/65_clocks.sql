-- Every claim has to know whether a lease has expired, and to read all that run can cost more than the
-- claim. So the next time at which one can expire is written down. Leases of claims that commit during
-- the look are found ten seconds later; cogo_reap() reads all leases each time.
create or replace function cogo.check_leases(p_limit integer)
  returns timestamptz language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_next timestamptz;
begin
  insert into cogo.lease_clock (next_expiry) select '-infinity'
   where not exists (select from cogo.lease_clock)
  on conflict do nothing;
  -- Whoever holds it looks now.
  perform from cogo.lease_clock for no key update skip locked;
  if not found then
    return null;
  end if;
  perform cogo.reap_leases(p_limit);
  v_next := least(
    (select min(s.lease_expires_at) from cogo.subtasks s where s.status = 'running'),
    cogo.now() + interval '10 seconds'
  );
  update cogo.lease_clock set next_expiry = v_next where true;
  return v_next;
end;
$$;
comment on function cogo.check_leases is
  'Take back expired leases, at most p_limit, and return when one can expire next; null, and nothing is
done, while another claim looks.';

create or replace function cogo.note_expiry(p_expires_at timestamptz)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.lease_clock c
     set next_expiry = p_expires_at
   where c.id = (
           select o.id from cogo.lease_clock o where o.next_expiry > p_expires_at
              for no key update skip locked
         );
end;
$$;
comment on function cogo.note_expiry is
  'Record that a lease expires earlier than the ones before, unless somebody looks for these now.';

-- Clocks are the last locks of a claim and are skipped if locked: the other claim of the lane
-- advances the clock by nearly as much. A clock does not pass what is still queued: beside other
-- claims, a claim may get a turn from far behind, and newcomers would have to queue behind all
-- between.
--
-- The head is where claims begin to read the index. Before it stand the entries of subtasks that were
-- served, which stay as long as any transaction may still see these rows. It is found in two steps, so
-- that no subtask is left behind it:
--   1. Note a candidate: the lowest turn that is queued or, if it is lower, that a newcomer can get who
--      reads the committed round.
--   2. Who read an earlier round may get a lower turn, and commit late. When all transactions have ended
--      that ran at step 1, their subtasks are visible, so the lowest of the queue and the candidate is
--      the head.
-- cogo.find_late_subtasks() covers the rest: a transaction that inserts with an old snapshot.
create or replace function cogo.advance_clock(p_lane text, p_round bigint)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock cogo.lane_clocks;
  v_ended constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  v_turn bigint;
  v_round bigint;
  v_has_limits boolean;
  v_served bigint := nextval('cogo.lane_services');
begin
  select k.* into v_clock
    from cogo.lane_clocks k where k.lane = p_lane for no key update skip locked;
  if not found and exists (select from cogo.lane_clocks k where k.lane = p_lane) then
    return;
  end if;
  select s.turn, s.turn - 100 * s.level, exists (select from cogo.owners o where o.owner = s.owner)
    into v_turn, v_round, v_has_limits
    from cogo.subtasks s
   where s.status = 'queued' and not s.regulated and s.lane = p_lane
     and s.turn >= coalesce(v_clock.head, 0)
   order by s.turn, s.seq
   limit 1;
  if v_has_limits then
    -- Not marked `regulated` yet; it may wait for long.
    select s.turn - 100 * s.level into v_round
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = p_lane
       and s.turn >= coalesce(v_clock.head, 0)
       and not exists (select from cogo.owners o where o.owner = s.owner)
     order by s.turn, s.seq
     limit 1;
  end if;
  v_round := least(p_round, v_round);
  if v_clock.lane is null then
    insert into cogo.lane_clocks (lane, round, served)
    values (p_lane, greatest(v_round, 0), v_served)
    on conflict (lane) do nothing;
    return;
  end if;
  if v_clock.next_head is null then
    if coalesce(v_turn, p_round + 500) > v_clock.head + 20 then
      v_clock.next_head := least(v_turn, 1 + v_clock.round + 100 * cogo.lowest_level());
      v_clock.next_xid := pg_snapshot_xmax(pg_current_snapshot());
    end if;
  elsif v_clock.next_xid < v_ended then
    v_clock.head := least(v_turn, v_clock.next_head);
    v_clock.next_head := null;
  end if;
  update cogo.lane_clocks k
     set round = greatest(k.round, v_round), served = v_served,
         head = v_clock.head, next_head = v_clock.next_head, next_xid = v_clock.next_xid
   where k.lane = p_lane;
end;
$$;
comment on function cogo.advance_clock is
  'Advance the clock of a lane to the round that was claimed, and record that it was served.';

create or replace function cogo.lowest_level()
  returns integer language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return least(5, (select min(g.name)::integer from cogo.grants g where g.kind = 'priority'));
end;
$$;
comment on function cogo.lowest_level is 'Return the lowest level that a subtask can get.';

create or replace function cogo.find_late_subtasks()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_clock cogo.lane_clocks;
  v_turn bigint;
begin
  for v_clock in
    select k.* from cogo.lane_clocks k
     where k.looked_at < cogo.now() - interval '30 seconds'
       for no key update skip locked
  loop
    select s.turn into v_turn
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = v_clock.lane
     order by s.turn, s.seq
     limit 1;
    update cogo.lane_clocks k
       set looked_at = cogo.now(), head = least(coalesce(k.next_head, k.head), v_turn),
           next_head = null
     where k.lane = v_clock.lane;
  end loop;
end;
$$;
comment on function cogo.find_late_subtasks is
  'Read the queues of lanes from their beginning, each every half a minute, so that claims do.';

create or replace function cogo.reset_heads()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform from cogo.lane_clocks k order by k.lane for no key update;
  update cogo.lane_clocks set head = 0, next_head = null where true;
end;
$$;
comment on function cogo.reset_heads is
  'Let claims read the queues of lanes from their beginning, after a change of levels.';
