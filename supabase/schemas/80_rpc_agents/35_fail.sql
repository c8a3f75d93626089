create or replace function public.cogo_fail_subtask(
  p_agent_id text,
  p_subtask_id uuid,
  p_attempt integer,
  p_error jsonb,
  p_action text default 'retry',
  p_retry_after_seconds numeric default null,
  p_usage jsonb default null,
  p_output jsonb default null
)
  returns table (
    subtask_id uuid, attempt integer, answer text, status text, run_at timestamptz, after_ms bigint
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_answer text;
  -- A failure can always be recorded: an unreadable error is reduced to its class and message.
  v_error constant jsonb := case when cogo.validate_json(p_error) is null then p_error
    else jsonb_build_object('class', p_error ->> 'class', 'message', p_error ->> 'message') end;
begin
  perform cogo.set_actor(p_agent_id);
  if p_action is null or p_action not in ('retry', 'reroute', 'give_up', 'snooze') then
    raise exception using
      errcode = 'TQ004', message = 'p_action must be retry, reroute, give_up or snooze';
  elsif jsonb_typeof(p_error) is distinct from 'object' or p_error ->> 'class' is null then
    raise exception using
      errcode = 'TQ004', message = 'p_error must be an object with class and message';
  end if;

  perform cogo.lock_tasks(array[p_subtask_id]);
  select s.* into v_subtask from cogo.subtasks s where s.id = p_subtask_id;
  select a.* into v_attempt
    from public.cogo_attempts a where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
  v_answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
  if v_answer = 'held' then
    perform cogo.fail_attempt(
      v_subtask, v_error, p_action, p_retry_after_seconds, p_usage, p_output
    );
  elsif v_answer = 'closing' then
    perform cogo.cancel_running(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'cancelled' then
    perform cogo.book_late_usage(p_subtask_id, p_attempt, p_usage);
  elsif v_answer = 'released' and v_attempt.error ->> 'class' <> 'released' then
    v_answer := 'snoozed';
  end if;

  return query
    select p_subtask_id, p_attempt,
           case
             when v_answer = 'held' then 'ok'
             when v_answer in ('failed', 'rerouted', 'snoozed') then 'duplicate'
             when v_answer in ('closing', 'cancelled') then 'closed'
             when v_answer = 'unknown' then 'unknown'
             else 'stale'
           end,
           s.status, s.run_at, cogo.elapsed_ms(cogo.now(), s.run_at)
      from (select) as always
      left join cogo.subtasks s on s.id = p_subtask_id;
end;
$$;
comment on function public.cogo_fail_subtask is
  'End a failed attempt: retry (after p_retry_after_seconds, at most a day, else backoff with full
jitter), reroute (another model), give_up (dead letter, the task fails), snooze (later, counts no
failure). p_output is what it had written: content, reasoning, turn. Answers ok, duplicate, stale,
closed or unknown, the status of the subtask, and in how many milliseconds it may be claimed again.';
