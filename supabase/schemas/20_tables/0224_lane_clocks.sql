create sequence if not exists cogo.lane_services;
revoke all on sequence cogo.lane_services from public, anon, authenticated, service_role;
grant usage on sequence cogo.lane_services to service_role;

create table if not exists cogo.lane_clocks (
  lane text not null primary key,
  round bigint not null default 0,
  served bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
comment on table cogo.lane_clocks is
  'How far each lane has come: the highest round of which a subtask was claimed. Never goes back,
which is what keeps latecomers from passing those that wait for ever.';
comment on column cogo.lane_clocks.served is
  'Grows with each claim: of several lanes that of the least number was served longest ago.';

alter table cogo.lane_clocks enable row level security;
revoke all on cogo.lane_clocks from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.lane_clocks to service_role;
