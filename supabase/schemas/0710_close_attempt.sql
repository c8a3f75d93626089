-- A cost that is not reported is 0 where no model can have been asked (the lane of the
-- orchestrators, an outcome that the holder itself reported), and unknown where a holder vanished.
create or replace function cogo.close_attempt(
  p_subtask_id uuid,
  p_attempt integer,
  p_outcome text,
  p_usage jsonb default null,
  p_error jsonb default null
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_usage jsonb := nullif(p_usage, 'null');
  v_attempt public.cogo_attempts;
begin
  update public.cogo_attempts a
     set ended_at = cogo.now(),
         outcome = p_outcome,
         error = nullif(p_error, 'null'),
         usage = v_usage,
         model_id = coalesce(v_usage ->> 'model_id', a.model_id),
         provider = coalesce(v_usage ->> 'provider', a.provider),
         first_token_ms = (v_usage ->> 'first_token_ms')::numeric,
         duration_ms = coalesce(
           (v_usage ->> 'duration_ms')::numeric, cogo.milliseconds(a.claimed_at, cogo.now())
         ),
         input_tokens = (v_usage ->> 'input_tokens')::bigint,
         cached_tokens = (v_usage ->> 'cached_tokens')::bigint,
         output_tokens = (v_usage ->> 'output_tokens')::bigint,
         reasoning_tokens = (v_usage ->> 'reasoning_tokens')::bigint,
         finish_reason = v_usage ->> 'finish_reason',
         cost_usd = case
           when v_usage is not null then (v_usage ->> 'cost_usd')::numeric
           when a.lane = 'cio' or p_outcome in ('completed', 'failed', 'rerouted') then 0
         end
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt and a.ended_at is null
  returning a.* into v_attempt;

  if v_usage is not null or v_attempt.cost_usd is null then
    update public.cogo_tasks t
       set cost_usd = t.cost_usd + v_attempt.cost_usd,
           input_tokens = t.input_tokens + coalesce(v_attempt.input_tokens, 0),
           cached_tokens = t.cached_tokens + coalesce(v_attempt.cached_tokens, 0),
           output_tokens = t.output_tokens + coalesce(v_attempt.output_tokens, 0),
           reasoning_tokens = t.reasoning_tokens + coalesce(v_attempt.reasoning_tokens, 0)
     where t.id = v_attempt.task_id;
  end if;
end;
$$;
comment on function cogo.close_attempt(uuid, integer, text, jsonb, jsonb) is
  'Ends an attempt and books its tokens and its cost on the task. The caller holds the task lock.';

revoke all on function cogo.close_attempt(uuid, integer, text, jsonb, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.close_attempt(uuid, integer, text, jsonb, jsonb) to service_role;
