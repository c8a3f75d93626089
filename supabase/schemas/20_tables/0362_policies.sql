create table if not exists cogo.policies (
  owner uuid not null primary key,
  policy text not null,
  who text not null,
  set_at timestamptz not null default cogo.now()
);
comment on table cogo.policies is
  'Which selection policy holds for an owner''s tasks; the nil uuid stands for the deployment.';

alter table cogo.policies enable row level security;
revoke all on cogo.policies from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.policies to service_role;
