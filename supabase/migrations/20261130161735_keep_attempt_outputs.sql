-- Keep attempt outputs.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table public.cogo_attempts add column output jsonb;

create or replace function cogo.fail_attempt(p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb, p_output jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_interval(p_after_seconds);  -- null: backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  perform cogo.keep_attempt_output(p_subtask.id, p_subtask.attempt, p_output);
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.dead_letter_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' and (cogo.is_model_lane(p_subtask.lane) or p_subtask.lane = 'cio') then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter, so that subtasks which failed together are not retried together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$function$;

create or replace function cogo.keep_attempt_output(p_subtask_id uuid, p_attempt integer, p_output jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_output jsonb := case when jsonb_typeof(p_output) = 'object' then p_output end;
begin
  if v_output is null then
    select jsonb_build_object('content', c.content, 'reasoning', c.reasoning, 'turn', c.turn)
      into v_output
      from cogo.checkpoints c where c.subtask_id = p_subtask_id and c.attempt = p_attempt;
  end if;
  if coalesce(v_output ->> 'content', '') = '' and coalesce(v_output ->> 'reasoning', '') = '' then
    return;
  end if;
  update public.cogo_attempts a
     set output = jsonb_strip_nulls(jsonb_build_object(
           'text', coalesce(left(v_output ->> 'content', 65536), ''),
           'reasoning', nullif(left(v_output ->> 'reasoning', 65536), ''),
           'turn', cogo.to_integer(v_output ->> 'turn'),
           'characters', case when length(v_output ->> 'content') > 65536
                              then length(v_output ->> 'content') end
         ))
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
end;
$function$;

create or replace function cogo.take_back_lease(p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  perform cogo.keep_attempt_output(p_subtask.id, p_subtask.attempt);
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.dead_letter_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$function$;

create or replace function public.cogo_fail_subtask(p_agent_id text, p_subtask_id uuid, p_attempt integer, p_error jsonb, p_action text DEFAULT 'retry'::text, p_retry_after_seconds numeric DEFAULT NULL::numeric, p_usage jsonb DEFAULT NULL::jsonb, p_output jsonb DEFAULT NULL::jsonb)
 RETURNS TABLE(subtask_id uuid, attempt integer, answer text, status text, run_at timestamp with time zone, after_ms bigint)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

drop function cogo.fail_attempt(cogo.subtasks,jsonb,text,numeric,jsonb);

drop function public.cogo_fail_subtask(text,uuid,integer,jsonb,text,numeric,jsonb);

comment on column public.cogo_attempts.output is
  'What it had written when it failed, or when its lease was taken back: text, reasoning, the turn, and
characters if the text was cut to 65,536. Null if it had written nothing. The accepted output is that
of the subtask.';

comment on function cogo.fail_attempt(cogo.subtasks,jsonb,text,numeric,jsonb,jsonb) is
  'End a held attempt as failed, keep what it had written, and apply p_action to the subtask.';

comment on function cogo.keep_attempt_output(uuid,integer,jsonb) is
  'Store what an attempt has written that ends without its output being accepted: p_output, with content,
reasoning and turn, or else its checkpoint.';

comment on function public.cogo_fail_subtask(text,uuid,integer,jsonb,text,numeric,jsonb,jsonb) is
  'End a failed attempt: retry (after p_retry_after_seconds, at most a day, else backoff with full
jitter), reroute (another model), give_up (dead letter, the task fails), snooze (later, counts no
failure). p_output is what it had written: content, reasoning, turn. Answers ok, duplicate, stale,
closed or unknown, the status of the subtask, and in how many milliseconds it may be claimed again.';

revoke all on function cogo.fail_attempt(cogo.subtasks,jsonb,text,numeric,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.fail_attempt(cogo.subtasks,jsonb,text,numeric,jsonb,jsonb) to service_role;

revoke all on function cogo.keep_attempt_output(uuid,integer,jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.keep_attempt_output(uuid,integer,jsonb) to service_role;

revoke all on function public.cogo_fail_subtask(text,uuid,integer,jsonb,text,numeric,jsonb,jsonb) from public, anon, authenticated, service_role;

grant execute on function public.cogo_fail_subtask(text,uuid,integer,jsonb,text,numeric,jsonb,jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130161735')
on conflict (version) do nothing;
