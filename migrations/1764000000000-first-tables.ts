// The first tables. Class, purpose and lifetime of each column stand in its comment, as in src/storage/schema.ts.
import type { MigrationInterface, QueryRunner } from 'typeorm'

export class FirstTables1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
drop table sign_in;
drop table replay;
drop table session_client;
drop table record;
drop table disclosure;
drop table subject;
drop table identity_index;
drop table identity;
drop table acceptance;
drop table account_key;
drop table account;
drop table client;
drop table signing_key;
drop table server_key;
drop table epoch;
`)
  }
}

const TABLES = `

create table epoch (
  id text not null,
  state text not null,
  created_at timestamptz not null default now(),
  constraint epoch_pkey primary key (id)
);
comment on column epoch.id is 'operational · the KEK’s id at its keeper · with the epoch';
comment on column epoch.state is 'operational · opened, active, retiring, retired or destroyed · with the epoch';
comment on column epoch.created_at is 'operational · when the epoch opened · with the epoch';

create table server_key (
  id uuid not null,
  kind text not null,
  state text not null,
  epoch text not null,
  key_sealed bytea not null,
  created_at timestamptz not null default now(),
  constraint server_key_pkey primary key (id)
);
comment on column server_key.id is 'operational · names the key; part of what its wrapping is bound to · with the key';
comment on column server_key.kind is 'operational · index, cookie, audit, log or signing · with the key';
comment on column server_key.state is 'operational · active or retiring · with the key';
comment on column server_key.epoch is 'operational · the KEK that wraps it · with the key';
comment on column server_key.key_sealed is 'sealed · the key, wrapped by the KEK · with the key';
comment on column server_key.created_at is 'operational · when it was made · with the key';
create unique index server_key_active ON server_key (kind) WHERE state = 'active';

create table signing_key (
  kid text not null,
  alg text not null,
  state text not null,
  public_jwk jsonb not null,
  private_sealed bytea not null,
  server_key uuid not null,
  created_at timestamptz not null default now(),
  constraint signing_key_pkey primary key (kid)
);
comment on column signing_key.kid is 'public · the key’s id in the JWKS · with the key';
comment on column signing_key.alg is 'public · ES256 or RS256 · with the key';
comment on column signing_key.state is 'operational · next, active, retiring or destroyed · with the key';
comment on column signing_key.public_jwk is 'public · the public half · with the key';
comment on column signing_key.private_sealed is 'sealed · the private half, under the signing server key · with the key';
comment on column signing_key.server_key is 'operational · the server key that seals it · with the key';
comment on column signing_key.created_at is 'operational · when it was made · with the key';
create unique index signing_key_active ON signing_key (alg) WHERE state = 'active';

create table client (
  id text not null,
  sector text not null,
  enabled boolean not null,
  settings jsonb not null,
  secret_sealed bytea,
  server_key uuid,
  revision bytea not null,
  updated_at timestamptz not null default now(),
  constraint client_pkey primary key (id)
);
comment on column client.id is 'public · the app’s client_id · until removed';
comment on column client.sector is 'operational · apps of one sector know a person by one subject · until removed';
comment on column client.enabled is 'operational · a disabled app gets nothing · until removed';
comment on column client.settings is 'operational · the app’s configuration without its secret · until removed';
comment on column client.secret_sealed is 'sealed · the app’s secret, under the signing server key · until removed';
comment on column client.server_key is 'operational · the server key that seals the secret · until removed';
comment on column client.revision is 'digest · of the configuration as applied: the same file changes nothing · until removed';
comment on column client.updated_at is 'operational · when it last changed · until removed';

create table account (
  id uuid not null,
  state text not null,
  keep_picture boolean not null default false,
  keep_company boolean not null default false,
  created_at timestamptz not null default now(),
  closed_at timestamptz,
  constraint account_pkey primary key (id)
);
comment on column account.id is 'pseudonym · the person here · with the account';
comment on column account.state is 'operational · active, restricted, suspended or closed · with the account';
comment on column account.keep_picture is 'operational · the person’s choice · with the account';
comment on column account.keep_company is 'operational · the person’s choice · with the account';
comment on column account.created_at is 'operational · start of the account · with the account';
comment on column account.closed_at is 'operational · when it was closed · with the account';

create table account_key (
  account uuid not null,
  epoch text not null,
  key_id bytea not null,
  key_sealed bytea not null,
  subject_key_sealed bytea not null,
  constraint account_key_pkey primary key (account)
);
comment on column account_key.account is 'pseudonym · whose key · deleted first at erasure';
comment on column account_key.epoch is 'operational · the KEK that wraps it · deleted first at erasure';
comment on column account_key.key_id is 'operational · stands in the header of all it seals · deleted first at erasure';
comment on column account_key.key_sealed is 'sealed · the data key, wrapped by the KEK · deleted first at erasure';
comment on column account_key.subject_key_sealed is 'sealed · the key of the person’s audit tags, under the data key · deleted first at erasure';

create table acceptance (
  account uuid not null,
  notice_version text not null,
  terms_version text not null,
  fields_digest bytea not null,
  accepted_at timestamptz not null default now(),
  constraint acceptance_pkey primary key (account, accepted_at)
);
comment on column acceptance.account is 'pseudonym · who agreed · with the account';
comment on column acceptance.notice_version is 'public · the notice agreed to · with the account';
comment on column acceptance.terms_version is 'public · the terms agreed to · with the account';
comment on column acceptance.fields_digest is 'digest · over the names of the fields that were shown · with the account';
comment on column acceptance.accepted_at is 'operational · when · with the account';

create table identity (
  id uuid not null,
  account uuid not null,
  connector text not null,
  state text not null,
  profile_sealed bytea not null,
  picture_sealed bytea,
  picture_index bytea,
  valid_from timestamptz not null default '-infinity',
  created_at timestamptz not null default now(),
  last_sign_in_at timestamptz not null default now(),
  constraint identity_pkey primary key (id)
);
comment on column identity.id is 'pseudonym · one account at an upstream, linked to a person · with the account';
comment on column identity.account is 'pseudonym · whose it is · with the account';
comment on column identity.connector is 'operational · by which connector it signs in · with the account';
comment on column identity.state is 'operational · active or disabled · with the account';
comment on column identity.profile_sealed is 'sealed · name, e-mail, company, provider user ID, as one padded document · with the account';
comment on column identity.picture_sealed is 'sealed · the picture’s bytes · until the choice is withdrawn';
comment on column identity.picture_index is 'index · tells whether a picture is new; keyed by the data key · with the picture';
comment on column identity.valid_from is 'operational · a sign-in begun before it is refused · with the account';
comment on column identity.created_at is 'operational · first sign-in · with the account';
comment on column identity.last_sign_in_at is 'operational · last sign-in · with the account';
create index identity_account ON identity (account);

create table identity_index (
  kind text not null,
  key_version uuid not null,
  value bytea not null,
  identity uuid not null,
  constraint identity_index_pkey primary key (kind, key_version, value, identity)
);
comment on column identity_index.kind is 'operational · which value: a connector’s subject, or e-mail for support · with the account';
comment on column identity_index.key_version is 'operational · the index key · with the index key';
comment on column identity_index.value is 'index · keyed HMAC of the value · with the account';
comment on column identity_index.identity is 'pseudonym · the identity behind it · with the account';
create unique index identity_index_subject ON identity_index (kind, key_version, value) WHERE kind <> 'email';
create index identity_index_identity ON identity_index (identity);

create table subject (
  account uuid not null,
  sector text not null,
  subject text not null,
  picture_digest bytea,
  picture_identity uuid,
  created_at timestamptz not null default now(),
  constraint subject_pkey primary key (account, sector)
);
comment on column subject.account is 'pseudonym · the person here · with the account';
comment on column subject.sector is 'operational · a family of apps · with the account';
comment on column subject.subject is 'pseudonym · the person there; random · with the account';
comment on column subject.picture_digest is 'digest · of the token in the picture’s URL · with the picture';
comment on column subject.picture_identity is 'pseudonym · whose picture the URL shows · with the picture';
comment on column subject.created_at is 'operational · first release to the sector · with the account';
create unique index subject_sector ON subject (sector, subject);
create unique index subject_picture ON subject (picture_digest) WHERE picture_digest is not null;

create table disclosure (
  account uuid not null,
  client text not null,
  field text not null,
  first_at timestamptz not null default now(),
  last_at timestamptz not null default now(),
  constraint disclosure_pkey primary key (account, client, field)
);
comment on column disclosure.account is 'pseudonym · whose field · with the account';
comment on column disclosure.client is 'operational · which app received it · with the account';
comment on column disclosure.field is 'operational · the field’s name · with the account';
comment on column disclosure.first_at is 'operational · first release · with the account';
comment on column disclosure.last_at is 'operational · last release · with the account';

create table record (
  model text not null,
  id_digest bytea not null,
  payload_sealed bytea not null,
  uid_digest bytea,
  key_by_id_sealed bytea,
  key_by_uid_sealed bytea,
  account uuid,
  identity uuid,
  client text,
  grant_digest bytea,
  session_digest bytea,
  upstream_sid_index bytea,
  version integer not null default '0',
  consumed_at timestamptz,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint record_pkey primary key (model, id_digest)
);
comment on column record.model is 'operational · oidc-provider’s model · until expires_at';
comment on column record.id_digest is 'digest · of the bearer value, or the grant’s id · until expires_at';
comment on column record.payload_sealed is 'bearer-sealed · the payload; a grant’s lies under the account’s key · until expires_at';
comment on column record.uid_digest is 'digest · of a session’s uid · until expires_at';
comment on column record.key_by_id_sealed is 'bearer-sealed · a session’s row key, under the cookie value · until expires_at';
comment on column record.key_by_uid_sealed is 'bearer-sealed · a session’s row key, under its uid · until expires_at';
comment on column record.account is 'pseudonym · whose session, grant or token · until expires_at';
comment on column record.identity is 'pseudonym · the identity that opened the session · until expires_at';
comment on column record.client is 'operational · which app · until expires_at';
comment on column record.grant_digest is 'digest · of the grant’s id · until expires_at';
comment on column record.session_digest is 'digest · of the session’s uid · until expires_at';
comment on column record.upstream_sid_index is 'index · keyed digest of the upstream’s sid · until expires_at';
comment on column record.version is 'operational · counts a session’s writes · until expires_at';
comment on column record.consumed_at is 'operational · when a single-use value was used · until expires_at';
comment on column record.created_at is 'operational · when it was made · until expires_at';
comment on column record.expires_at is 'operational · deadline · until expires_at';
create unique index record_uid ON record (uid_digest) WHERE uid_digest is not null;
create index record_grant ON record (grant_digest) WHERE grant_digest is not null;
create index record_session ON record (session_digest) WHERE session_digest is not null;
create index record_account ON record (account) WHERE account is not null;
create index record_expires ON record (expires_at);

create table session_client (
  session_digest bytea not null,
  client text not null,
  sid text not null,
  grant_digest bytea not null,
  expires_at timestamptz not null,
  constraint session_client_pkey primary key (session_digest, client)
);
comment on column session_client.session_digest is 'digest · of the session’s uid · until expires_at';
comment on column session_client.client is 'operational · an app signed in to by it · until expires_at';
comment on column session_client.sid is 'pseudonym · the session as that app knows it · until expires_at';
comment on column session_client.grant_digest is 'digest · of the grant’s id · until expires_at';
comment on column session_client.expires_at is 'operational · deadline · until expires_at';
create index session_client_expires ON session_client (expires_at);

create table replay (
  id_digest bytea not null,
  expires_at timestamptz not null,
  constraint replay_pkey primary key (id_digest)
);
comment on column replay.id_digest is 'digest · of a client assertion’s or DPoP proof’s jti · until expires_at';
comment on column replay.expires_at is 'operational · deadline · until expires_at';
create index replay_expires ON replay (expires_at);

create table sign_in (
  cookie_digest bytea not null,
  connector text not null,
  state_digest bytea not null,
  interaction_digest bytea not null,
  payload_sealed bytea not null,
  begun_at timestamptz not null default now(),
  taken_at timestamptz,
  expires_at timestamptz not null,
  constraint sign_in_pkey primary key (cookie_digest)
);
comment on column sign_in.cookie_digest is 'digest · of the value of this round trip’s cookie · until expires_at';
comment on column sign_in.connector is 'operational · where the person went · until expires_at';
comment on column sign_in.state_digest is 'digest · of the state sent upstream · until expires_at';
comment on column sign_in.interaction_digest is 'digest · of the interaction it belongs to · until expires_at';
comment on column sign_in.payload_sealed is 'bearer-sealed · nonce, PKCE verifier and interaction, under the cookie’s value · until expires_at';
comment on column sign_in.begun_at is 'operational · start of the round trip · until expires_at';
comment on column sign_in.taken_at is 'operational · set exactly once · until expires_at';
comment on column sign_in.expires_at is 'operational · deadline · until expires_at';
create index sign_in_expires ON sign_in (expires_at);
ALTER TABLE server_key ADD CONSTRAINT server_key_epoch FOREIGN KEY (epoch) REFERENCES epoch(id) ON DELETE RESTRICT ON UPDATE NO ACTION;
ALTER TABLE signing_key ADD CONSTRAINT signing_key_server_key FOREIGN KEY (server_key) REFERENCES server_key(id) ON DELETE RESTRICT ON UPDATE NO ACTION;
ALTER TABLE account_key ADD CONSTRAINT account_key_account FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE account_key ADD CONSTRAINT account_key_epoch FOREIGN KEY (epoch) REFERENCES epoch(id) ON DELETE RESTRICT ON UPDATE NO ACTION;
ALTER TABLE acceptance ADD CONSTRAINT acceptance_account_fk FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE identity ADD CONSTRAINT identity_account_fk FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE identity_index ADD CONSTRAINT identity_index_identity_fk FOREIGN KEY (identity) REFERENCES identity(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE identity_index ADD CONSTRAINT identity_index_key_fk FOREIGN KEY (key_version) REFERENCES server_key(id) ON DELETE RESTRICT ON UPDATE NO ACTION;
ALTER TABLE subject ADD CONSTRAINT subject_account_fk FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE disclosure ADD CONSTRAINT disclosure_account_fk FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE record ADD CONSTRAINT record_account_fk FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE record ADD CONSTRAINT record_identity_fk FOREIGN KEY (identity) REFERENCES identity(id) ON DELETE CASCADE ON UPDATE NO ACTION;
`
