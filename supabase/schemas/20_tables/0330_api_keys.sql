-- Keys have 256 random bits, so a plain hash is as hard to turn back as a slow one.
create table if not exists cogo.api_keys (
  id text not null primary key,
  name text not null,
  hash text not null,
  owner uuid,
  scopes text[] not null default '{}',
  created_at timestamptz not null default cogo.now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
comment on table cogo.api_keys is
  'Keys of the HTTP gateway: who may ask, for whom, for how long. Only the SHA-256 is stored.';

alter table cogo.api_keys enable row level security;
revoke all on cogo.api_keys from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.api_keys to service_role;
