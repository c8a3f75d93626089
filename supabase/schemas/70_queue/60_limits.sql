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
declare
  v_stopped constant boolean := exists (select from cogo.spending_stop);
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
   where not coalesce(l.paused, false) and not (v_stopped and cogo.is_calling_lane(wanted.lane));
end;
$$;
comment on function cogo.lane_capacity is
  'Return the lanes that are not paused, by themselves or as spending is stopped, and how many more
subtasks each may start; 1000 without a limit. The caller has locked them in an earlier statement.';

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
