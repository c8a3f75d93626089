-- Sums the audit log itself, so that it agrees with it whenever reports come: about two seconds for a
-- million calls. One value and not a set of rows, so that all of it is of one snapshot.
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
  p_visible jsonb default null
)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
  -- Planned for the keys of this call: only the type is read from tasks.
  set plan_cache_mode = force_custom_plan set work_mem = '64MB'
as $$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_keys constant text[] := '{model,provider,provider_model,owner,type,project,tag}';
  v_by text[] := coalesce(p_by, '{}');
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz;
  v_local timestamp;
  v_is_limited boolean := coalesce(p_visible -> 'every_owner' <> 'true', p_visible is not null);
  v_viewer uuid := cogo.to_uuid(p_visible ->> 'owner');
  v_only text := p_visible ->> 'only_project';
  v_projects text[] := array(select jsonb_array_elements_text(p_visible -> 'projects'));
  v_rows jsonb;
begin
  if p_bucket is null or p_bucket not in ('hour', 'day', 'month', 'all') then
    raise exception using
      errcode = 'TQ004', message = 'p_bucket must be hour, day, month or all';
  end if;
  if array_position(v_by, null) is not null or not v_by <@ v_keys or cardinality(v_by) > 2 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_by must be at most two of ' || array_to_string(v_keys, ', ');
  end if;
  begin
    v_local := v_until at time zone p_zone;
  exception
    when invalid_parameter_value then
      v_local := null;
  end;
  if v_local is null then
    raise exception using
      errcode = 'TQ004', message = 'p_zone must name a time zone',
      hint = 'examples: UTC, Europe/Berlin';
  end if;
  v_since := coalesce(p_since, v_until - interval '30 days');
  if p_bucket <> 'all' then
    v_since := date_trunc(case p_bucket when 'hour' then 'hour' else 'day' end, v_since, p_zone);
  end if;
  if v_since >= v_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  if p_bucket = 'hour' and v_until - v_since > interval '32 days' then
    raise exception using
      errcode = 'TQ004', message = 'hours can be shown of 32 days at most',
      hint = 'ask for days, or for a shorter period';
  end if;

  with calls as (
    select case when p_bucket <> 'all' then date_trunc(p_bucket, c.started_at, p_zone) end as start,
           case when 'model' = any (v_by) then c.model_id end as model,
           case when 'provider' = any (v_by) then c.provider end as provider,
           case when 'provider_model' = any (v_by) then c.provider_model end as provider_model,
           case when 'owner' = any (v_by) then c.owner end as owner,
           case when 'type' = any (v_by) then t.type end as type,
           case when 'project' = any (v_by) then c.project end as project,
           case when 'tag' = any (v_by) then g.tag end as tag,
           c.task_id, c.outcome, c.simulated, c.first_token_ms, c.duration_ms, c.input_tokens,
           c.cached_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.cost_usd
      from public.cogo_calls c
      left join public.cogo_tasks t on t.id = c.task_id and 'type' = any (v_by)
      left join lateral unnest(c.tags) g (tag) on 'tag' = any (v_by)
     where c.started_at >= v_since and c.started_at < v_until
       and (c.outcome <> 'lost' or c.id not in (select r.id from cogo.reported_calls r))
       and (not v_is_limited or c.owner is not distinct from v_viewer
            or c.project = any (v_projects))
       and (v_only is null or c.project = v_only)
       and (p_owner is null or c.owner is not distinct from nullif(p_owner, v_nobody))
       and (p_project is null or c.project is not distinct from nullif(p_project, ''))
       and (p_model is null or c.model_id = p_model)
       and (p_provider is null or c.provider = p_provider)
  ), sums as (
    select k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
           count(distinct k.task_id) as tasks,
           count(*) as calls,
           count(*) filter (where k.outcome in ('failed', 'lost')) as failed,
           coalesce(sum(k.input_tokens), 0) as input_tokens,
           coalesce(sum(k.cached_tokens), 0) as cached_tokens,
           coalesce(sum(k.cache_write_tokens), 0) as cache_write_tokens,
           coalesce(sum(k.output_tokens), 0) as output_tokens,
           coalesce(sum(k.reasoning_tokens), 0) as reasoning_tokens,
           sum(k.cost_usd) as cost_usd,
           count(*) filter (where k.cost_usd is null) as unknown_costs,
           percentile_cont(array[0.5, 0.95]) within group (order by k.first_token_ms)
             filter (where k.outcome = 'completed') as first_token_ms,
           percentile_cont(array[0.5, 0.95]) within group (order by k.duration_ms)
             filter (where k.outcome = 'completed') as duration_ms,
           k.simulated
      from calls k
     group by k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
              k.simulated
  )
  select jsonb_agg(
           to_jsonb(s) - array['start', 'first_token_ms', 'duration_ms']
             - array(select unnest(v_keys) except select unnest(v_by))
             || jsonb_build_object(
               'bucket', case p_bucket
                 when 'hour' then to_char(s.start at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI"Z"')
                 when 'day' then to_char(s.start at time zone p_zone, 'YYYY-MM-DD')
                 when 'month' then to_char(s.start at time zone p_zone, 'YYYY-MM')
               end,
               'first_token_ms_p50', round(s.first_token_ms[1]),
               'first_token_ms_p95', round(s.first_token_ms[2]),
               'duration_ms_p50', round(s.duration_ms[1]),
               'duration_ms_p95', round(s.duration_ms[2])
             )
           order by s.start, s.cost_usd desc nulls last, s.calls desc, s.model, s.provider,
                    s.provider_model, s.owner, s.type, s.project, s.tag, s.simulated
         )
    into v_rows
    from sums s;
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
is; unknown_costs counts the other calls. Percentiles are those of completed calls. A task with several
tags counts for each. Simulated calls have rows of their own. p_owner: the nil uuid means tasks without
an owner; p_project: empty means without a project; p_visible: {owner, every_owner, projects,
only_project}, of whom a gateway asks.';
