-- The caller has locked the tree in an earlier statement, so that tasks which insert children in the
-- same moment do not pass its limit together.
create or replace function cogo.refuse_children(p_parent public.cogo_tasks, p_children jsonb[])
  returns jsonb[] language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_link cogo.child_tasks;
  v_count integer;
  v_left numeric;
  v_limit record;
  v_errors jsonb[] := '{}';
  v_child jsonb;
  v_usd numeric;
  v_error jsonb;
begin
  select k.* into v_link from cogo.child_tasks k where k.child_id = p_parent.id;
  select count(*) into v_count
    from cogo.child_tasks k where k.root_id = coalesce(v_link.root_id, p_parent.id);
  select b.* into v_limit from cogo.task_budgets(p_parent.id) b order by b.height limit 1;
  v_left := v_limit.budget_usd - v_limit.spent_usd - v_limit.reserved_usd;

  foreach v_child in array p_children loop
    v_error := null;
    v_usd := (v_child ->> 'budget_usd')::numeric;
    if coalesce(v_link.depth, 0) >= 4 then
      v_error := jsonb_build_object(
        'class', 'child_limit',
        'message', 'child tasks may be nested 4 deep, and this one would be a level below'
      );
    elsif v_count >= 200 then
      v_error := jsonb_build_object(
        'class', 'child_limit',
        'message', 'a task may have 200 child tasks, those of its children included'
      );
    elsif v_usd > v_left then
      v_error := jsonb_build_object(
        'class', 'budget',
        'message', format(
          'the child task asks for a budget of $%s, and of the budget of task %s $%s are left',
          trim_scale(v_usd), v_limit.task_id, round(greatest(v_left, 0), 6)
        )
      );
    else
      v_count := v_count + 1;
      v_left := v_left - coalesce(v_usd, 0);
    end if;
    v_errors := v_errors || coalesce(v_error, 'null');
  end loop;
  return v_errors;
end;
$$;
comment on function cogo.refuse_children is
  'Return for each child task the error why its parent may not have it; JSON null: it may.';

-- One subtransaction for all; if one of them is wrong, one for each.
create or replace function cogo.insert_children(
  p_parent public.cogo_tasks, p_subtask_ids uuid[], p_children jsonb[]
)
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[] := array(select gen_random_uuid() from unnest(p_subtask_ids));
  v_errors jsonb[] := '{}';
begin
  begin
    insert into public.cogo_tasks (
      id, type, prompt, params, priority, owner, model, preferences, budget_usd, deadline, stream,
      parent_task_id, project, tags
    )
    select c.id, c.child ->> 'type', c.child ->> 'prompt',
           -- Whether a spent budget asks is the parent's choice, unless the child has its own.
           case when p_parent.params ? 'on_budget' then
             jsonb_build_object('on_budget', p_parent.params -> 'on_budget')
           else '{}' end || coalesce(nullif(c.child -> 'params', 'null'), '{}'),
           p_parent.priority, p_parent.owner,
           c.child ->> 'model',
           cogo.inherit_data_policy(
             cogo.find_preferences(p_parent), nullif(c.child -> 'preferences', 'null')
           ),
           (c.child ->> 'budget_usd')::numeric,
           cogo.put_off_deadline(p_parent.deadline, p_parent.stopped_seconds),
           p_parent.stream, p_parent.id, p_parent.project, p_parent.tags
      from unnest(v_ids, p_children) with ordinality as c (id, child, ordinal)
     order by c.ordinal;
    insert into cogo.child_tasks (child_id, parent_id, root_id, subtask_id, depth)
    select c.id, p_parent.id, coalesce(k.root_id, p_parent.id), c.subtask_id,
           coalesce(k.depth, 0) + 1
      from unnest(v_ids, p_subtask_ids) as c (id, subtask_id)
      left join cogo.child_tasks k on k.child_id = p_parent.id;
    if p_parent.status = 'held' then
      perform cogo.pause_tasks(v_ids);
    end if;
    return array_fill('null'::jsonb, array[cardinality(v_ids)]);
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded
      or sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      if cardinality(v_ids) = 1 then
        return array[
          jsonb_build_object(
            'class', case sqlstate when 'TQ007' then 'not_granted' else 'invalid_task' end,
            'message', 'the child task cannot be inserted: ' || sqlerrm
          )
        ];
      end if;
  end;
  for v_nth in 1..cardinality(v_ids) loop
    v_errors := v_errors
      || cogo.insert_children(p_parent, p_subtask_ids[v_nth:v_nth], p_children[v_nth:v_nth]);
  end loop;
  return v_errors;
end;
$$;
comment on function cogo.insert_children is
  'Insert child tasks for steps of a task, whose lock the caller holds; return for each the error why it
could not be inserted, or JSON null.';
