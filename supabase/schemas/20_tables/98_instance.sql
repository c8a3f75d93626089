-- One row in general. A dump that is restored over a database in use adds that of its origin, which is
-- how the copy is found out; cogo_adopt_instance() leaves one again.
create table if not exists cogo.instance (
  system_identifier text not null primary key,
  hosts text[] not null,
  adopted_at timestamptz not null default cogo.now(),
  adopted_by text not null,
  verified_until timestamptz not null,
  inherited_to bigint,
  constraint instance_hosts check (cardinality(hosts) > 0)
);
comment on table cogo.instance is
  'The server and the addresses under which this database runs columns and scheduled tasks. A copy has
others: it does so only after cogo_adopt_instance(). Empty until the first agent starts.';
comment on column cogo.instance.system_identifier is
  'What cogo.read_system_identifier() returned.';
comment on column cogo.instance.hosts is
  'The hosts of SUPABASE_URL under which agents may reach it; loopback for all names of this machine.';
comment on column cogo.instance.inherited_to is
  'Set while this is a copy: tasks up to this seq came with it.';
alter table cogo.instance enable row level security;
