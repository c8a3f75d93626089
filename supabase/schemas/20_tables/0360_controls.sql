create table if not exists cogo.controls (
  scope text not null,
  subject text not null,
  action text not null check (action in ('pin', 'ban', 'drain')),
  reason text not null,
  who text not null,
  set_at timestamptz not null default cogo.now(),
  primary key (scope, subject)
);
comment on table cogo.controls is
  'What operators say about models and providers; without a row everything is allowed.';
comment on column cogo.controls.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
comment on column cogo.controls.action is
  'pin: taken before all others; ban: never taken; drain: taken only by who asks for it by name.';

create unique index if not exists controls_pin on cogo.controls (scope) where action = 'pin';

alter table cogo.controls enable row level security;
revoke all on cogo.controls from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.controls to service_role;
