-- Choose the turns first: from the heads of lanes, whose index leaves out owners with limits, and
-- from the queues of those owners. Then choose what each turn gets: the subtasks of the same owner
-- and level with the lowest place. If these are others, they swap turns, so that an owner keeps as
-- many turns as before. With several lanes or limits this locks more rows than it returns, until
-- the transaction ends.
--
-- Small statements, of which a claim runs those that it needs: to start one costs more than a row.
create or replace function cogo.choose_subtasks(
  p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_owners uuid[];
  v_rooms integer[];
  v_turns uuid[];
  v_ids uuid[];
begin
  v_turns := array(
    select c.id
      from unnest(p_lanes, p_rooms) as l (lane, room)
      left join cogo.lane_clocks k on k.lane = l.lane
     cross join lateral (
       select s.id
         from cogo.subtasks s
         join public.cogo_tasks t on t.id = s.task_id
        where s.status = 'queued' and not s.regulated and s.lane = l.lane
          and s.turn >= coalesce(k.head, 0)
          and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
        order by s.turn, s.seq
        limit least(p_limit, l.room, 1000)
          for no key update of t, s skip locked
     ) as c
  );
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.owner_capacity() o;
    v_turns := v_turns || cogo.lock_lines(p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if p_regulated <> '{}' or cardinality(v_turns) > p_limit then
    v_turns := cogo.order_turns(v_turns, p_lanes, p_rooms, v_owners, v_rooms, p_limit);
  end if;
  if v_turns = '{}'
     or not exists (
       select from cogo.subtasks s
        where s.status = 'queued' and s.passes and s.lane = any (p_lanes)
     )
  then
    return v_turns;
  end if;

  select array_agg(c.id) into v_ids
    from (
      select t.lane, t.owner, t.level, count(*) as turns
        from cogo.subtasks t where t.id = any (v_turns) group by t.lane, t.owner, t.level
    ) as h
    cross join lateral (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'queued' and s.lane = h.lane and s.owner = h.owner
         and s.level = h.level and t.status in ('pending', 'running')
       order by s.place, s.seq
       limit h.turns
         for no key update of t, s skip locked
    ) as c;
  if not v_ids <@ v_turns then
    perform cogo.swap_turns(v_ids, v_turns);
  end if;
  return v_ids;
end;
$$;
comment on function cogo.choose_subtasks is
  'Lock and return the queued subtasks to claim now, within the capacity of lanes and owners.
p_regulated: the owners with limits.';

create or replace function cogo.lock_lines(
  p_lanes text[], p_rooms integer[], p_owners uuid[], p_owner_rooms integer[], p_limit integer
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select c.id
      from unnest(p_lanes, p_rooms) as l (lane, room)
     cross join unnest(p_owners, p_owner_rooms) as o (owner, room)
     cross join generate_series(0, 9) as g (level)
     cross join lateral (
       select s.id
         from cogo.subtasks s
         join public.cogo_tasks t on t.id = s.task_id
        where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner and s.level = g.level
          and t.status in ('pending', 'running')
        order by s.turn, s.seq
        -- Planning does not count for an owner: only a pause stops it.
        limit least(p_limit, l.room, case when l.lane <> 'cio' then o.room end)
          for no key update of t, s skip locked
     ) as c
  );
end;
$$;
comment on function cogo.lock_lines is
  'Lock and return the heads of the queues of owners with limits, within the capacity of each.';

create or replace function cogo.order_turns(
  p_turns uuid[], p_lanes text[], p_rooms integer[], p_owners uuid[], p_owner_rooms integer[],
  p_limit integer
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  with allowed as (
    select s.id, s.lane, s.owner, s.turn, s.seq, s.created_at,
           row_number() over (
             partition by s.owner, s.lane = 'cio' order by s.turn, s.seq
           ) as nth_of_owner
      from cogo.subtasks s where s.id = any (p_turns)
  ), placed as (
    select a.*, row_number() over (partition by a.lane order by a.turn, a.seq) as nth_in_lane
      from allowed a
     -- An owner without limits has no place in the list.
     where (a.nth_of_owner <= p_owner_rooms[array_position(p_owners, a.owner)]) is not false
        or a.lane = 'cio'
  ), ordered as (
    -- Turns of different lanes cannot be compared: the first of each lane, then the second of each,
    -- beginning with the lane that was served longest ago.
    select p.id
      from placed p
      left join cogo.lane_clocks k on k.lane = p.lane
     where p.nth_in_lane <= p_rooms[array_position(p_lanes, p.lane)]
     order by p.nth_in_lane, coalesce(k.served, 0), p.created_at, p.seq
     limit p_limit
  )
  select array_agg(o.id) into v_ids from ordered o;
  return coalesce(v_ids, '{}');
end;
$$;
comment on function cogo.order_turns is
  'Return the turns that come first among locked subtasks, within the capacity of lanes and owners.';

create or replace function cogo.swap_turns(p_taken uuid[], p_turns uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  with passing as (
    select s.id, s.lane, s.owner, s.level, s.turn,
           row_number() over (partition by s.lane, s.owner, s.level order by s.place, s.seq) as nth
      from cogo.subtasks s where s.id = any (p_taken) and s.id <> all (p_turns)
  ), passed as (
    select s.id, s.lane, s.owner, s.level, s.turn,
           row_number() over (partition by s.lane, s.owner, s.level order by s.turn, s.seq) as nth
      from cogo.subtasks s where s.id = any (p_turns) and s.id <> all (p_taken)
  ), moved as (
    select x.id, x.turn
      from passing a
      join passed b using (lane, owner, level, nth)
     cross join lateral (values (a.id, b.turn), (b.id, a.turn)) as x (id, turn)
  )
  update cogo.subtasks s set turn = m.turn, passes = true from moved m where s.id = m.id;
end;
$$;
comment on function cogo.swap_turns is
  'Swap the turns of subtasks that are taken with those of others of their queue, whose turn it was.';
