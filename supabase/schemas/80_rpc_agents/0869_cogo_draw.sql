create or replace function public.cogo_draw(p_request_id uuid, p_draws jsonb)
  returns table (granted boolean, wait_seconds numeric)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  if p_request_id is null or jsonb_typeof(p_draws) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_request_id must be a uuid, p_draws an array of objects';
  end if;
  insert into cogo.buckets (bucket)
  select d ->> 'bucket' from jsonb_array_elements(p_draws) d order by 1
  on conflict do nothing;
  perform from cogo.buckets b
    where b.bucket in (select d ->> 'bucket' from jsonb_array_elements(p_draws) d)
    order by b.bucket
      for no key update;
  if exists (
    select from cogo.buckets b
      join jsonb_array_elements(p_draws) d on d ->> 'bucket' = b.bucket
     where b.request_id = p_request_id
  ) then
    return query select true, 0::numeric;
    return;
  end if;

  return query
    with draws as materialized (
      select b.bucket,
             (d ->> 'amount')::float8 as amount,
             (d ->> 'per_minute')::integer as per_minute,
             cogo.allowance((d ->> 'per_minute')::integer, b.tokens, b.refilled_at, v_now) as left,
             -- More than a full bucket is granted by a full one, and paid back by waiting.
             least(
               (d ->> 'amount')::float8,
               cogo.allowance((d ->> 'per_minute')::integer, null, null, v_now)
             ) as needed
        from jsonb_array_elements(p_draws) d
        join cogo.buckets b on b.bucket = d ->> 'bucket'
    ), verdict as materialized (
      select bool_and(w.left >= w.needed) as granted,
             max(greatest(0, (w.needed - w.left) * 60 / w.per_minute)) as seconds
        from draws w
    ), taken as (
      update cogo.buckets b
         set tokens = w.left - w.amount, refilled_at = v_now, request_id = p_request_id
        from draws w, verdict v
       where v.granted and b.bucket = w.bucket
    )
    select coalesce(v.granted, true), round(coalesce(v.seconds, 0)::numeric, 3) from verdict v;
end;
$$;
comment on function public.cogo_draw(uuid, jsonb) is
  'Takes from token buckets (bucket, per_minute, amount), from all or from none: then wait_seconds says
when it may be worth asking again. What was too much comes back with cogo_report_calls.';

revoke all on function public.cogo_draw(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_draw(uuid, jsonb) to service_role;
