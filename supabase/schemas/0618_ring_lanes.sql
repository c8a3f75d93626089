-- Each message is a subtransaction: hundreds in one transaction would slow everybody down. And a
-- doorbell need not ring twice: whoever hears it looks after the commit, and finds all there is.
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
  v_lane record;
begin
  for v_lane in
    select s.lane, count(*) as queued, (array_agg(s.id order by s.turn, s.place, s.seq))[1] as first_id
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued' and s.lane <> all (v_rung)
     group by s.lane
     order by s.lane
  loop
    v_rung := v_rung || v_lane.lane;
    perform cogo.ring(
      case v_lane.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end,
      'MCP_SUBTASK', cogo.subtask_message(v_lane.first_id, v_lane.queued), cogo.actor()
    );
  end loop;
  perform set_config('cogo.rung', v_rung::text, true);
end;
$$;
comment on function cogo.ring_lanes(uuid[]) is
  'Announces queued subtasks, once for each lane and transaction: the first in line, with the number
of those that were queued together in metadata.queued when there are several.';

revoke all on function cogo.ring_lanes(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.ring_lanes(uuid[]) to service_role;
