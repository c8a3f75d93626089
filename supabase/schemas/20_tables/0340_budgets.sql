create table if not exists cogo.budgets (
  scope text not null check (scope in ('total', 'owner', 'provider')),
  key text not null,
  per text not null check (per in ('day', 'month', 'ever')),
  limit_usd numeric not null check (limit_usd >= 0),
  allow_unpriced boolean not null default false,
  is_default boolean not null default false,
  spent_usd numeric not null default 0,
  period_start timestamptz not null,
  primary key (scope, key, per),
  constraint budgets_key check ((scope = 'total') = (key = ''))
);
comment on table cogo.budgets is
  'Caps on what may be spent, set by operators. A task''s own cap is its budget_usd.';
comment on column cogo.budgets.key is
  'Of scope owner the uuid (the nil uuid: tasks without one), anonymous (all anonymous sign-ins together)
or * (the default of each owner without a cap of their own); of provider its id, of total empty.';
comment on column cogo.budgets.is_default is
  'Made from the default * at the first call of an owner whom operators gave no cap.';
comment on column cogo.budgets.spent_usd is
  'Of settled calls since period_start; what runs is in cogo.reservations.';

alter table cogo.budgets enable row level security;
revoke all on cogo.budgets from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.budgets to service_role;
