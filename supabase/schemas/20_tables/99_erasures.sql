-- What was erased, without anything of whom: the owner is a hash.
create table if not exists cogo.erasures (
  id uuid not null default gen_random_uuid() primary key,
  owner_sha256 text not null,
  requested_by text,
  counts jsonb not null default '{}',
  started_at timestamptz not null default cogo.now(),
  finished_at timestamptz,
  receipt_sha256 text
);
create unique index if not exists erasures_open
  on cogo.erasures (owner_sha256) where finished_at is null;
comment on table cogo.erasures is
  'Erasures of owners and projects: rows by table, when, who asked, and the SHA-256 of the receipt. They
go on where they were interrupted while finished_at is null.';
comment on column cogo.erasures.owner_sha256 is 'Of the owner, or of `project:` and the name.';
alter table cogo.erasures enable row level security;
