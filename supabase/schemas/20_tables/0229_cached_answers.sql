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
  'Answers to requests that may come again word for word. The key is a hash of the request, the model
and, unless the operator shares the cache, the owner: no prompt lies here.';
create index if not exists cached_answers_expiry on cogo.cached_answers (expires_at);

alter table cogo.cached_answers enable row level security;
revoke all on cogo.cached_answers from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.cached_answers to service_role;
