create table if not exists public.cogo_messages (
  owner uuid,
  session_id uuid not null,
  seq bigint generated always as identity,
  role text not null,
  content text not null,
  task_id uuid references public.cogo_tasks (id) on delete set null,
  created_at timestamptz not null default cogo.now(),
  primary key (session_id, seq),
  -- Without an owner it is not checked: cogo.forget_session() does what it would.
  constraint cogo_messages_session foreign key (owner, session_id)
    references public.cogo_sessions (owner, id) on delete cascade
);
comment on table public.cogo_messages is 'What was said in a session, in order of seq.';

create index if not exists cogo_messages_task on public.cogo_messages (task_id)
  where task_id is not null;

alter table public.cogo_messages enable row level security;
drop policy if exists "owners read their messages" on public.cogo_messages;
create policy "owners read their messages" on public.cogo_messages
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_messages from public, anon, authenticated, service_role;
grant select on public.cogo_messages to authenticated;
grant select, insert, update, delete on public.cogo_messages to service_role;
