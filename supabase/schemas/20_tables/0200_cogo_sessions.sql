create table if not exists public.cogo_sessions (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  owner uuid,
  title text,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_sessions_owner_id unique nulls not distinct (owner, id)
);
comment on table public.cogo_sessions is
  'A conversation that tasks share. Made by the first task that names it. Its id belongs to its owner:
two owners may use the same one and never meet.';

create index if not exists cogo_sessions_owner on public.cogo_sessions (owner, created_at);

alter table public.cogo_sessions enable row level security;
drop policy if exists "owners read their sessions" on public.cogo_sessions;
create policy "owners read their sessions" on public.cogo_sessions
  for select to authenticated using (owner = (select auth.uid()));

revoke all on public.cogo_sessions from public, anon, authenticated, service_role;
grant select on public.cogo_sessions to authenticated;
grant select, insert, update, delete on public.cogo_sessions to service_role;
