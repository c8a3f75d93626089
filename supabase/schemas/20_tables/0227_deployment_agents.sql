create table if not exists cogo.deployment_agents (
  deployment text not null references cogo.deployments (deployment) on delete cascade,
  agent_id text not null,
  report bigint not null default 0,
  unreachable integer not null default 0,
  unreachable_at timestamptz,
  concurrency integer,
  running integer,
  reported_at timestamptz not null default cogo.now(),
  primary key (deployment, agent_id)
) with (fillfactor = 50);
comment on table cogo.deployment_agents is
  'What each executor sees of a deployment: its room there, and connections that failed for it.';
comment on column cogo.deployment_agents.report is
  'The number of the last report that was counted; numbers only grow, so none is counted twice.';
comment on column cogo.deployment_agents.unreachable is
  'Connections that failed in a row. One executor''s may be its own fault, so it opens no circuit.';

alter table cogo.deployment_agents enable row level security;
revoke all on cogo.deployment_agents from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.deployment_agents to service_role;
