-- By the classes of providers/errors.py (`retryable`, and what an operator mends), and those of lost
-- agents. no_model says nothing itself: what counts is why the models failed that were tried.
create or replace function cogo.is_outage(p_task public.cogo_tasks)
  returns boolean language sql stable set search_path = pg_catalog, pg_temp
as $$
  with failed as (
    select a.error ->> 'class' as class
      from public.cogo_attempts a
     where a.task_id = p_task.id and a.outcome in ('failed', 'rerouted')
       and p_task.error ->> 'class' = 'no_model' and a.error ->> 'class' <> 'no_model'
     union all
    select p_task.error ->> 'class' where p_task.error ->> 'class' <> 'no_model'
  )
  select p_task.status = 'failed' and (
    coalesce(
      (
        select bool_or(
          f.class in (
            'rate_limited', 'overloaded', 'timeout', 'connection', 'malformed_response',
            'incomplete_stream', 'not_asked', 'at_capacity', 'circuit_open', 'authentication',
            'permission', 'budget', 'model_not_found', 'not_served', 'lease_expired',
            'worker_died', 'no_agent'
          )
        ) from failed f
      ),
      p_task.error ->> 'class' = 'no_model'
      and coalesce(p_task.error ->> 'field', '') not in ('prompt', 'budget_usd')
    )
    -- A call that is more than a whole cap: those of other rows may be cheaper, and the cap raised.
    or exists (
      select from cogo.ai_refusals r
       where r.task_id = p_task.id and r.scope not in ('task', 'owner') and r.usd > r.limit_usd
         and p_task.error ->> 'class' in ('spend_cap', 'provider_spend_cap')
    )
  );
$$;
comment on function cogo.is_outage is
  'Return whether a task failed through no fault of its own: the same may succeed later.';

create or replace function cogo.settle_failure(
  p_column cogo.ai_columns, p_task public.cogo_tasks, p_keys jsonb[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_refusal cogo.ai_refusals;
  v_class constant text := p_task.error ->> 'class';
  v_is_outage constant boolean := cogo.is_outage(p_task);
  v_state text := 'failed';
  v_reason text := left(p_task.error ->> 'message', 2000);
  v_due timestamptz := v_now;
begin
  select r.* into v_refusal from cogo.ai_refusals r where r.task_id = p_task.id;
  if p_task.id is null then
    v_state := 'pending';
  elsif p_task.status = 'cancelled' then
    if v_reason = 'the value is not wanted any more: the row or the column has changed' then
      v_state := 'pending';
    else
      v_reason := 'its task was cancelled: ' || v_reason;
    end if;
  elsif v_class in ('spend_cap', 'provider_spend_cap') and v_refusal.scope is distinct from 'task'
    and not v_is_outage
  then
    v_state := 'pending';
    v_due := coalesce(v_refusal.resets_at, v_now + interval '10 minutes');
    if v_refusal.scope = 'owner' then
      -- None of this owner's is worth a try before.
      update cogo.ai_cells c
         set due_at = v_due
       where c.column_id = p_column.id and c.state = 'pending'
         and c.owner is not distinct from p_task.owner and c.due_at < v_due;
    elsif v_refusal.scope is not null then
      v_due := v_now;
      perform cogo.pause_for_cap(p_column, v_refusal);
    end if;
  elsif v_is_outage or cardinality(p_keys) > 1 then
    -- Of several cells one may be the reason.
    v_state := 'pending';
  end if;
  if v_refusal.scope = 'task' or p_task.error ->> 'field' = 'budget_usd' then
    v_reason := left(
      rtrim(v_reason, '.')
        || '; raise max_usd_per_row, or take a lower params.max_output_tokens or a cheaper model',
      2000
    );
  end if;
  update cogo.ai_cells c
     set state = case when v_is_outage and c.outages >= 5 then 'failed' else v_state end,
         reason = v_reason, task_id = p_task.id,
         due_at = v_due + case
           when v_is_outage then coalesce(
             ('{1m,5m,30m,2h,6h}'::interval[])[c.outages + 1], interval '0'
           )
           else interval '0'
         end,
         outages = case when v_is_outage then least(c.outages, 5) + 1 else c.outages end,
         is_alone = c.is_alone
           or cardinality(p_keys) > 1 and p_task.status = 'failed' and not v_is_outage,
         done_at = case
           when v_state = 'failed' or v_is_outage and c.outages >= 5 then v_now else c.done_at
         end,
         cost_usd = case
           when p_task.cost_usd > 0 then
             coalesce(c.cost_usd, 0) + p_task.cost_usd / cardinality(p_keys)
           else c.cost_usd
         end
   where c.column_id = p_column.id and c.key = any (p_keys);
end;
$$;
comment on function cogo.settle_failure is
  'Decide what becomes of cells whose task gave no answer. What a cap refused is wanted again later, and
so is, five times, what failed through no fault of the row.';
