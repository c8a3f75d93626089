create or replace function cogo.data_policy_rules(p_preferences jsonb)
  returns text[] language sql immutable
  return case jsonb_typeof(p_preferences -> 'data_policy')
    when 'string' then
      array_remove(array[lower(btrim(p_preferences ->> 'data_policy'))], 'any')
    when 'array' then array(
      select distinct r.rule
        from (
          select lower(btrim(i.rule))
            from jsonb_array_elements_text(p_preferences -> 'data_policy') i (rule)
        ) as r (rule)
       where r.rule <> 'any'
       order by r.rule
    )
    else '{}'
  end;
comment on function cogo.data_policy_rules is
  'Return the rules of preferences.data_policy, but for any, which is none.';

-- All rules of a data policy must hold, so more of them make it stricter.
create or replace function cogo.inherit_data_policy(p_parent jsonb, p_child jsonb)
  returns jsonb language sql immutable
  return coalesce(p_child, '{}') || case
    when cogo.data_policy_rules(p_parent) = '{}' then '{}'
    else jsonb_build_object(
      'data_policy',
      array(
        select distinct r.rule
          from unnest(cogo.data_policy_rules(p_parent) || cogo.data_policy_rules(p_child)) r (rule)
         order by r.rule
      )
    )
  end;
comment on function cogo.inherit_data_policy is
  'Return the preferences of a child task with the data policy of its parent added to its own.';

-- Texts go to no provider to which their own tasks did not allow them to go: who reads a conversation
-- is under the rules of all tasks that wrote it.
create or replace function cogo.find_preferences(p_task public.cogo_tasks)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
           (
             select cogo.inherit_data_policy(
                      jsonb_build_object('data_policy', e.data_policy), p_task.preferences
                    )
               from public.cogo_sessions e
              where e.id = p_task.session_id
                and (e.owner = p_task.owner or e.owner is null and p_task.owner is null)
                and e.data_policy <> '{}'
                and jsonb_typeof(p_task.preferences) = 'object'
           ), p_task.preferences
         );
$$;
comment on function cogo.find_preferences is
  'Return the preferences that hold for a task: its own, under the data policy of its session, too.';
