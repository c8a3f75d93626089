-- Candidates as columns.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

comment on column public.cogo_model_selections.candidates is
  'Columns: model_id and provider of each candidate, the ranking first; expected has the numbers of those
in the ranking, by name; notes what only some have, by model_id. Before, one object for each candidate.';

insert into cogo.schema_versions (version) values ('20261130085706')
on conflict (version) do nothing;
