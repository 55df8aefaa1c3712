// One request's writes as one statement: apply_unit() checks every condition, then writes everything or nothing. A function,
// because it is the only way to lock, compare-and-set and write in one round trip (docs/adr/0005-unit-of-work.md).
import type { MigrationInterface, QueryRunner } from 'typeorm'

export class ApplyUnit1764000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FUNCTIONS)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop function apply_unit(jsonb); drop function revoke_grant(bytea)')
  }
}

const FUNCTIONS = `
create function revoke_grant(digest bytea) returns void
language sql as $$
  -- The grant first, as in apply_unit(): whoever holds it finishes before what hangs on it goes.
  select 1 from record where model = 'Grant' and id_digest = digest for update;
  delete from record where grant_digest = digest or (model = 'Grant' and id_digest = digest);
  delete from session_client where grant_digest = digest
$$;

create function apply_unit(unit jsonb) returns text
language plpgsql as $$
declare
  failure text;
  item jsonb;
  keys_given uuid[];
  keys_live uuid[];
begin
  -- A failed condition rolls the inner block back, so that nothing of it stays; what follows a lost race is written after it.
  begin
    -- Sessions first, then grants, each in one order: requests on the same ones may wait for each other, but never in a circle.
    perform 1 from record where model = 'Session' and uid_digest in (
        select decode(v #>> '{}', 'hex') from jsonb_array_elements((unit->'requireSessions') || (unit->'endSessions')) v
        union select decode(v->>'uidDigest', 'hex') from jsonb_array_elements(unit->'records') v where v->>'model' = 'Session')
      order by uid_digest for update;
    perform 1 from record where model = 'Session' and id_digest in (
        select decode(v->>'idDigest', 'hex') from jsonb_array_elements(unit->'destroy') v where v->>'model' = 'Session')
      for update;
    perform 1 from record where model = 'Grant' and id_digest in (
        select decode(v #>> '{}', 'hex') from jsonb_array_elements((unit->'requireGrants') || (unit->'revokeGrants')) v
        union select decode(v->>'idDigest', 'hex') from jsonb_array_elements(unit->'records') v where v->>'model' = 'Grant')
      order by id_digest for update;

    for item in select * from jsonb_array_elements(unit->'requireSessions') loop
      perform 1 from record where model = 'Session' and uid_digest = decode(item #>> '{}', 'hex') for update;
      if not found then failure := 'session_gone'; raise sqlstate 'NG001'; end if;
    end loop;
    for item in select * from jsonb_array_elements(unit->'requireGrants') loop
      perform 1 from record where model = 'Grant' and id_digest = decode(item #>> '{}', 'hex') for update;
      if not found then failure := 'grant_gone'; raise sqlstate 'NG001'; end if;
    end loop;
    for item in select * from jsonb_array_elements(unit->'unique') loop
      insert into replay (id_digest, expires_at)
        values (decode(item->>'idDigest', 'hex'), to_timestamp((item->>'expiresAt')::double precision))
        on conflict do nothing;
      if not found then failure := 'replayed:' || (item->>'use'); raise sqlstate 'NG001'; end if;
    end loop;
    for item in select * from jsonb_array_elements(unit->'consume') loop
      update record set consumed_at = now()
        where model = item->>'model' and id_digest = decode(item->>'idDigest', 'hex') and consumed_at is null;
      if not found then failure := 'consumed'; raise sqlstate 'NG001'; end if;
    end loop;

    item := unit->'account';
    if item is not null then
      perform 1 from epoch where id = item->>'epoch' and state = 'active' for share;
      if not found then failure := 'epoch_not_active'; raise sqlstate 'NG001'; end if;
      insert into account (id, state) values ((item->>'id')::uuid, 'active');
      insert into account_key (account, epoch, key_id, key_sealed, subject_key_sealed)
        values ((item->>'id')::uuid, item->>'epoch', decode(item->>'keyId', 'hex'),
                decode(item->>'wrappedKey', 'hex'), decode(item->>'subjectKeySealed', 'hex'));
    end if;

    item := unit->'insertIdentity'->'identity';
    if item is not null then
      -- While two index keys live, each identity has a value under both; a replica that lacks one must not insert.
      select coalesce(array_agg(id order by id), '{}') into keys_live
        from (select id from server_key where kind = 'index' for share) live;
      select coalesce(array_agg(distinct (v->>'keyVersion')::uuid order by (v->>'keyVersion')::uuid), '{}') into keys_given
        from jsonb_array_elements(unit->'insertIdentity'->'index') v;
      if keys_live <> keys_given then failure := 'index_keys_stale'; raise sqlstate 'NG001'; end if;
      insert into identity (id, account, connector, state, profile_sealed, picture_sealed, picture_index)
        values ((item->>'id')::uuid, (item->>'accountId')::uuid, item->>'connector', 'active',
                decode(item->>'profileSealed', 'hex'),
                decode(item->'picture'->>'sealed', 'hex'), decode(item->'picture'->>'index', 'hex'));
      begin
        insert into identity_index (kind, key_version, value, identity)
          select v->>'kind', (v->>'keyVersion')::uuid, decode(v->>'value', 'hex'), (item->>'id')::uuid
          from jsonb_array_elements(unit->'insertIdentity'->'index') v;
      exception when unique_violation then
        failure := 'identity_exists'; raise sqlstate 'NG001';
      end;
    end if;

    item := unit->'updateIdentity';
    if item is not null then
      -- Not a shared lock: an agreement writes the account below, and two that share it would wait for each other.
      perform 1 from account where id = (item->>'accountId')::uuid and state = 'active' for no key update;
      if not found then failure := 'account_unavailable'; raise sqlstate 'NG001'; end if;
      update identity set
          profile_sealed = decode(item->>'profileSealed', 'hex'),
          picture_sealed = case when item ? 'picture' then decode(item->'picture'->>'sealed', 'hex') else picture_sealed end,
          picture_index = case when item ? 'picture' then decode(item->'picture'->>'index', 'hex') else picture_index end,
          last_sign_in_at = now()
        where id = (item->>'id')::uuid and state = 'active'
          and valid_from <= to_timestamp((item->>'begunAt')::double precision / 1000);
      if not found then failure := 'identity_revoked'; raise sqlstate 'NG001'; end if;
    end if;

    item := unit->'acceptance';
    if item is not null then
      insert into acceptance (account, notice_version, terms_version, fields_digest)
        values ((item->>'accountId')::uuid, item->>'noticeVersion', item->>'termsVersion', decode(item->>'fieldsDigest', 'hex'));
      update account set keep_picture = (item->'choices'->>'picture')::boolean,
                         keep_company = (item->'choices'->>'company')::boolean
        where id = (item->>'accountId')::uuid;
    end if;

    for item in select * from jsonb_array_elements(unit->'pictureDigests') loop
      update subject set picture_digest = decode(item->>'digest', 'hex'),
                         picture_identity = case when item->>'digest' is null then null else (item->>'identityId')::uuid end
        where account = (item->>'accountId')::uuid and sector = item->>'sector';
    end loop;

    for item in select * from jsonb_array_elements(unit->'destroy') loop
      delete from record where model = item->>'model' and id_digest = decode(item->>'idDigest', 'hex');
    end loop;
    for item in select * from jsonb_array_elements(unit->'endSessions') loop
      delete from record where (model = 'Session' and uid_digest = decode(item #>> '{}', 'hex'))
                            or session_digest = decode(item #>> '{}', 'hex');
      delete from session_client where session_digest = decode(item #>> '{}', 'hex');
    end loop;
    for item in select * from jsonb_array_elements(unit->'revokeGrants') loop
      perform revoke_grant(decode(item #>> '{}', 'hex'));
    end loop;

    for item in select * from jsonb_array_elements(unit->'records') loop
      if item->>'model' = 'Session' then
        -- The uid is the session; its cookie value changes. A stale version means that another tab wrote: merge and come again.
        update record set id_digest = decode(item->>'idDigest', 'hex'),
            payload_sealed = decode(item->>'payloadSealed', 'hex'),
            key_by_id_sealed = decode(item->>'keyByIdSealed', 'hex'),
            key_by_uid_sealed = decode(item->>'keyByUidSealed', 'hex'),
            account = (item->>'accountId')::uuid, identity = (item->>'identityId')::uuid,
            upstream_sid_index = decode(item->>'upstreamSidIndex', 'hex'),
            version = version + 1,
            expires_at = to_timestamp((item->>'expiresAt')::double precision)
          where model = 'Session' and uid_digest = decode(item->>'uidDigest', 'hex') and version = (item->>'version')::integer;
        if found then continue; end if;
        if (item->>'version')::integer > 0
           or exists (select 1 from record where uid_digest = decode(item->>'uidDigest', 'hex')) then
          failure := 'session_stale'; raise sqlstate 'NG001';
        end if;
      end if;
      insert into record (model, id_digest, payload_sealed, uid_digest, key_by_id_sealed, key_by_uid_sealed, account, identity,
                          client, grant_digest, session_digest, upstream_sid_index, version, expires_at)
        values (item->>'model', decode(item->>'idDigest', 'hex'), decode(item->>'payloadSealed', 'hex'),
                decode(item->>'uidDigest', 'hex'), decode(item->>'keyByIdSealed', 'hex'), decode(item->>'keyByUidSealed', 'hex'),
                (item->>'accountId')::uuid, (item->>'identityId')::uuid, item->>'clientId',
                decode(item->>'grantDigest', 'hex'), decode(item->>'sessionDigest', 'hex'),
                decode(item->>'upstreamSidIndex', 'hex'), (item->>'version')::integer + 1,
                to_timestamp((item->>'expiresAt')::double precision))
        on conflict (model, id_digest) do update set
          payload_sealed = excluded.payload_sealed, account = excluded.account, identity = excluded.identity,
          grant_digest = excluded.grant_digest, expires_at = excluded.expires_at
        where record.model in ('Interaction', 'Grant');
    end loop;

    for item in select * from jsonb_array_elements(unit->'sessionClients') loop
      insert into session_client (session_digest, client, sid, grant_digest, expires_at)
        values (decode(item->>'sessionDigest', 'hex'), item->>'clientId', item->>'sid', decode(item->>'grantDigest', 'hex'),
                to_timestamp((item->>'expiresAt')::double precision))
        on conflict (session_digest, client) do update set
          sid = excluded.sid, grant_digest = excluded.grant_digest, expires_at = excluded.expires_at;
    end loop;
    for item in select * from jsonb_array_elements(unit->'disclosures') loop
      insert into disclosure (account, client, field)
        select (item->>'accountId')::uuid, item->>'clientId', f from jsonb_array_elements_text(item->'fields') f order by f
        on conflict (account, client, field) do update set last_at = now();
    end loop;
    return 'written';
  exception when sqlstate 'NG001' then null;
  end;

  if failure = 'consumed' then
    for item in select * from jsonb_array_elements(unit->'consume') loop
      if item ? 'grantDigest' and not (item->>'keepGrant')::boolean then
        perform revoke_grant(decode(item->>'grantDigest', 'hex'));
      end if;
    end loop;
  end if;
  return failure;
end $$;
`
