create table if not exists cogo.model_health (
  model_id text not null primary key,
  health text not null default 'ok' check (health in ('ok', 'degraded', 'open')),
  reason text,
  since timestamptz not null default cogo.now(),
  on_trial boolean not null default false,
  trips integer not null default 0,
  retry_at timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  in_a_row integer not null default 0,
  paced double precision not null default 0,
  pace double precision not null default 0,
  usual_paced double precision not null default 0,
  usual_pace double precision not null default 0,
  counted_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.model_health is
  'How well each model answers now, judged by its traffic alone, and what it was judged by.';
comment on column cogo.model_health.health is
  'ok; degraded: it answers worse or slower than it used to; open: it does not answer.';
comment on column cogo.model_health.answered is
  'Like failed, paced and pace a moving sum in which an attempt weighs half after 30 seconds.';
comment on column cogo.model_health.pace is 'Sum of milliseconds for a token of output.';
comment on column cogo.model_health.usual_pace is
  'The same with half after an hour, counted only while the model was well: its own baseline.';
comment on column cogo.model_health.on_trial is
  'It came back because time passed, not because it was seen to answer: less makes it unwell again.';
comment on column cogo.model_health.trips is 'How often in a row it became unwell: each lasts longer.';

alter table cogo.model_health enable row level security;
revoke all on cogo.model_health from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.model_health to service_role;
