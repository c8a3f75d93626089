-- Adds up the sums of whole hours, and those calls that are in none, so that it agrees with the audit
-- log whenever reports come. One value and not a set of rows, so that all of it is of one snapshot.
create or replace function public.cogo_usage(
  p_since timestamptz default null,
  p_until timestamptz default null,
  p_bucket text default 'day',
  p_by text[] default '{}',
  p_zone text default 'UTC',
  p_owner uuid default null,
  p_project text default null,
  p_model text default null,
  p_provider text default null,
  p_visible jsonb default null,
  p_figures text[] default '{tasks,latencies}'
)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
  -- Planned for the keys of this call.
  set plan_cache_mode = force_custom_plan set work_mem = '64MB'
as $$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_by text[] := coalesce(p_by, '{}');
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz := cogo.check_usage_question(
    p_since, v_until, p_bucket, v_by, p_zone, p_figures
  );
  v_is_limited boolean := coalesce(p_visible -> 'every_owner' <> 'true', p_visible is not null);
  v_viewer uuid := cogo.to_uuid(p_visible ->> 'owner');
  v_only text := p_visible ->> 'only_project';
  v_projects text[] := array(select jsonb_array_elements_text(p_visible -> 'projects'));
  v_has_tasks boolean := 'tasks' = any (p_figures);
  v_has_latencies boolean := 'latencies' = any (p_figures);
  v_unknown constant jsonb := '{"first_token_ms_p50": null, "first_token_ms_p95": null,
    "duration_ms_p50": null, "duration_ms_p95": null}';
  v_read record;
  v_rows jsonb;
begin
  select u.* into v_read
    from cogo.split_usage(
      v_since, v_until, p_bucket, p_zone,
      v_by || array_remove(
        array[
          case when p_owner is not null or v_is_limited then 'owner' end,
          case when p_project is not null or v_only is not null then 'project' end,
          case when p_model is not null then 'model' end,
          case when p_provider is not null then 'provider' end
        ], null
      )
    ) u;

  with parts as materialized (
    select h.start, cogo.read_usage_key(s, v_by[1]) as first, cogo.read_usage_key(s, v_by[2]) as second,
           s.simulated, s.calls, s.failed, s.input_tokens, s.cached_tokens, s.cache_write_tokens,
           s.output_tokens, s.reasoning_tokens, s.cost_usd, s.unknown_costs,
           case when v_has_tasks then s.tasks end as tasks,
           case when v_has_latencies then s.latency_counts end as latency_counts,
           case when v_has_latencies then s.latency_ms end as latency_ms
      from unnest(v_read.hours, v_read.starts) as h (hour, start)
      join cogo.usage_sums s on s.hour = h.hour and s.grain = v_read.grain
     where (not v_is_limited or s.owner is not distinct from v_viewer
            or s.project = any (v_projects))
       and (v_only is null or s.project = v_only)
       and (p_owner is null or s.owner is not distinct from nullif(p_owner, v_nobody))
       and (p_project is null or s.project is not distinct from nullif(p_project, ''))
       and (p_model is null or s.model = p_model)
       and (p_provider is null or s.provider = p_provider)
     union all
    select s.hour, cogo.read_usage_key(s, v_by[1]), cogo.read_usage_key(s, v_by[2]), s.simulated,
           s.calls, s.failed, s.input_tokens, s.cached_tokens, s.cache_write_tokens,
           s.output_tokens, s.reasoning_tokens, s.cost_usd, s.unknown_costs, s.tasks,
           s.latency_counts, s.latency_ms
      from unnest(v_read.spans) as r (span)
     cross join lateral cogo.sum_usage(
       lower(r.span), upper(r.span), p_bucket, p_zone, v_by, p_figures,
       jsonb_build_object(
         'is_limited', v_is_limited, 'viewer', v_viewer, 'projects', v_projects,
         'only_project', v_only, 'owner', p_owner, 'project', p_project, 'model', p_model,
         'provider', p_provider
       )
     ) s
  ), sums as (
    select array[p.start::text, p.first, p.second, p.simulated::text] as id,
           p.start, p.first, p.second, p.simulated, sum(p.calls) as calls, sum(p.failed) as failed,
           sum(p.input_tokens) as input_tokens, sum(p.cached_tokens) as cached_tokens,
           sum(p.cache_write_tokens) as cache_write_tokens, sum(p.output_tokens) as output_tokens,
           sum(p.reasoning_tokens) as reasoning_tokens, sum(p.cost_usd) as cost_usd,
           sum(p.unknown_costs) as unknown_costs
      from parts p
     group by p.start, p.first, p.second, p.simulated
  ), tasks as (
    select array[d.start::text, d.first, d.second, d.simulated::text] as id,
           count(*) as tasks
      from (
        select distinct p.start, p.first, p.second, p.simulated, t.id
          from parts p cross join lateral unnest(p.tasks) t (id)
      ) as d
     group by d.start, d.first, d.second, d.simulated
  ), bins as (
    select p.start, p.first, p.second, p.simulated, b.ms < 0 as is_first,
           sum(coalesce(b.n, 1)) as n, sum(b.ms) as ms
      from parts p
     cross join lateral unnest(p.latency_counts, p.latency_ms) b (n, ms)
     group by p.start, p.first, p.second, p.simulated, b.ms < 0,
              cogo.latency_bin(b.ms / coalesce(b.n, 1))
  ), ranked as (
    select array[b.start::text, b.first, b.second, b.simulated::text] as id, b.is_first,
           case when b.is_first then -1 - b.ms / b.n else b.ms / b.n end as mean,
           sum(b.n) over (w order by abs(b.ms / b.n)) as upto,
           (sum(b.n) over w)::float8 - 1 as last
      from bins b
    window w as (partition by b.start, b.first, b.second, b.simulated, b.is_first)
  ), percentiles as (
    select r.id, case when r.is_first then 'first_token_ms' else 'duration_ms' end || q.name as name,
           min(r.mean) filter (where r.upto > floor(q.share * r.last)) as low,
           min(r.mean) filter (where r.upto > ceil(q.share * r.last)) as high,
           min(q.share * r.last - floor(q.share * r.last)) as part
      from ranked r cross join (values ('_p50', 0.5::float8), ('_p95', 0.95)) as q (name, share)
     group by r.id, r.is_first, q.name
  ), latencies as (
    select p.id, jsonb_object_agg(p.name, round(p.low + (p.high - p.low) * p.part)) as figures
      from percentiles p group by p.id
  )
  select jsonb_agg(
           to_jsonb(s) - '{id,start,first,second}'::text[]
             || jsonb_object(v_by, (array[s.first, s.second])[:cardinality(v_by)])
             || jsonb_build_object('bucket', case p_bucket
               when 'hour' then to_char(s.start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI"Z"')
               when 'day' then to_char(s.start at time zone p_zone, 'YYYY-MM-DD')
               when 'month' then to_char(s.start at time zone p_zone, 'YYYY-MM')
             end)
             || case when v_has_tasks then jsonb_build_object('tasks', coalesce(t.tasks, 0))
                     else '{}' end
             || case when v_has_latencies then v_unknown || coalesce(l.figures, '{}') else '{}' end
           order by s.start, s.cost_usd desc nulls last, s.calls desc, s.first, s.second, s.simulated
         )
    into v_rows
    from sums s
    left join tasks t on t.id = s.id
    left join latencies l on l.id = s.id;
  return jsonb_build_object(
    'since', v_since, 'until', v_until, 'bucket', p_bucket, 'by', v_by, 'zone', p_zone,
    'rows', coalesce(v_rows, '[]')
  );
end;
$$;
comment on function public.cogo_usage is
  'Sum the calls that the caller may see, from p_since (30 days before p_until) to before p_until (now),
by p_bucket (hour, day, month or all, in p_zone) and at most two of p_by (model, provider,
provider_model, owner, type, project, tag). cost_usd is the sum of what is known, and null if nothing
is; unknown_costs counts the other calls. Percentiles are those of completed calls, at most 9 per cent
off. A task with several tags counts for each. Simulated calls have rows of their own. p_owner: the nil
uuid means tasks without an owner; p_project: empty means without a project; p_visible: {owner,
every_owner, projects, only_project}, of whom a gateway asks; p_figures: which of tasks (their number)
and latencies to add to the sums, which take less time.';
