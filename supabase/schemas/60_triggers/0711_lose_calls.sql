create or replace function cogo.lose_calls()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  -- Mostly its holder said how they ended.
  if not exists (
    select from ended e join cogo.reservations r using (subtask_id, attempt)
     where e.ended_at is not null
  ) then
    return null;
  end if;
  with gone as (
    delete from cogo.reservations r
     using ended e
     where r.subtask_id = e.subtask_id and r.attempt = e.attempt and e.ended_at is not null
    returning r.*
  )
  insert into public.cogo_calls (
    id, outcome, task_id, subtask_id, attempt, owner, agent_id, model_id, provider, provider_model,
    regions, simulated, key_label, started_at, ended_at, cost_usd, masked_keys, prompt_sha256
  )
  select g.call_id, 'lost', g.task_id, g.subtask_id, g.attempt,
         nullif(g.owner, '00000000-0000-0000-0000-000000000000'), g.agent_id, c.model_id,
         g.provider, c.provider_model, c.regions, coalesce(c.simulated, false), c.key_label,
         g.made_at, cogo.now(), case when c.simulated then 0 end, c.masked_keys, c.prompt_sha256
    from gone g
    cross join jsonb_populate_record(null::public.cogo_calls, g.call) c
  on conflict do nothing;
  return null;
end;
$$;
comment on function cogo.lose_calls() is
  'An attempt that ends with a call of which nobody said how it ended: the money that was reserved
for it is free again, and the audit says that the call is lost.';

revoke all on function cogo.lose_calls() from public, anon, authenticated, service_role;

create or replace trigger lose_calls
  after update on public.cogo_attempts
  referencing new table as ended
  for each statement execute function cogo.lose_calls();
