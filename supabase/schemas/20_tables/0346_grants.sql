create table if not exists cogo.grants (
  owner uuid not null,
  kind text not null check (kind in ('model', 'provider', 'alias', 'priority')),
  name text not null,
  primary key (owner, kind, name)
);
comment on column cogo.grants.kind is
  'alias is another name of a granted model, in lower case: people ask by any of them. priority is the
highest (the least number) that counts among owners: without one it is 5 for everybody.';
comment on table cogo.grants is
  'What operators granted an owner: which models and providers they may use (all, without such a row)
and how far their priorities count. The nil uuid stands for tasks without an owner.';

alter table cogo.grants enable row level security;
revoke all on cogo.grants from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.grants to service_role;
