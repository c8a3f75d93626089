create or replace function cogo.reserved_usd(p_scope text, p_key text)
  returns numeric
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(sum(r.usd), 0)
    from cogo.reservations r
   where case p_scope
           when 'total' then true
           when 'owner' then p_key in (r.owner::text, r.budget_key)
           when 'provider' then r.provider = p_key
           when 'task' then r.task_id = p_key::uuid
         end
     and (r.subtask_id is not null or r.made_at > cogo.now() - interval '1 hour');
$$;
comment on function cogo.reserved_usd(text, text) is
  'What the calls that run now may cost at most, as far as they count towards a cap.';

revoke all on function cogo.reserved_usd(text, text) from public, anon, authenticated, service_role;
grant execute on function cogo.reserved_usd(text, text) to service_role;
