create or replace function cogo.cancel_child(p_subtask cogo.subtasks)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_child_id uuid;
  v_locked uuid;
begin
  select t.id into v_child_id
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
   where k.subtask_id = p_subtask.id and t.finished_at is null;
  if not found then
    return;
  end if;
  select t.id into v_locked
    from public.cogo_tasks t where t.id = v_child_id for no key update skip locked;
  if found then
    perform cogo.cancel_tasks(array[v_locked], 'its parent task does not need it any more');
  else
    -- Waiting for it here could deadlock.
    insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
    values (p_subtask.task_id, v_child_id, p_subtask.id, 'cancel');
  end if;
end;
$$;
comment on function cogo.cancel_child is
  'Cancel the child task of a step that ended without it.';

-- One trigger, with a short WHEN, because each is planned for each statement.
create or replace function cogo.follow_waits()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and new.status = old.status then
    return null;
  end if;
  if new.kind = 'task' and new.status in ('failed', 'cancelled') and old.finished_at is null then
    perform cogo.cancel_child(new);
  end if;
  if new.needs_approval or new.kind = 'approve' then
    if new.status = 'waiting' then
      perform cogo.ask_approval(new);
    elsif new.finished_at is not null and old.finished_at is null then
      perform cogo.withdraw_approval(new);
    end if;
  end if;
  return null;
end;
$$;
comment on function cogo.follow_waits is
  'Ask about a subtask that begins to wait for an approval, and withdraw what one that has ended asked
for: approvals and its child task.';
create or replace trigger follow_waits
  after insert or update of status on cogo.subtasks
  for each row when (new.needs_approval or new.kind in ('approve', 'task'))
  execute function cogo.follow_waits();

create or replace function cogo.wake_parent()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if new.finished_at is null or old.finished_at is not null
     and new.cost_usd is not distinct from old.cost_usd
     -- Tokens may be known although the cost is not.
     and new.input_tokens = old.input_tokens and new.cached_tokens = old.cached_tokens
     and new.output_tokens = old.output_tokens and new.reasoning_tokens = old.reasoning_tokens then
    return null;
  end if;
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id,
         case when old.finished_at is null then 'ended' else 'cost' end
    from cogo.child_tasks k
   where k.child_id = old.id;
  if found and old.finished_at is null then
    perform cogo.notify(
      'cogo-tasks', 'CHILD_ENDED',
      jsonb_build_object(
        'task_id', old.parent_task_id, 'child_task_id', old.id,
        'status', new.status,
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end if;
  return null;
end;
$$;
comment on function cogo.wake_parent is
  'Tell the parent of a child task that it ended, or cost more after its end. The parent is not locked
here, because a cancellation locks parents before their children.';
create or replace trigger wake_parent
  after update on public.cogo_tasks
  for each row when (new.parent_task_id is not null)
  execute function cogo.wake_parent();

create or replace function cogo.wake_parent_of_deleted()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- If the parent is deleted with it, that row is gone already.
  insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
  select k.parent_id, k.child_id, k.subtask_id, 'ended'
    from cogo.child_tasks k join public.cogo_tasks t on t.id = k.parent_id
   where k.child_id = old.id;
  if found then
    perform cogo.notify(
      'cogo-tasks', 'CHILD_ENDED',
      jsonb_build_object(
        'task_id', old.parent_task_id, 'child_task_id', old.id, 'status', 'deleted',
        'timestamp', cogo.iso_timestamp(cogo.now())
      ),
      cogo.current_actor()
    );
  end if;
  return old;
end;
$$;
comment on function cogo.wake_parent_of_deleted is
  'Tell the parent of a child task that it was deleted.';
create or replace trigger wake_parent_of_deleted
  before delete on public.cogo_tasks
  for each row when (old.parent_task_id is not null)
  execute function cogo.wake_parent_of_deleted();
