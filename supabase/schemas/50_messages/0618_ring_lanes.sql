-- One insert for all messages of a statement (see docs/adr/0008). Beyond a hundred in one transaction
-- only what wakes: whoever hears of a lane looks after the commit, and finds all there is. Orchestrators
-- need no more than that, so their lane is told of once.
-- Security definer: the channels belong to the owner of the schema.
create or replace function cogo.ring_lanes(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_rung text[] := coalesce(nullif(current_setting('cogo.rung', true), '')::text[], '{}');
  v_told integer := coalesce(nullif(current_setting('cogo.told', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as of_lane
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- First the first of each lane, so that each lane is told of.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), told as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_told and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_rung)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.of_lane - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from told t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.envelope('MCP_SUBTASK', cogo.fitting(m.payload), cogo.actor(), m.topic)
      from (
        select p.payload, p.nth,
               case v_lanes[p.nth] when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic
          from unnest(cogo.subtask_messages(v_ids, v_more)) with ordinality as p (payload, nth)
      ) as m
     order by m.nth
  );
  perform cogo.send(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.rung', (v_rung || v_lanes)::text, true);
  perform set_config('cogo.told', (v_told + cardinality(v_ids))::text, true);
end;
$$;
comment on function cogo.ring_lanes(uuid[]) is
  'Announces queued subtasks: each of them up to a hundred in a transaction, beyond that one for each
lane that was not told of. The last that is told of a lane says in metadata.queued how many more of
the lane are queued. Of lane cio only the first is told.';

revoke all on function cogo.ring_lanes(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.ring_lanes(uuid[]) to service_role;
