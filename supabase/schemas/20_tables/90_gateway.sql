-- Keys have 256 random bits, so a fast hash is as safe as a slow one.
create table if not exists cogo.api_keys (
  id text not null primary key,
  name text not null,
  hash text not null,
  owner uuid,
  scopes text[] not null default '{}',
  created_at timestamptz not null default cogo.now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  project text
);
comment on table cogo.api_keys is
  'Keys of the HTTP gateway with owner, scopes and expiry. Only the SHA-256 is stored.';
comment on column cogo.api_keys.project is
  'The only project whose tasks it sees and makes; null: not restricted.';
alter table cogo.api_keys enable row level security;

create table if not exists cogo.grants (
  owner uuid not null,
  kind text not null check (kind in ('model', 'provider', 'alias', 'priority', 'tool')),
  name text not null,
  primary key (owner, kind, name)
);
comment on column cogo.grants.kind is
  'model, provider; alias: another name of a granted model, in lower case; priority: the highest (lowest
number) that counts among owners, 5 without such a row; tool: the name of a tool as in params.tools, all
of a source, as mcp:docs/*, or none.';
comment on table cogo.grants is
  'What operators granted an owner: models and providers (all, without such a row), tools (all, without
such a row) and a priority among owners. The nil uuid stands for tasks without an owner.';
create index if not exists grants_priority on cogo.grants (name) where kind = 'priority';
alter table cogo.grants enable row level security;

create table if not exists cogo.cached_answers (
  key text not null primary key,
  owner uuid,
  model_id text not null,
  answer jsonb not null,
  hits bigint not null default 0,
  created_at timestamptz not null default cogo.now(),
  expires_at timestamptz not null
);
comment on table cogo.cached_answers is
  'Cached answers to identical requests. The key is a hash of the request, the model and, unless the
operator shares the cache, the owner: no prompt is stored here.';
create index if not exists cached_answers_expiry on cogo.cached_answers (expires_at);
alter table cogo.cached_answers enable row level security;

create table if not exists cogo.write_checks (
  at timestamptz not null default cogo.now()
);
comment on table cogo.write_checks is 'When a health check last wrote: one row at most.';
alter table cogo.write_checks enable row level security;
