-- Security definer: the history and the channels belong to the owner of the schema.
create or replace function cogo.tell_task()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  perform cogo.record_event(
    new.id, 'task.' || new.status, nullif(cogo.actor(), 'cogo-database'),
    jsonb_build_object('from', old.status, 'error', new.error)
  );
  if new.status in ('completed', 'failed', 'cancelled') then
    perform cogo.ring(
      array['cogo-results', 'cogo-results:' || new.id], 'TASK_RESULT',
      cogo.task_result_message(new), cogo.actor()
    );
  end if;
  if new.status = 'cancelled' then
    perform cogo.ring(
      array['cogo-tasks'], 'TASK_CANCELLED',
      jsonb_build_object(
        'task_id', new.id, 'reason', new.error ->> 'message', 'timestamp', cogo.iso(cogo.now())
      ),
      cogo.actor()
    );
  end if;
  return null;
end;
$$;
comment on function cogo.tell_task() is
  'Records and announces every change of a task''s status, in the transaction that makes it.';

revoke all on function cogo.tell_task() from public, anon, authenticated, service_role;

create or replace trigger tell
  after update of status on public.cogo_tasks
  for each row when (old.status is distinct from new.status)
  execute function cogo.tell_task();
