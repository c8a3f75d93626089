create or replace function cogo.forget_session()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  delete from public.cogo_messages m where m.owner is null and m.session_id = old.id;
  update public.cogo_tasks t
     set session_id = null
   where t.owner is null and t.session_id = old.id;
  return null;
end;
$$;
comment on function cogo.forget_session() is
  'Deletes the messages of a session without an owner with it, which no foreign key can.';

revoke all on function cogo.forget_session() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on public.cogo_sessions
  for each row when (old.owner is null) execute function cogo.forget_session();
