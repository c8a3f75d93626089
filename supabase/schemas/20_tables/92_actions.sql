-- Outlives what it is about, so without foreign keys. Only triggers and functions of ours add rows, and
-- nobody has the right to change or delete one.
create table if not exists public.cogo_actions (
  id bigint generated always as identity primary key,
  at timestamptz not null default cogo.now(),
  who text not null,
  kind text not null,
  subject text not null,
  before jsonb,
  after jsonb,
  reason text
);
comment on table public.cogo_actions is
  'What operators have done: every change of a control, and what they did to tasks of others.
Append-only.';
comment on column public.cogo_actions.who is
  'key:ID or user:ID of a request to the gateway, cli:USER@HOST, an agent, or database:ROLE.';
comment on column public.cogo_actions.before is
  'What has changed, as it was; null if it did not exist.';
comment on column public.cogo_actions.after is
  'What has changed, as it is now; null if it was removed.';
create index if not exists cogo_actions_at on public.cogo_actions (at);
alter table public.cogo_actions enable row level security;

create table if not exists cogo.spending_stop (
  id boolean not null primary key default true check (id),
  since timestamptz not null default cogo.now(),
  who text not null default cogo.current_who(),
  reason text
);
comment on table cogo.spending_stop is
  'A row while spending is stopped: no call to a model begins, and nothing is claimed that makes one.';
alter table cogo.spending_stop enable row level security;
