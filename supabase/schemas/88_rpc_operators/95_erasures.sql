create or replace function cogo.hash_subject(p_subject text)
  returns text language sql immutable
  return encode(sha256(convert_to(p_subject, 'UTF8')), 'hex');
comment on function cogo.hash_subject is
  'Return the hash of an owner, or of `project:` and a name, under which an erasure is noted.';

create or replace function cogo.begin_erasure(p_subject text, p_requested_by text)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.erasures (owner_sha256, requested_by)
  values (cogo.hash_subject(p_subject), p_requested_by)
  on conflict (owner_sha256) where finished_at is null do nothing;
  return found;
end;
$$;
comment on function cogo.begin_erasure is 'Note an erasure; return false if it has begun before.';

create or replace function cogo.add_erased(p_subject text, p_counts jsonb)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.erasures e
     set counts = cogo.add_counts(e.counts, p_counts)
   where e.owner_sha256 = cogo.hash_subject(p_subject) and e.finished_at is null;
  return jsonb_build_object('is_done', false, 'erased', p_counts);
end;
$$;
comment on function cogo.add_erased is
  'Add the rows of a batch to its erasure; return the answer that has them.';

create or replace function cogo.close_erasure(p_subject text, p_details jsonb)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_erasure cogo.erasures;
  v_receipt text;
begin
  update cogo.erasures e
     set finished_at = cogo.now()
   where e.owner_sha256 = cogo.hash_subject(p_subject) and e.finished_at is null
  returning * into v_erasure;
  v_receipt := (
    jsonb_build_object(
      'id', v_erasure.id, 'requested_by', v_erasure.requested_by,
      'started_at', v_erasure.started_at, 'finished_at', v_erasure.finished_at,
      'erased', v_erasure.counts
    ) || p_details
  )::text;
  update cogo.erasures e
     set receipt_sha256 = cogo.hash_subject(v_receipt)
   where e.id = v_erasure.id
  returning e.receipt_sha256 into v_erasure.receipt_sha256;
  return jsonb_build_object(
    'is_done', true, 'erased', '{}'::jsonb, 'receipt', v_receipt,
    'sha256', v_erasure.receipt_sha256
  );
end;
$$;
comment on function cogo.close_erasure is
  'End an erasure of which nothing is left; return its receipt, with p_details.';
