-- The writes land only while the attempts are held: a worker that stalled past its lease, or whose
-- task is over, is told so. The caller holds the task locks, and no subtask is there twice.
-- All items take each step together, since a statement costs more than a row. Of items that touch
-- each other it is as if sinks, which end their tasks, had come last.
create or replace function cogo.complete_subtasks(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql
  volatile
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
  v_attempts integer[];
  v_items jsonb[];
  v_answers text[];
  v_details text[];
  v_kinds text[];
begin
  with items as materialized (
    select i.ordinal, i.item,
           cogo.to_uuid(i.item ->> 'subtask_id') as id,
           cogo.to_integer(i.item ->> 'attempt') as attempt
      from jsonb_array_elements(p_items) with ordinality as i (item, ordinal)
  ), fenced as materialized (
    select i.*, s as subtask, cogo.fence(p_agent_id, a, s) as standing
      from items i
      left join cogo.subtasks s on s.id = i.id
      left join public.cogo_attempts a on a.subtask_id = i.id and a.attempt = i.attempt
  ), judged as materialized (
    select f.*,
           case f.standing when 'held' then cogo.completion_problem(f.subtask, f.item) end
             as problem
      from fenced f
  )
  select array_agg(j.id order by j.ordinal), array_agg(j.attempt order by j.ordinal),
         array_agg(j.item order by j.ordinal), array_agg(j.problem order by j.ordinal),
         array_agg(
           case
             when j.problem is not null then 'invalid'
             when j.standing = 'held' then 'ok'
             when j.standing in ('completed', 'routed') then 'duplicate'
             when j.standing in ('closing', 'cancelled') then 'closed'
             when j.standing = 'unknown' then 'unknown'
             else 'stale'
           end order by j.ordinal
         ),
         array_agg(
           case
             when j.standing = 'closing' then 'closing'
             when j.standing <> 'held' or j.problem is not null then null
             when (j.subtask).type = 'PLAN' then 'plan'
             when (j.subtask).lane = 'cio' then 'route'
             when (j.subtask).sink then 'sink'
             else 'step'
           end order by j.ordinal
         )
    into v_ids, v_attempts, v_items, v_details, v_answers, v_kinds
    from judged j;

  if v_kinds && '{closing,route}' then
    perform case k.kind
              when 'closing' then cogo.cancel_running(k.id, k.attempt, k.item -> 'usage')
              else cogo.route_subtask(s, k.item)
            end
       from unnest(v_ids, v_attempts, v_items, v_kinds) as k (id, attempt, item, kind)
       join cogo.subtasks s on s.id = k.id
      where k.kind in ('closing', 'route');
  end if;
  if v_kinds && '{plan,sink,step}' then
    perform cogo.accept_outputs(v_ids, v_attempts, v_items, v_kinds);
  end if;
  return query select * from unnest(v_ids, v_attempts, v_answers, v_details);
end;
$$;
comment on function cogo.complete_subtasks(text, jsonb) is
  'Records what attempts made, in order: ok, duplicate, stale, closed, unknown or invalid (see
detail).';

revoke all on function cogo.complete_subtasks(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.complete_subtasks(text, jsonb) to service_role;
