-- One narrow row for each place where a model is served. Counts are moving: an outcome weighs half
-- after 40 seconds.
create table if not exists cogo.deployments (
  deployment text not null primary key,
  model_id text,
  provider text,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  open_until timestamptz,
  openings integer not null default 0,
  not_before timestamptz,
  trial_id uuid,
  trial_agent text,
  trial_until timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  consecutive integer not null default 0,
  failing_since timestamptz,
  last_error jsonb,
  last_error_at timestamptz,
  changed_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.deployments is
  'The circuit breaker of each deployment, shared by all executors, and what it was judged by.';
comment on column cogo.deployments.state is
  'closed: calls pass; open: none until open_until; half_open: the one of trial_agent.';
comment on column cogo.deployments.openings is
  'How often it opened since the last answer: each time it stays open twice as long.';
comment on column cogo.deployments.not_before is
  'The vendor asked to wait until then (Retry-After), which is no failure.';

alter table cogo.deployments enable row level security;
revoke all on cogo.deployments from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.deployments to service_role;
