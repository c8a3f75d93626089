-- Security definer: owners may not write the tables. Users remember only for themselves.
create or replace function public.cogo_remember(p_owner uuid, p_facts jsonb)
  returns table (place integer, id uuid, is_new boolean)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
begin
  perform cogo.check_memory('p_facts', p_facts, 1000);
  return query
    with items as materialized (
      select i.ordinality::integer - 1 as place,
             i.item ->> 'content' as content,
             encode(sha256(convert_to(i.item ->> 'content', 'UTF8')), 'hex') as sha256,
             i.item ->> 'source' as source,
             cogo.to_uuid(i.item ->> 'task_id') as task_id,
             cogo.to_uuid(i.item ->> 'session_id') as session_id,
             cogo.read_time(i.item ->> 'happened_at') as happened_at,
             coalesce(
               (
                 select cogo.data_policy_rules(cogo.find_preferences(t))
                   from public.cogo_tasks t
                  where t.id = cogo.to_uuid(i.item ->> 'task_id')
                    and t.owner is not distinct from v_owner
               ), '{}'
             ) as data_policy
        from jsonb_array_elements(p_facts) with ordinality as i (item, ordinality)
    ), kept as (
      insert into public.cogo_memories as m (
        owner, kind, content, source, task_id, session_id, happened_at, content_sha256, data_policy
      )
      -- The same fact twice is one row. In a fixed order, so that two writers cannot deadlock.
      select distinct on (i.sha256)
             v_owner, 'fact', i.content, i.source, i.task_id, i.session_id, i.happened_at, i.sha256,
             i.data_policy
        from items i
       order by i.sha256, i.place
      on conflict (owner, content_sha256) where kind = 'fact' do update
        set source = coalesce(excluded.source, m.source),
            happened_at = coalesce(excluded.happened_at, m.happened_at),
            -- What was also said under fewer rules is under these.
            data_policy = array(
              select r.rule from unnest(m.data_policy) r (rule)
               where r.rule = any (excluded.data_policy)
            )
      returning m.id, m.content_sha256, (m.xmax = 0) as is_new
    )
    select i.place, k.id, k.is_new
      from items i join kept k on k.content_sha256 = i.sha256
     order by i.place;
end;
$$;
comment on function public.cogo_remember is
  'Remember facts (content, source, task_id, session_id, happened_at) of an owner; return the id of
each, by place. A fact that is remembered already stays one row. What a task remembers is under its data
policy. Users remember their own.';
