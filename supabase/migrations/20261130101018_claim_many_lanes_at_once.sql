-- Claim many lanes at once.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.choose_subtasks(p_lanes text[], p_rooms integer[], p_regulated uuid[], p_limit integer)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

insert into cogo.schema_versions (version) values ('20261130101018')
on conflict (version) do nothing;
