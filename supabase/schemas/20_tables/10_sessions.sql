create table if not exists public.cogo_sessions (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  owner uuid,
  title text,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_sessions_owner_id unique nulls not distinct (owner, id)
);
comment on table public.cogo_sessions is
  'A conversation that tasks share, created by the first task that names it. Two owners may use the
same id; their sessions are separate.';
create index if not exists cogo_sessions_owner on public.cogo_sessions (owner, created_at);
alter table public.cogo_sessions enable row level security;
drop policy if exists "owners read their sessions" on public.cogo_sessions;
create policy "owners read their sessions" on public.cogo_sessions
  for select to authenticated using (owner = (select auth.uid()));
