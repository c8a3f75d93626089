-- Each message is a subtransaction: hundreds in one transaction would slow everybody down. Called
-- by whoever queued several subtasks with `cogo.hushed` set, which silences the trigger.
-- Security definer: the channels belong to the owner of the schema.
create or replace function cogo.ring_lanes(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_first record;
begin
  for v_first in
    select q.subtask, q.count
      from (
        select s as subtask, count(*) over (partition by s.lane) as count,
               row_number() over (partition by s.lane order by s.turn, s.seq) as nth
          from cogo.subtasks s
         where s.id = any (p_subtask_ids) and s.status = 'queued'
      ) as q
     where q.nth = 1 or q.count <= 3
     order by (q.subtask).seq
  loop
    perform cogo.ring(
      array[case (v_first.subtask).lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end],
      'MCP_SUBTASK',
      case
        when v_first.count <= 3 then cogo.subtask_message(v_first.subtask)
        else jsonb_insert(
          cogo.subtask_message(v_first.subtask), '{metadata,queued}', to_jsonb(v_first.count)
        )
      end,
      cogo.actor()
    );
  end loop;
end;
$$;
comment on function cogo.ring_lanes(uuid[]) is
  'Announces subtasks that were queued together: each, or of a lane with more than three the first
with their number in metadata.queued.';

revoke all on function cogo.ring_lanes(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.ring_lanes(uuid[]) to service_role;
