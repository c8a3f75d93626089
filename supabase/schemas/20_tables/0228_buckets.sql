create table if not exists cogo.buckets (
  bucket text not null primary key,
  tokens double precision not null default 0,
  refilled_at timestamptz,
  request_id uuid
) with (fillfactor = 50);
comment on table cogo.buckets is
  'Token buckets of the rate limits that all executors share; the rates are the catalogue''s.';
comment on column cogo.buckets.request_id is 'The last draw that was granted, should it be repeated.';

alter table cogo.buckets enable row level security;
revoke all on cogo.buckets from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.buckets to service_role;
