-- Security definer: users insert tasks and may not write subtasks.
create or replace function cogo.create_plan()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
begin
  insert into cogo.events (task_id, seq, at, kind, detail)
  values (new.id, 1, v_now, 'task.pending', jsonb_build_object('type', new.type));
  with plan as (
    insert into cogo.subtasks (task_id, key, type, lane, status, priority, run_at, kind, sink)
    values (
      new.id, 'plan', 'PLAN', 'cio',
      cogo.resting_status('pending', 0, false, new.run_at, v_now, 'flow'),
      least(9, greatest(0, new.priority)), new.run_at, 'flow', true
    )
    returning id
  )
  insert into cogo.subtask_payloads (subtask_id) select p.id from plan p;

  perform cogo.notify(
    'cogo-tasks', 'TASK_CREATED',
    jsonb_build_object(
      'task_id', new.id, 'type', new.type, 'priority', new.priority, 'run_at', new.run_at,
      'timestamp', cogo.iso_timestamp(new.created_at)
    ) || case
      when new.parent_task_id is null then '{}'
      else jsonb_build_object('parent_task_id', new.parent_task_id)
    end,
    cogo.current_actor()
  );
  return null;
end;
$$;
comment on function cogo.create_plan is
  'Create the flow of a new task, which is its sink until it hands over; notify the orchestrators.';
create or replace trigger create_plan
  after insert on public.cogo_tasks
  for each row execute function cogo.create_plan();

-- Security definer: users may not read grants. Which models a granted provider has is known only to the
-- catalogue, so those are checked when subtasks are stamped.
create or replace function cogo.check_model_grant()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind in ('model', 'provider', 'alias')
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.describe_grants(cogo.granted_models(new.owner))
      );
  end if;
  return null;
end;
$$;
comment on function cogo.check_model_grant is
  'Raise TQ007 for a task that names a model which is not granted to its owner.';
create or replace trigger check_model_grant
  after insert on public.cogo_tasks
  for each row when (new.model is not null) execute function cogo.check_model_grant();
