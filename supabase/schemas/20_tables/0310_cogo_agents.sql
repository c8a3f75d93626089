create table if not exists public.cogo_agents (
  id text not null primary key,
  kind text not null check (kind in ('orchestrator', 'executor')),
  lanes text[] not null default '{}',
  capacity integer not null default 0,
  running integer not null default 0,
  version text,
  host text,
  pid integer,
  details jsonb not null default '{}',
  started_at timestamptz not null default cogo.now(),
  heartbeat_at timestamptz not null default cogo.now(),
  stopped_at timestamptz
);
comment on table public.cogo_agents is
  'Who is alive and what it can serve. Operators only: hosts and pids are nobody else''s business.';

alter table public.cogo_agents enable row level security;
revoke all on public.cogo_agents from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.cogo_agents to service_role;
