-- Security definer: agents do not write what is not whole yet.
create or replace function cogo.drop_old_parts()
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$
  delete from cogo.document_parts p where p.created_at < cogo.now() - interval '1 day';
$$;
comment on function cogo.drop_old_parts is
  'Delete parts of documents that did not become whole: whoever sent them has given up.';

-- Runs as the agent that calls it. One statement for each purpose: what it asks for.
create or replace function public.cogo_run_memory(
  p_agent_id text, p_embedding_model text default null, p_limit integer default 200
)
  returns table (asked integer, applied integer, is_more boolean, problem text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
  v_applied record;
  v_moved record;
  v_rival text;
begin
  perform cogo.set_actor(p_agent_id);
  asked := 0;
  applied := 0;
  is_more := cogo.index_tasks(v_limit) >= v_limit;
  is_more := cogo.sum_hours(greatest(1, v_limit / 100)) or is_more;
  -- A copy of the database asks for nothing by itself.
  problem := cogo.instance_problem();
  if problem is not null then
    return next;
    return;
  end if;
  perform cogo.drop_old_parts();
  perform cogo.end_embeddings();
  -- Each result may have the vectors of 64 texts.
  select a.* into v_applied from cogo.apply_follow_ups(greatest(1, v_limit / 50)) a;
  applied := v_applied.applied;
  problem := v_applied.problem;
  select m.* into v_moved from cogo.move_vectors(v_limit) m;
  problem := coalesce(v_moved.problem, problem);
  begin
    v_rival := cogo.find_rival(p_agent_id, p_embedding_model);
    if v_rival is null then
      asked := cogo.ask_embeddings(p_embedding_model, v_limit);
    else
      problem := format(
        '%s, so this agent asks for no vectors of %s: give all orchestrators the same model of memory',
        left(v_rival, 500), left(p_embedding_model, 200)
      );
    end if;
  exception
    when others then
      problem := 'nothing can be embedded: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_summaries(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'nothing can be summarised: ' || left(sqlerrm, 500);
  end;
  begin
    asked := asked + cogo.ask_extractions(greatest(1, v_limit / 10));
  exception
    when others then
      problem := 'no facts can be asked for: ' || left(sqlerrm, 500);
  end;
  is_more := is_more or v_applied.seen > 0 or v_moved.moved > 0 or asked >= v_limit;
  return next;
end;
$$;
comment on function public.cogo_run_memory is
  'Apply the results of finished follow-up tasks of memory and submit new ones, such as EMBED tasks for
memories without a vector; add words of ended tasks to the search; sum usage by hour. is_more: call it
again at once. Orchestrators call this.';
