create or replace function cogo.record_selection(
  p_selection jsonb, p_task_id uuid, p_subtask_id uuid
)
  returns public.cogo_model_selections language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_request_id uuid := cogo.to_uuid(p_selection ->> 'request_id');
  v_selection public.cogo_model_selections;
begin
  -- Its id is a hash of its content, so the same content later is a new request.
  if (p_selection ->> 'unnamed_request')::boolean then
    update public.cogo_model_selections m
       set request_id = null
     where m.request_id = v_request_id and m.created_at < cogo.now() - interval '10 seconds';
  end if;
  insert into public.cogo_model_selections (
    request_id, task_id, subtask_id, requested_model, selected_model, provider, policy, requirements,
    candidates, reason, agent_id
  ) values (
    v_request_id, p_task_id, p_subtask_id,
    p_selection ->> 'requested_model', p_selection ->> 'selected_model',
    p_selection ->> 'provider', p_selection ->> 'policy',
    coalesce(nullif(p_selection -> 'requirements', 'null'), '{}'),
    coalesce(nullif(p_selection -> 'candidates', 'null'), '[]'),
    p_selection ->> 'reason', cogo.current_actor()
  )
  on conflict (request_id) where request_id is not null do nothing
  returning * into v_selection;
  if v_selection.id is null then
    -- Another orchestrator has answered this request.
    select m.* into v_selection
      from public.cogo_model_selections m
     where m.request_id = v_request_id;
    return v_selection;
  end if;

  perform cogo.notify(
    'model-selection', 'MODEL_SELECTION_RESPONSE',
    jsonb_build_object(
      'request_id', v_selection.request_id,
      'task_id', coalesce(p_selection ->> 'task_id', v_selection.task_id::text),
      'subtask_id', coalesce(p_selection ->> 'subtask_id', v_selection.subtask_id::text),
      'requested_model', v_selection.requested_model,
      'selected_model', v_selection.selected_model,
      'available_models', coalesce(nullif(p_selection -> 'available_models', 'null'), '[]'),
      'model_capabilities', coalesce(nullif(p_selection -> 'model_capabilities', 'null'), '{}'),
      'selection_reason', v_selection.reason,
      'timestamp', cogo.iso_timestamp(v_selection.created_at)
    ) || case
      when v_selection.selected_model is null then
        jsonb_build_object('error', v_selection.reason)
      else '{}'
    end,
    cogo.current_actor(), 'cogo-model-selection'
  );
  return v_selection;
end;
$$;
comment on function cogo.record_selection is
  'Store and announce a selection of a model, or that there is none. Only the first answer to a request
counts.';
