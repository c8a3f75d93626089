-- Some vendors report counts that no model can have used, or that are no numbers. Unknown is null and
-- never 0, and nothing here raises: an attempt must be able to end, whatever is said of it.
create or replace function cogo.plausible(p_usage jsonb)
  returns jsonb
  language sql
  immutable
  return case when jsonb_typeof(p_usage) = 'object' then p_usage || coalesce(
    (
      select jsonb_object_agg(
               read.key,
               case
                 when read.number > read.most then null
                 when read.kind = 'usd' then read.number
                 when read.kind = 'ms' or read.number = trunc(read.number) then round(read.number)
               end
             )
        from (
          select known.key, known.kind, case known.kind when 'usd' then 1e6 else 1e12 end as most,
                 case
                   -- With an exponent of two digits at most, so that no number here is long.
                   when p_usage ->> known.key ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$'
                   then (p_usage ->> known.key)::numeric
                 end as number
            from (
              values ('input_tokens', 'count'), ('cached_tokens', 'count'),
                     ('cache_write_tokens', 'count'), ('output_tokens', 'count'),
                     ('reasoning_tokens', 'count'), ('first_token_ms', 'ms'),
                     ('duration_ms', 'ms'), ('cost_usd', 'usd'), ('max_usd', 'usd')
            ) as known (key, kind)
           where p_usage ? known.key
        ) as read
    ), '{}'
  ) end;
comment on function cogo.plausible(jsonb) is
  'What was used, with null for every count, duration and cost that cannot be true. Null unless an
object was given.';

revoke all on function cogo.plausible(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.plausible(jsonb) to service_role;
