create or replace function cogo.sample_queue()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set enable_seqscan = off
as $$
declare
  v_at timestamptz := date_trunc('minute', cogo.now());
begin
  if exists (select from cogo.queue_samples q where q.at = v_at) then
    return;
  end if;
  with counts as (
    select s.lane, 'queued' as status, count(*) as n
      from cogo.subtasks s where s.status = 'queued' group by s.lane
     union all
    select s.lane, 'running', count(*) from cogo.subtasks s where s.status = 'running' group by s.lane
     union all
    select s.lane, 'waiting', count(*)
      from cogo.subtasks s where s.status in ('waiting', 'held') group by s.lane
     union all
    select s.lane, 'delayed', count(*) from cogo.subtasks s where s.status = 'delayed' group by s.lane
     union all
    select s.lane, 'dead', count(*)
      from cogo.subtasks s where s.dead_at is not null group by s.lane
  ), lanes as (
    select coalesce(c.lane, '') as lane,
           coalesce(sum(c.n) filter (where c.status = 'queued'), 0) as queued,
           coalesce(sum(c.n) filter (where c.status = 'running'), 0) as running,
           coalesce(sum(c.n) filter (where c.status = 'waiting'), 0) as waiting,
           coalesce(sum(c.n) filter (where c.status = 'delayed'), 0) as delayed,
           coalesce(sum(c.n) filter (where c.status = 'dead'), 0) as dead
      from counts c
     group by grouping sets ((c.lane), ())
  )
  insert into cogo.queue_samples (at, lane, queued, running, waiting, delayed, dead)
  select v_at, n.lane, n.queued, n.running, n.waiting, n.delayed, n.dead
    from lanes n
   order by n.lane = '' desc, n.queued + n.running + n.waiting + n.delayed desc, n.lane
   -- All lanes together, and those with the most work.
   limit 21
  on conflict do nothing;
  delete from cogo.queue_samples q where q.at < v_at - interval '30 days';
end;
$$;
comment on function cogo.sample_queue is
  'Record how many subtasks lanes hold, once a minute: of all lanes together and of the 20 with the most
work. Samples are kept for 30 days.';

create or replace function public.cogo_queue_history(
  p_since timestamptz default null, p_until timestamptz default null, p_lane text default null
)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := coalesce(p_until, cogo.now());
  v_since timestamptz := coalesce(p_since, v_until - interval '1 day');
  v_seconds integer;
  v_samples jsonb;
begin
  if v_since >= v_until then
    raise exception using errcode = 'TQ004', message = 'p_since must be before p_until';
  end if;
  v_seconds := 60 * least(
    greatest(1, ceil(extract(epoch from v_until - v_since) / (60 * 360))), 44640
  );
  select jsonb_agg(to_jsonb(b) || jsonb_build_object('at', cogo.iso_timestamp(b.at))
                   order by b.at, b.lane nulls first)
    into v_samples
    from (
      select date_bin(make_interval(secs => v_seconds), q.at, 'epoch') as at,
             nullif(q.lane, '') as lane, max(q.queued) as queued, max(q.running) as running,
             max(q.waiting) as waiting, max(q.delayed) as delayed, max(q.dead) as dead
        from cogo.queue_samples q
       where q.at >= v_since and q.at < v_until and (p_lane is null or q.lane = p_lane)
       group by 1, q.lane
    ) as b;
  return jsonb_build_object(
    'since', cogo.iso_timestamp(v_since), 'until', cogo.iso_timestamp(v_until),
    'seconds', v_seconds, 'samples', coalesce(v_samples, '[]')
  );
end;
$$;
comment on function public.cogo_queue_history is
  'For operators: how many subtasks lanes held from p_since (a day before p_until) to before p_until
(now), in at most about 360 steps of the same length (seconds), of each the highest numbers. lane is
null for all lanes together. p_lane: only this lane; empty for all together.';
