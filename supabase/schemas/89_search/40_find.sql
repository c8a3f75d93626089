-- Security definer: row level security would read every text, since words are not compared in a
-- leakproof way. cogo.build_task_filter() lets users see what the policy of tasks does.
create or replace function public.cogo_find_tasks(
  p_filter jsonb default '{}', p_limit integer default 50, p_before bigint default null,
  p_after bigint default null
)
  returns jsonb language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  v_found := cogo.scan_tasks(
    p_filter, least(greatest(coalesce(p_limit, 50), 1), 1000), p_before, 0.25, p_after
  );
  return jsonb_build_object(
    'tasks', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.seq desc), '[]')
        from public.cogo_task_previews p where p.seq = any (v_found.seqs)
    ),
    'next', case when p_after is null then v_found.next
                 else coalesce(v_found.seqs[1], p_after + 1) end,
    'newer', case when p_after is not null then v_found.next
                  when p_before is not null then coalesce(v_found.seqs[1], p_before - 1) end
  );
end;
$$;
comment on function public.cogo_find_tasks is
  'Find tasks, the newest first, shortened as in cogo_task_previews. p_filter is an object of: status,
type, model, owner and project (a text or a list, of which any; none: without one), tag (of which all),
since and until (of created_at), min_cost and max_cost, q (words, as people type them into a search, or
the beginning of an id), dead (with a dead letter), asking (with an open question), children (also child
tasks) and, for operators, visible (only what somebody may see: owner, every_owner, projects,
only_project). `next` is p_before of the next page. With p_after they are the ones just newer, still the
newest first; `newer` is p_after of the page of newer tasks. Either is null if there is none. A page may
be short or empty and have a next one, because it takes a quarter of a second at most.';

-- Security definer: see cogo_find_tasks().
create or replace function public.cogo_count_tasks(p_filter jsonb default '{}')
  returns table (count integer, is_more boolean)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select least(cardinality(s.seqs), 10000), s.next is not null
      from cogo.scan_tasks(p_filter, 10001, null, 1) s;
end;
$$;
comment on function public.cogo_count_tasks is
  'Count the tasks that a filter of cogo_find_tasks() finds, up to 10,000; is_more: there are more, or
they could not be counted in a second.';

-- Security definer: see cogo_find_tasks().
create or replace function public.cogo_task_facets(p_filter jsonb default '{}')
  returns jsonb language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_found constant bigint[] := (
    select s.seqs from cogo.scan_tasks(p_filter, 2000, null, 0.25) s
  );
begin
  return (
    with newest as materialized (
      select t.* from public.cogo_tasks t where t.seq = any (v_found)
    ), uses as (
      select 'types' as facet, n.type as value from newest n
      union all
      select 'owners', coalesce(n.owner::text, 'none') from newest n
      union all
      select 'projects', n.project from newest n where n.project is not null
      union all
      select 'tags', unnest(n.tags) from newest n
      union all
      select 'models', m.model
        from newest n
       cross join lateral (
         select n.model union
         select a.model_id from public.cogo_attempts a where a.task_id = n.id
       ) as m (model)
       where m.model is not null
    ), ranked as (
      select u.facet, u.value,
             row_number() over (partition by u.facet order by count(*) desc, u.value) as place
        from uses u group by u.facet, u.value
    )
    select jsonb_object_agg(f.facet, coalesce(r.found, '[]'))
      from unnest(array['types', 'models', 'projects', 'tags', 'owners']) as f (facet)
      left join (
        select k.facet, jsonb_agg(k.value order by k.place) as found
          from ranked k where k.place <= 100 group by k.facet
      ) r on r.facet = f.facet
  );
end;
$$;
comment on function public.cogo_task_facets is
  'Return the types, models, projects, tags and owners of the newest 2,000 tasks that a filter of
cogo_find_tasks() finds, the most frequent first, at most 100 of each.';
