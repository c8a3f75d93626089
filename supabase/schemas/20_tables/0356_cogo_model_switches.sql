create table if not exists public.cogo_model_switches (
  seq bigint generated always as identity primary key,
  at timestamptz not null default cogo.now(),
  kind text not null check (kind in ('health', 'control', 'policy')),
  subject text not null,
  scope text not null default 'everywhere',
  was text,
  became text not null,
  reason text not null,
  numbers jsonb not null default '{}',
  who text not null
);
comment on table public.cogo_model_switches is
  'Every change of what may be chosen: health by traffic, and what operators set. Operators only.';
comment on column public.cogo_model_switches.subject is 'A model, a provider, or the word policy.';
comment on column public.cogo_model_switches.scope is
  'everywhere, owner:<uuid> or task_type:<type>.';

create index if not exists cogo_model_switches_at on public.cogo_model_switches (at);

alter table public.cogo_model_switches enable row level security;
revoke all on public.cogo_model_switches from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.cogo_model_switches to service_role;
