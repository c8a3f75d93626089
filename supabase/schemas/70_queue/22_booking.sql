-- A tool loop that dies in its third call has paid for two. A call of which there was a late report has
-- two rows in the audit log.
create or replace function cogo.sum_calls(p_task_id uuid, p_subtask_id uuid, p_attempt integer)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
  select case
           when count(c.id) > 0 or u.is_unfinished or u.has_turns then jsonb_build_object(
             'provider', (array_agg(c.provider order by c.ended_at desc))[1],
             'input_tokens', sum(c.input_tokens + coalesce(c.cache_write_tokens, 0)),
             'cached_tokens', sum(c.cached_tokens),
             'output_tokens', sum(c.output_tokens),
             'reasoning_tokens', sum(c.reasoning_tokens),
             'cost_usd',
             case
               when u.is_unfinished
                 or bool_or(c.cost_usd is null and c.outcome in ('lost', 'completed', 'cancelled'))
                 then null
               when count(c.id) = 0 then 0
               -- Vendors charge for none that failed, unless they say so.
               else sum(c.cost_usd)
             end
           )
         end
    from (
      select exists (
               select from cogo.reservations r
                where r.subtask_id = p_subtask_id and r.attempt = p_attempt
                  and coalesce(r.call -> 'simulated' <> 'true', true)
             ) as is_unfinished,
             exists (select from cogo.turns t where t.subtask_id = p_subtask_id) as has_turns
    ) as u
    left join (
      select distinct on (k.id) k.*
        from public.cogo_calls k
       where k.task_id = p_task_id and k.subtask_id = p_subtask_id and k.attempt = p_attempt
       order by k.id, k.outcome = 'lost'
    ) as c on true
   group by u.is_unfinished, u.has_turns;
$$;
comment on function cogo.sum_calls is
  'Return what the ended calls of an attempt have used and cost, as its holder would report it; the cost
is null if one of them has none or has not ended. Null if nothing is known of its calls.';

create or replace function cogo.book_late_call(p_subtask_id uuid, p_attempt integer)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_before public.cogo_attempts;
  v_after public.cogo_attempts;
begin
  select a.* into v_before
    from public.cogo_attempts a
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.ended_at is not null
     and a.usage is null
     for no key update;
  if not found then
    return;
  end if;
  update public.cogo_attempts a
     set provider = coalesce(g.usage ->> 'provider', a.provider),
         input_tokens = (g.usage ->> 'input_tokens')::bigint,
         cached_tokens = (g.usage ->> 'cached_tokens')::bigint,
         output_tokens = (g.usage ->> 'output_tokens')::bigint,
         reasoning_tokens = (g.usage ->> 'reasoning_tokens')::bigint,
         cost_usd = (g.usage ->> 'cost_usd')::numeric
    from (
      select cogo.sum_calls(v_before.task_id, v_before.subtask_id, v_before.attempt) as usage
    ) as g
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt
  returning a.* into v_after;
  update public.cogo_tasks t
     set cost_usd = t.cost_usd + v_after.cost_usd - v_before.cost_usd,
         input_tokens = t.input_tokens
           + coalesce(v_after.input_tokens, 0) - coalesce(v_before.input_tokens, 0),
         cached_tokens = t.cached_tokens
           + coalesce(v_after.cached_tokens, 0) - coalesce(v_before.cached_tokens, 0),
         output_tokens = t.output_tokens
           + coalesce(v_after.output_tokens, 0) - coalesce(v_before.output_tokens, 0),
         reasoning_tokens = t.reasoning_tokens
           + coalesce(v_after.reasoning_tokens, 0) - coalesce(v_before.reasoning_tokens, 0)
   where t.id = v_before.task_id;
  perform cogo.add_up_costs(array[v_before.task_id]);
end;
$$;
comment on function cogo.book_late_call is
  'Book a call whose end was reported after that of its attempt, of which no usage was reported. The
caller holds the task lock.';

create or replace function cogo.add_up_costs(p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.cogo_tasks t
     set cost_usd = (
           select case when bool_and(c.usd is not null) then sum(c.usd) end
             from (
               select a.cost_usd from public.cogo_attempts a
                where a.task_id = t.id and a.ended_at is not null
               union all
               select k.cost_usd from cogo.child_tasks k where k.parent_id = t.id
             ) as c (usd)
         )
   where t.id = any (p_task_ids) and t.cost_usd is null;
end;
$$;
comment on function cogo.add_up_costs is
  'Set the unknown costs of tasks of which all is known now. The caller holds their locks.';
