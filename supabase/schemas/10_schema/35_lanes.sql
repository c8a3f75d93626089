-- Equal to protocol/lanes.py; a test compares them.
create or replace function cogo.is_model_lane(p_lane text)
  returns boolean language sql immutable
  return p_lane not in ('cio', 'wait') and p_lane not like 'sandbox:%' and p_lane not like 'tools:%';
comment on function cogo.is_model_lane is
  'Return whether the subtasks of a lane are calls of a model, which is then its name.';

create or replace function cogo.is_calling_lane(p_lane text)
  returns boolean language sql immutable
  return cogo.is_model_lane(p_lane) or p_lane like 'tools:cogo.embeddings/_%'
    or p_lane like 'tools:cogo.rerank/_%';
comment on function cogo.is_calling_lane is
  'Return whether the subtasks of a lane pay for calls, which are in the audit log: those of a model,
embeddings and rankings.';
