create or replace function cogo.ban_problem(
  p_owner uuid, p_subtask_id uuid, p_model text, p_provider text
)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  select format('%s is banned: %s', c.subject, c.reason)
    from cogo.controls c
   where c.action = 'ban'
     and c.subject in (p_model, p_provider)
     and case
       when c.scope like 'owner:%' then c.scope = 'owner:' || p_owner::text
       when c.scope like 'task_type:%' then c.scope = 'task_type:' || coalesce(
         (
           select m.requirements ->> 'taskType' from public.cogo_model_selections m
            where m.subtask_id = p_subtask_id order by m.created_at desc limit 1
         ), 'general'
       )
       else true
     end
   order by c.scope, c.subject
   limit 1;
$$;
comment on function cogo.ban_problem(uuid, uuid, text, text) is
  'Why operators want no call of this model at this provider for such work; null when none said so.';

revoke all on function cogo.ban_problem(uuid, uuid, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.ban_problem(uuid, uuid, text, text) to service_role;
