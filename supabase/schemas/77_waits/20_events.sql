create or replace function cogo.take_events(p_task_id uuid)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_outputs jsonb[];
begin
  with steps as materialized (
    select s.id, p.params ->> 'name' as name,
           row_number() over (partition by p.params ->> 'name' order by s.seq) as nth
      from cogo.subtasks s
      join cogo.subtask_payloads p on p.subtask_id = s.id
     where s.task_id = p_task_id and s.kind = 'event' and s.status in ('waiting', 'held')
  ), buffered as materialized (
    select e.id, e.name, row_number() over (partition by e.name order by e.seq) as nth
      from public.cogo_sent_events e
     where e.task_id = p_task_id and e.taken_at is null
       and e.name in (select s.name from steps s)
  ), taken as (
    update public.cogo_sent_events e
       set subtask_id = s.id, taken_at = cogo.now()
      from buffered b join steps s using (name, nth)
     where e.id = b.id
    returning e.seq, e.subtask_id,
              jsonb_build_object(
                'name', e.name, 'payload', e.payload, 'at', cogo.iso_timestamp(e.sent_at)
              ) as output
  )
  select array_agg(t.subtask_id order by t.seq), array_agg(t.output order by t.seq)
    into v_ids, v_outputs
    from taken t;
  if v_ids is not null then
    perform cogo.end_waiting_steps(
      v_ids, v_outputs, array_fill(null::jsonb, array[cardinality(v_ids)])
    );
  end if;
end;
$$;
comment on function cogo.take_events is
  'Give the oldest events of a task to the oldest steps that wait for their names. The caller holds the
task lock.';
