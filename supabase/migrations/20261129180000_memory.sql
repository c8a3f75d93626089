-- Memory.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.is_calling_lane(p_lane text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
RETURN (cogo.is_model_lane(p_lane) OR (p_lane ~~ 'tools:cogo.embeddings/_%'::text) OR (p_lane ~~ 'tools:cogo.rerank/_%'::text));

comment on function cogo.is_calling_lane(text) is
  'Return whether the subtasks of a lane pay for calls, which are in the audit log: those of a model,
embeddings and rankings.';

insert into cogo.schema_versions (version) values ('20261129180000')
on conflict (version) do nothing;
