-- Security definer: a person may not insert sessions, but a task that names a new one makes it.
create or replace function cogo.prepare_task()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if not cogo.is_operator() then
    new.owner := auth.uid();
    if new.owner is null then
      raise exception using
        errcode = 'insufficient_privilege', message = 'the access token names no user';
    end if;
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.type := coalesce(new.type, 'GENERATE_CODE');
  new.params := coalesce(new.params, '{}');
  new.model := cogo.requested_model(new.model);
  new.priority := coalesce(new.priority, 5);
  new.preferences := coalesce(new.preferences, '{}');
  new.stream := coalesce(new.stream, true);

  new.status := 'pending';
  new.result := null;
  new.error := null;
  new.cost_usd := 0;
  new.input_tokens := 0;
  new.cached_tokens := 0;
  new.output_tokens := 0;
  new.reasoning_tokens := 0;
  new.simulated := false;
  new.cancel_requested_at := null;
  new.paused_at := null;
  new.created_at := cogo.now();
  new.started_at := null;
  new.finished_at := null;

  if new.session_id is not null then
    insert into public.cogo_sessions (id, owner, title)
    values (new.session_id, new.owner, left(new.prompt, 80))
    on conflict (owner, id) do nothing;
  end if;
  return new;
end;
$$;
comment on function cogo.prepare_task() is
  'Fills what a person left out, resets what is not theirs to set, and makes the session.';

revoke all on function cogo.prepare_task() from public, anon, authenticated, service_role;

create or replace trigger prepare
  before insert on public.cogo_tasks
  for each row execute function cogo.prepare_task();
