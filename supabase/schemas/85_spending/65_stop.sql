create or replace function public.cogo_spending_stop()
  returns table (since timestamptz, who text, reason text)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select s.since, s.who, s.reason from cogo.spending_stop s;
$$;
comment on function public.cogo_spending_stop is
  'For operators: since when spending is stopped, by whom and why; no row if it is not.';

create or replace function cogo.stopped_seconds()
  returns double precision language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce((select p.seconds from cogo.past_stops p), 0)
    + coalesce((select extract(epoch from cogo.now() - s.since) from cogo.spending_stop s), 0);
end;
$$;
comment on function cogo.stopped_seconds is
  'Return how long spending has been stopped in all until now.';

create or replace function cogo.put_off_deadline(
  p_deadline timestamptz, p_stopped_seconds double precision
)
  returns timestamptz language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_deadline is null then
    return null;
  end if;
  return cogo.subtract_seconds(p_deadline, coalesce(p_stopped_seconds, 0) - cogo.stopped_seconds());
end;
$$;
comment on function cogo.put_off_deadline is
  'Return a deadline later by the time for which spending was stopped since it was set.';

create or replace function cogo.add_up_stops()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.past_stops as p (seconds)
  values (greatest(extract(epoch from cogo.now() - old.since), 0))
  on conflict (id) do update set seconds = p.seconds + excluded.seconds;
  return null;
end;
$$;
comment on function cogo.add_up_stops is 'Note how long a stop of spending lasted. Of a trigger.';
create or replace trigger add_up_stops
  after delete on cogo.spending_stop
  for each row execute function cogo.add_up_stops();

create or replace function cogo.abort_calls()
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_subtask cogo.subtasks;
  v_ids uuid[];
  v_count integer := 0;
begin
  select array_agg(distinct r.subtask_id) into v_ids
    from cogo.reservations r
    join cogo.subtasks s on s.id = r.subtask_id and s.attempt = r.attempt
   where s.status = 'running';
  perform cogo.lock_tasks(v_ids);
  -- Read again, now that the tasks are locked. Those of cancelled tasks have been asked to stop.
  for v_subtask in
    select s.* from cogo.subtasks s
     where s.id = any (v_ids) and s.status = 'running' and s.cancel_requested_at is null
       and exists (
         select from cogo.reservations r where r.subtask_id = s.id and r.attempt = s.attempt
       )
     order by s.seq
  loop
    -- Their holders ask about their leases, and stop.
    perform cogo.announce_cancellation(v_subtask, 'spending was stopped');
    perform cogo.take_back_lease(
      v_subtask, 'released',
      '{"class": "released", "message": "spending was stopped, and the call was aborted"}', false
    );
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.abort_calls is
  'Take the subtasks back that have a call under way, without a failure; return how many. What the calls
have cost is booked when their holders report it.';

create or replace function public.cogo_stop_spending(
  p_reason text default null, p_cancel_running boolean default false
)
  returns table (
    since timestamptz, who text, reason text, is_new boolean, running integer, aborted integer
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform cogo.check_size('p_reason', length(p_reason));
  perform cogo.set_operator(null, p_reason);
  insert into cogo.spending_stop (reason) values (cogo.read_operator() ->> 'reason')
  on conflict do nothing;
  is_new := found;
  aborted := case when p_cancel_running then cogo.abort_calls() else 0 end;
  select count(*) into running from cogo.reservations;
  select s.since, s.who, s.reason into since, who, reason from cogo.spending_stop s;
  return next;
end;
$$;
comment on function public.cogo_stop_spending is
  'For operators: refuse every new call to a model, in the middle of a tool loop too, and claim nothing
that makes one, until cogo_resume_spending(). Nothing fails: what was refused is queued again. Calls
under way (running) end, or with p_cancel_running are aborted. Deadlines wait. Repeating it changes
nothing.';

create or replace function public.cogo_resume_spending(p_reason text default null)
  returns table (resumed boolean)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.check_size('p_reason', length(p_reason));
  perform cogo.set_operator(null, p_reason);
  delete from cogo.spending_stop where true;
  resumed := found;
  perform cogo.notify_lanes(
    array(
      select (
               select s.id from cogo.subtasks s where s.status = 'queued' and s.lane = l.lane limit 1
             )
        from (
          select distinct unnest(a.lanes) as lane
            from public.cogo_agents a
           where a.heartbeat_at > cogo.now() - interval '1 minute'
        ) as l
       where cogo.is_calling_lane(l.lane)
    )
  );
  return next;
end;
$$;
comment on function public.cogo_resume_spending is
  'For operators: let calls to models begin again, and what waited for that go on. Says whether spending
was stopped.';
