-- The next number is one more than the last, which an index gives: no row is rewritten for it. Two
-- numbers cannot be the same, since whoever records holds the row lock of the task, taken in an
-- earlier statement than this one (whose snapshot therefore shows what the holder before wrote).
create or replace function cogo.record_event(
  p_task_id uuid, p_kind text, p_agent_id text, p_detail jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  insert into cogo.events (task_id, seq, at, kind, agent_id, detail)
  values (
    p_task_id,
    1 + coalesce(
      (
        select e.seq from cogo.events e where e.task_id = p_task_id order by e.seq desc limit 1
      ), 0
    ),
    cogo.now(), p_kind, p_agent_id, jsonb_strip_nulls(p_detail)
  );
end;
$$;
comment on function cogo.record_event(uuid, text, text, jsonb) is
  'Adds what became of a task to its history.';

revoke all on function cogo.record_event(uuid, text, text, jsonb)
  from public, anon, authenticated, service_role;
