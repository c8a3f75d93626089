create or replace function cogo.start_children(
  p_task_id uuid, p_subtask_ids uuid[], p_children jsonb[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_parent public.cogo_tasks;
  v_errors jsonb[];
  v_accepted integer[];
  v_results jsonb[];
  v_refused integer[];
  v_waiting integer[];
begin
  select t.* into v_parent from public.cogo_tasks t where t.id = p_task_id;
  v_errors := cogo.refuse_children(v_parent, p_children);
  v_waiting := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error ->> 'class' = 'budget' and v_parent.params ->> 'on_budget' = 'ask'
     order by e.nth
  );
  v_accepted := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error = 'null' order by e.nth
  );
  if v_accepted <> '{}' then
    v_results := cogo.insert_children(
      v_parent,
      array(select p_subtask_ids[a.nth] from unnest(v_accepted) with ordinality as a (nth, place)
             order by a.place),
      array(select p_children[a.nth] from unnest(v_accepted) with ordinality as a (nth, place)
             order by a.place)
    );
    for v_place in 1..cardinality(v_accepted) loop
      v_errors[v_accepted[v_place]] := v_results[v_place];
    end loop;
  end if;
  v_refused := array(
    select e.nth from unnest(v_errors) with ordinality as e (error, nth)
     where e.error <> 'null' and e.nth <> all (v_waiting) order by e.nth
  );
  perform cogo.wait_for_budget(
            s,
            jsonb_build_object(
              'scope', 'task', 'key', b.task_id, 'per', 'ever',
              'usd', (p_children[w.nth] ->> 'budget_usd')::numeric
            ),
            p_children[w.nth]
          )
     from unnest(v_waiting) as w (nth)
     join cogo.subtasks s on s.id = p_subtask_ids[w.nth]
     cross join lateral (
       select o.task_id from cogo.task_budgets(p_task_id) o order by o.height limit 1
     ) as b;
  if v_refused <> '{}' then
    perform cogo.end_waiting_steps(
      array(select p_subtask_ids[r.nth] from unnest(v_refused) as r (nth) order by r.nth),
      array_fill(null::jsonb, array[cardinality(v_refused)]),
      array(select v_errors[r.nth] from unnest(v_refused) as r (nth) order by r.nth)
    );
  end if;
end;
$$;
comment on function cogo.start_children is
  'Insert the child tasks of waiting steps; a step whose child is refused ends as failed, or waits if
only the budget refuses it and its task asks for more. The caller holds the locks of their task and of
its tree.';

create or replace function cogo.open_waiting_steps(p_task_id uuid, p_steps jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_children jsonb[];
begin
  if p_steps @? '$[*] ? (@.kind == "event")' then
    perform cogo.take_events(p_task_id);
  end if;
  if p_steps @? '$[*] ? (@.kind == "task")' then
    select array_agg(s.id order by s.seq), array_agg(e.step -> 'child' order by s.seq)
      into v_ids, v_children
      from jsonb_array_elements(p_steps) e (step)
      join cogo.subtasks s on s.task_id = p_task_id and s.key = e.step ->> 'key'
     where s.kind = 'task' and s.finished_at is null;
    if v_ids is not null then
      perform cogo.start_children(p_task_id, v_ids, v_children);
    end if;
  end if;
end;
$$;
comment on function cogo.open_waiting_steps is
  'Begin steps that a suspension has inserted and nobody leases: events that came early are taken, and
child tasks inserted. Called last, because it may end steps.';

create or replace function cogo.is_awaited_child(p_task_id uuid)
  returns boolean language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from cogo.child_tasks k join cogo.subtasks s on s.id = k.subtask_id
     where k.child_id = p_task_id and s.finished_at is null
  );
$$;
comment on function cogo.is_awaited_child is 'Return whether the step of a child task is open.';

create or replace function cogo.reopen_waiting_steps(p_task_id uuid)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_step record;
begin
  perform cogo.take_events(p_task_id);
  if exists (
    select from cogo.subtasks s
     where s.task_id = p_task_id and s.kind = 'task' and s.status in ('waiting', 'held')
  ) then
    perform cogo.lock_descendants(p_task_id);
    perform cogo.lock_trees(array[p_task_id]);
  end if;
  for v_step in
    select s.id, c.id as child_id, c.status, c.finished_at,
           jsonb_build_object(
             'type', c.type, 'prompt', c.prompt, 'params', c.params, 'model', c.model,
             'preferences', c.preferences, 'budget_usd', c.budget_usd
           ) as child
      from cogo.subtasks s
      left join lateral (
        select t.*
          from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
         where k.subtask_id = s.id
         order by t.seq desc
         limit 1
      ) as c on true
     where s.task_id = p_task_id and s.kind = 'task' and s.status in ('waiting', 'held')
     order by s.seq
  loop
    if v_step.status = 'failed' then
      perform public.cogo_redrive_task(v_step.child_id);
    elsif v_step.status = 'cancelled' then
      perform cogo.start_children(p_task_id, array[v_step.id], array[v_step.child]);
    elsif v_step.child_id is null or v_step.finished_at is not null then
      insert into cogo.wakes (parent_id, child_id, subtask_id, reason)
      values (p_task_id, coalesce(v_step.child_id, v_step.id), v_step.id, 'ended');
    end if;
  end loop;
end;
$$;
comment on function cogo.reopen_waiting_steps is
  'Let the steps of a redriven task wait again: events that came meanwhile are taken, a failed child task
is redriven, a cancelled one inserted anew.';
