create table if not exists cogo.grants (
  owner uuid not null,
  kind text not null check (kind in ('model', 'provider', 'alias')),
  name text not null,
  primary key (owner, kind, name)
);
comment on column cogo.grants.kind is
  'alias is another name of a granted model, in lower case: people ask by any of them.';
comment on table cogo.grants is
  'Which models and providers an owner may use, set by operators; an owner without a row may use
all. The nil uuid stands for tasks without an owner.';

alter table cogo.grants enable row level security;
revoke all on cogo.grants from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.grants to service_role;
