create or replace function cogo.latency_bin(p_ms float8)
  returns integer language sql immutable
  return floor(
    case
      when p_ms < -8 then 8 * ln(-1 - p_ms) / ln(2::float8)
      when p_ms < 0 then -1 - p_ms
      when p_ms < 8 then p_ms
      else 8 * ln(p_ms) / ln(2::float8)
    end
  );
comment on function cogo.latency_bin is
  'Return the bin of a histogram to which a duration, or -1 minus the time to a first token, belongs:
eight for each doubling, so that the values of one differ by 9 per cent at most.';

-- One function for what is stored and for what is read, so that both give the same numbers.
create or replace function cogo.sum_usage(
  p_since timestamptz, p_until timestamptz, p_bucket text, p_zone text, p_by text[],
  p_figures text[], p_filter jsonb default '{}'
)
  returns setof cogo.usage_sums language plpgsql stable set search_path = pg_catalog, pg_temp
  -- Planned for the keys of this call.
  set plan_cache_mode = force_custom_plan set work_mem = '64MB'
as $$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_is_limited constant boolean := coalesce((p_filter -> 'is_limited')::boolean, false);
  v_viewer constant uuid := cogo.to_uuid(p_filter ->> 'viewer');
  v_projects constant text[] := array(select jsonb_array_elements_text(p_filter -> 'projects'));
  v_only constant text := p_filter ->> 'only_project';
  v_owner constant uuid := cogo.to_uuid(p_filter ->> 'owner');
  v_project constant text := p_filter ->> 'project';
  v_model constant text := p_filter ->> 'model';
  v_provider constant text := p_filter ->> 'provider';
begin
  return query
  select null::bigint, k.start, null::text, k.model, k.provider, k.provider_model, k.owner, k.type,
         k.project, k.tag, k.simulated,
         count(*),
         count(*) filter (where k.outcome in ('failed', 'lost')),
         coalesce(sum(k.input_tokens), 0),
         coalesce(sum(k.cached_tokens), 0),
         coalesce(sum(k.cache_write_tokens), 0),
         coalesce(sum(k.output_tokens), 0),
         coalesce(sum(k.reasoning_tokens), 0),
         sum(k.cost_usd),
         count(*) filter (where k.cost_usd is null),
         array_agg(distinct k.task_id)
           filter (where k.task_id is not null and 'tasks' = any (p_figures)),
         null::bigint[],
         array_agg(greatest(k.duration_ms, 0)::float8)
           filter (where k.is_timed and k.duration_ms is not null)
           || array_agg(-1 - greatest(k.first_token_ms, 0)::float8)
             filter (where k.is_timed and k.first_token_ms is not null)
    from (
      select case when p_bucket <> 'all' then date_trunc(p_bucket, c.started_at, p_zone) end as start,
             case when 'model' = any (p_by) then c.model_id end as model,
             case when 'provider' = any (p_by) then c.provider end as provider,
             case when 'provider_model' = any (p_by) then c.provider_model end as provider_model,
             case when 'owner' = any (p_by) then c.owner end as owner,
             case when 'type' = any (p_by) then t.type end as type,
             case when 'project' = any (p_by) then c.project end as project,
             case when 'tag' = any (p_by) then g.tag end as tag,
             c.task_id, c.outcome, c.simulated,
             c.outcome = 'completed' and 'latencies' = any (p_figures) as is_timed,
             c.first_token_ms, c.duration_ms, c.input_tokens, c.cached_tokens,
             c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.cost_usd
        from public.cogo_calls c
        left join public.cogo_tasks t on t.id = c.task_id and 'type' = any (p_by)
        left join lateral unnest(c.tags) g (tag) on 'tag' = any (p_by)
       where c.started_at >= p_since and c.started_at < p_until
         and (c.outcome <> 'lost' or c.id not in (select r.id from cogo.reported_calls r))
         and (not v_is_limited or c.owner is not distinct from v_viewer
              or c.project = any (v_projects))
         and (v_only is null or c.project = v_only)
         and (v_owner is null or c.owner is not distinct from nullif(v_owner, v_nobody))
         and (v_project is null or c.project is not distinct from nullif(v_project, ''))
         and (v_model is null or c.model_id = v_model)
         and (v_provider is null or c.provider = v_provider)
    ) as k
   group by k.start, k.model, k.provider, k.provider_model, k.owner, k.type, k.project, k.tag,
            k.simulated;
end;
$$;
comment on function cogo.sum_usage is
  'Sum the calls that began in a period, by bucket (its start is in hour) and keys. p_figures: tasks,
latencies. p_filter: what cogo_usage() is asked for. Sums of different periods can be added up.';
