create or replace function cogo.check_usage_question(
  p_since timestamptz, p_until timestamptz, p_bucket text, p_by text[], p_zone text,
  p_figures text[]
)
  returns timestamptz language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys constant text[] := '{model,provider,provider_model,owner,type,project,tag}';
  v_since timestamptz := coalesce(p_since, p_until - interval '30 days');
  v_local timestamp;
begin
  if p_bucket is null or p_bucket not in ('hour', 'day', 'month', 'all') then
    raise exception using
      errcode = 'TQ004', message = 'p_bucket must be hour, day, month or all';
  end if;
  if array_position(p_by, null) is not null or not p_by <@ v_keys or cardinality(p_by) > 2 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_by must be at most two of ' || array_to_string(v_keys, ', ');
  end if;
  begin
    v_local := p_until at time zone p_zone;
  exception
    when invalid_parameter_value then
      v_local := null;
  end;
  if v_local is null then
    raise exception using
      errcode = 'TQ004', message = 'p_zone must name a time zone',
      hint = 'examples: UTC, Europe/Berlin';
  end if;
  if array_position(p_figures, null) is not null or p_figures <@ '{tasks,latencies}' is not true then
    raise exception using errcode = 'TQ004', message = 'p_figures must be of tasks, latencies';
  end if;
  if p_bucket <> 'all' then
    v_since := date_trunc(case p_bucket when 'hour' then 'hour' else 'day' end, v_since, p_zone);
  end if;
  if v_since >= p_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  if p_bucket = 'hour' and p_until - v_since > interval '32 days' then
    raise exception using
      errcode = 'TQ004', message = 'hours can be shown of 32 days at most',
      hint = 'ask for days, or for a shorter period';
  end if;
  return v_since;
end;
$$;
comment on function cogo.check_usage_question is
  'Return when the first bucket of a question begins. Raises TQ004 if it cannot be meant.';

-- An hour of sums must lie in the period and in one bucket: days of Kolkata begin in the middle of one.
create or replace function cogo.split_usage(
  p_since timestamptz, p_until timestamptz, p_bucket text, p_zone text, p_keys text[],
  out grain text, out hours timestamptz[], out starts timestamptz[], out spans tstzmultirange
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_hour constant interval := '1 hour';
  v_clock cogo.usage_clock;
begin
  spans := tstzmultirange(tstzrange(p_since, p_until));
  -- With row level security the caller sees sums that have owners.
  select g.grain into grain
    from cogo.list_usage_grains() g
   where p_keys <@ g.keys
     and ('owner' = any (g.keys) or not row_security_active('public.cogo_calls'::regclass))
   order by g.place limit 1;
  select c.* into v_clock from cogo.usage_clock c;
  if grain is null or v_clock.id is null then
    return;
  end if;
  select array_agg(h.hour), array_agg(h.start),
         spans - coalesce(range_agg(tstzrange(h.hour, h.hour + v_hour)), '{}')
    into hours, starts, spans
    from (
      select g.hour,
             case when p_bucket <> 'all' then date_trunc(p_bucket, g.hour, p_zone) end as start
        from generate_series(
          greatest(v_clock.begins_at, date_trunc('hour', p_since, 'UTC')),
          least(v_clock.ends_at, p_until) - v_hour, v_hour
        ) g (hour)
       where g.hour >= p_since
         and not exists (select from cogo.usage_changes x where x.hour = g.hour)
    ) as h
   where p_bucket = 'all' or h.start = date_trunc(
           p_bucket, h.hour + v_hour - interval '1 microsecond', p_zone
         );
end;
$$;
comment on function cogo.split_usage is
  'Return by which hours of cogo.usage_sums of which grain a question can be answered, in which bucket
each lies, and of which spans the calls themselves are read.';

create or replace function cogo.read_usage_key(p_sum cogo.usage_sums, p_key text)
  returns text language sql immutable
  return case p_key
    when 'model' then (p_sum).model
    when 'provider' then (p_sum).provider
    when 'provider_model' then (p_sum).provider_model
    when 'owner' then (p_sum).owner::text
    when 'type' then (p_sum).type
    when 'project' then (p_sum).project
    when 'tag' then (p_sum).tag
  end;
comment on function cogo.read_usage_key is 'Return the value of a key in sums.';
