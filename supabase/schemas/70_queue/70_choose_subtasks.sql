-- Choose the turns first: from the heads of lanes, whose index leaves out owners with limits, and
-- from the queues of those owners. Then choose what each turn gets: the subtasks of the same owner
-- and level with the lowest place. If these are others, they swap turns, so that an owner keeps as
-- many turns as before. With several lanes or limits this locks more rows than it returns, until
-- the transaction ends.
create or replace function cogo.choose_subtasks(
  p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer
)
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
  -- Read the heads of queues in the order of their indexes, without sorting.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_owners uuid[];
  v_rooms integer[];
  v_ids uuid[];
  v_moved uuid[];
  v_turns bigint[];
begin
  if p_regulated <> '{}' then
    select array_agg(o.owner), array_agg(o.room) into v_owners, v_rooms from cogo.owner_capacity() o;
  end if;

  with heads as materialized (
    select c.*, l.room, null::integer as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and not s.regulated and s.lane = l.lane
           and s.owner <> all (p_regulated) and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit least(p_limit, l.room)
           for no key update of t, s skip locked
      ) as c
  ), lines as materialized (
    select c.*, l.room, o.room as owner_room
      from unnest(p_lanes, p_rooms) as l (lane, room)
      cross join lateral (
        -- Planning does not count for an owner: only a pause stops it.
        select k.owner, case l.lane when 'cio' then 1000 else k.room end as room
          from unnest(v_owners, v_rooms) as k (owner, room)
      ) as o
      cross join generate_series(0, 9) as g (level)
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.seq, s.created_at
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
           and s.level = g.level
           and t.status in ('pending', 'running')
         order by s.turn, s.seq
         limit greatest(0, least(p_limit, l.room, o.room))
           for no key update of t, s skip locked
      ) as c
  ), allowed as (
    select c.*,
           row_number() over (
             partition by c.owner, c.lane = 'cio' order by c.turn, c.seq
           ) as nth_of_owner
      from (select * from heads union all select * from lines) as c
  ), placed as (
    select a.*, row_number() over (partition by a.lane order by a.turn, a.seq) as nth_in_lane
      from allowed a
     where a.owner_room is null or a.nth_of_owner <= a.owner_room
  ), turns as materialized (
    -- Turns of different lanes cannot be compared: the first of each lane, then the second of each,
    -- beginning with the lane that was served longest ago.
    select p.*
      from placed p
      left join cogo.lane_clocks k on k.lane = p.lane
     where p.nth_in_lane <= p.room
     order by p.nth_in_lane, coalesce(k.served, 0), p.created_at, p.seq
     limit p_limit
  ), taken as materialized (
    select c.*
      from (
        select t.lane, t.owner, t.level, count(*) as turns
          from turns t group by t.lane, t.owner, t.level
      ) as h
      cross join lateral (
        select s.id, s.lane, s.owner, s.level, s.turn, s.place, s.seq
          from cogo.subtasks s
          join public.cogo_tasks t on t.id = s.task_id
         where s.status = 'queued' and s.lane = h.lane and s.owner = h.owner
           and s.level = h.level and t.status in ('pending', 'running')
         order by s.place, s.seq
         limit h.turns
           for no key update of t, s skip locked
      ) as c
  ), passing as (
    select k.*, row_number() over (partition by k.lane, k.owner, k.level order by k.place, k.seq) as nth
      from taken k where k.id not in (select t.id from turns t)
  ), passed as (
    select t.id, t.lane, t.owner, t.level, t.turn,
           row_number() over (partition by t.lane, t.owner, t.level order by t.turn, t.seq) as nth
      from turns t where t.id not in (select k.id from taken k)
  ), moved as (
    select x.id, x.turn
      from passing a
      join passed b using (lane, owner, level, nth)
     cross join lateral (values (a.id, b.turn), (b.id, a.turn)) as x (id, turn)
  )
  select array(select k.id from taken k), array_agg(m.id), array_agg(m.turn)
    into v_ids, v_moved, v_turns
    from moved m;
  if v_moved is not null then
    update cogo.subtasks s
       set turn = m.turn
      from unnest(v_moved, v_turns) as m (id, turn)
     where s.id = m.id;
  end if;
  return nullif(v_ids, '{}');
end;
$$;
comment on function cogo.choose_subtasks is
  'Lock and return the queued subtasks to claim now, within the capacity of lanes and owners.
p_regulated: the owners with limits.';
