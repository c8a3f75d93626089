-- The bucket holds six seconds of the rate, so a minute sees at most a tenth more.
create or replace function cogo.available_tokens(
  p_per_minute integer, p_tokens double precision, p_refilled_at timestamptz, p_now timestamptz
)
  returns double precision language sql immutable
  -- greatest() and least() ignore nulls.
  return case
    when p_per_minute is null then null
    when p_refilled_at is null then greatest(1, p_per_minute / 10.0)
    else least(
      greatest(1, p_per_minute / 10.0),
      p_tokens
        + greatest(0, extract(epoch from p_now - p_refilled_at))::float8 * p_per_minute / 60
    )
  end;
comment on function cogo.available_tokens is 'Return the tokens in a bucket now; null without a rate.';

create or replace function cogo.lane_capacity(p_lanes text[])
  returns table (lane text, room integer)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select wanted.lane,
         greatest(0, least(
           1000,
           l.max_running - case when l.max_running is not null then (
             select count(*) from cogo.subtasks s
              where s.status = 'running' and s.lane = wanted.lane
           ) end,
           floor(cogo.available_tokens(l.per_minute, l.tokens, l.refilled_at, cogo.now()))
         ))::integer
    from (select distinct unnest(p_lanes) as lane) as wanted
    left join cogo.lanes l on l.lane = wanted.lane
   where not coalesce(l.paused, false);
end;
$$;
comment on function cogo.lane_capacity is
  'Return the lanes that are not paused and how many more subtasks each may start; 1000 without a limit.
The caller has locked them in an earlier statement.';

create or replace function cogo.owner_capacity()
  returns table (owner uuid, room integer)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select o.owner,
         greatest(0, least(
           1000,
           o.max_running - coalesce(r.running, 0),
           floor(cogo.available_tokens(o.per_minute, o.tokens, o.refilled_at, cogo.now()))
         ))::integer
    from cogo.owners o
    left join (
      select s.owner, count(*) as running
        from cogo.subtasks s
       where s.status = 'running' and s.regulated and s.lane <> 'cio'
       group by s.owner
    ) as r on r.owner = o.owner
   where not o.paused;
end;
$$;
comment on function cogo.owner_capacity is
  'Return the owners with limits that are not paused and how many more subtasks each may start. The
caller has locked them in an earlier statement.';

create or replace function cogo.take_tokens(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
begin
  update cogo.lanes l
     set tokens = cogo.available_tokens(l.per_minute, l.tokens, l.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.lane, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane
    ) as c
   where l.lane = c.lane and l.per_minute is not null;
  update cogo.owners o
     set tokens = cogo.available_tokens(o.per_minute, o.tokens, o.refilled_at, v_now) - c.claims,
         refilled_at = v_now
    from (
      select s.owner, count(*) as claims
        from cogo.subtasks s where s.id = any (p_subtask_ids) and s.lane <> 'cio' group by s.owner
    ) as c
   where o.owner = c.owner and o.per_minute is not null;
end;
$$;
comment on function cogo.take_tokens is
  'Take claimed subtasks from the buckets of lanes and owners, which the caller has locked.';

-- Clocks are the last locks of a claim and are skipped if locked: the other claim of the lane
-- advances the clock by nearly as much. A clock does not pass what is still queued: beside other
-- claims, a claim may get a turn from far behind, and newcomers would have to queue behind all
-- between.
create or replace function cogo.advance_clocks(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Read the head of a lane from its index.
  set enable_bitmapscan = off
  set enable_sort = off
as $$
declare
  v_lane text;
  v_round bigint;
  v_head bigint;
  v_served bigint;
begin
  for v_lane, v_round in
    select s.lane, max(s.turn - 100 * s.level)
      from cogo.subtasks s where s.id = any (p_subtask_ids) group by s.lane order by s.lane
  loop
    select s.turn - 100 * s.level into v_head
      from cogo.subtasks s
     where s.status = 'queued' and not s.regulated and s.lane = v_lane
       -- Not marked `regulated` yet; it may wait for long.
       and not exists (select from cogo.owners o where o.owner = s.owner)
     order by s.turn, s.seq
     limit 1;
    v_round := least(v_round, v_head);
    v_served := nextval('cogo.lane_services');
    update cogo.lane_clocks k
       set round = greatest(k.round, v_round), served = v_served
     where k.lane = (
             select f.lane from cogo.lane_clocks f where f.lane = v_lane
                for no key update skip locked
           );
    -- Not if it is locked: the insert would wait for it.
    if not found and not exists (select from cogo.lane_clocks k where k.lane = v_lane) then
      insert into cogo.lane_clocks (lane, round, served)
      values (v_lane, greatest(v_round, 0), v_served)
      on conflict (lane) do nothing;
    end if;
  end loop;
end;
$$;
comment on function cogo.advance_clocks is
  'Advance the clocks of lanes to the rounds that were claimed, and record that they were served.';
