-- Security definer: owners may not write the tables; cogo.authorize_task() checks the caller.
create or replace function public.cogo_send_event(
  p_task_id uuid, p_name text, p_payload jsonb default 'null', p_idempotency_key text default null,
  p_person uuid default null
)
  returns public.cogo_sent_events language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_task public.cogo_tasks := cogo.authorize_task(p_task_id, 'send_event');
  v_payload jsonb := coalesce(p_payload, 'null');
  v_event public.cogo_sent_events;
  v_problem text := cogo.validate_json(v_payload);
begin
  if p_name is null or p_name !~ '^[A-Za-z0-9_.:-]{1,100}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_name must be 1 to 100 letters, digits and _ . : -';
  end if;
  perform cogo.check_size('p_payload', octet_length(v_payload::text), 65536, 'bytes'),
          cogo.check_size('p_idempotency_key', length(p_idempotency_key), 255);
  if v_problem is not null then
    raise exception using errcode = 'TQ009', message = 'p_payload ' || v_problem;
  end if;

  if p_idempotency_key is not null then
    select e.* into v_event
      from public.cogo_sent_events e
     where e.task_id = p_task_id and e.idempotency_key = p_idempotency_key;
    if found and (v_event.name, v_event.payload) = (p_name, v_payload) then
      return v_event;
    elsif found then
      raise exception using errcode = 'TQ004',
        message = format(
          'the idempotency key %L was used for another event', left(p_idempotency_key, 100)
        ),
        hint = 'repeat the first event as it was, or choose a new key';
    end if;
  end if;
  if v_task.finished_at is not null then
    raise exception using errcode = 'TQ003',
      message = format('task %s is %s: nothing waits for events', p_task_id, v_task.status);
  end if;
  perform cogo.check_size(
    'the task', 1 + (
      select count(*) from public.cogo_sent_events e
       where e.task_id = p_task_id and e.taken_at is null
    ), 1000, 'events that no step has taken'
  );

  insert into public.cogo_sent_events (task_id, name, payload, idempotency_key, sent_by)
  values (
    p_task_id, p_name, v_payload, p_idempotency_key,
    case when cogo.is_operator() then p_person else auth.uid() end
  )
  returning * into v_event;
  perform cogo.take_events(p_task_id);
  select e.* into v_event from public.cogo_sent_events e where e.id = v_event.id;
  return v_event;
end;
$$;
comment on function public.cogo_send_event is
  'Send an event to an open task. The oldest step that waits for its name takes it; without one it is
kept for the next. A p_idempotency_key that was used returns its event. Raises TQ003 after the end of
the task.';
