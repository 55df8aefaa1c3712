// Every table, as TypeORM sees it and as docs/storage-schema.md prints it. Each column's comment is "class · purpose · lifetime"; a
// test fails without one. The classes are closed (design §5): a value of a person is `sealed`, or it is not in the database.
import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaOptions } from 'typeorm'

export const COLUMN_CLASSES = [
  'sealed',
  'bearer-sealed',
  'digest',
  'index',
  'pseudonym',
  'operational',
  'public',
] as const
export type ColumnClass = (typeof COLUMN_CLASSES)[number]

type Column = EntitySchemaColumnOptions & { comment: string }
type Extra = Omit<EntitySchemaColumnOptions, 'type' | 'comment'>

const column =
  (type: 'uuid' | 'text' | 'bytea' | 'timestamptz' | 'boolean' | 'integer' | 'jsonb') =>
  (cls: ColumnClass, purpose: string, lifetime: string, extra: Extra = {}): Column => ({
    type,
    comment: `${cls} · ${purpose} · ${lifetime}`,
    ...extra,
  })
const uuid = column('uuid')
const text = column('text')
const bytea = column('bytea')
const at = column('timestamptz')
const flag = column('boolean')
const whole = column('integer')
const json = column('jsonb')

const KEY: Extra = { primary: true }
const OPTIONAL: Extra = { nullable: true }
const NOW: Extra = { default: () => 'now()' }

type Row = Record<string, unknown>
function table(name: string, columns: Record<string, Column>, rest: Partial<EntitySchemaOptions<Row>> = {}) {
  const named = Object.entries(columns).map(([key, value]) => [
    key,
    value.primary === true ? { ...value, primaryKeyConstraintName: `${name}_pkey` } : value,
  ])
  return new EntitySchema<Row>({
    name,
    columns: Object.fromEntries(named) as Record<string, Column>,
    ...rest,
  })
}
// The names are given, so that migrations and drift checks speak of the same keys.
const index = (name: string, columns: string[], extra: { unique?: boolean; where?: string } = {}) => ({
  name,
  columns,
  ...extra,
})
const references = (
  name: string,
  columnNames: string[],
  target: string,
  onDelete: 'CASCADE' | 'RESTRICT' = 'CASCADE',
) => ({
  name,
  columnNames,
  target,
  referencedColumnNames: ['id'],
  onDelete,
})

const withAccount = 'with the account'

export const SCHEMA = [
  table('epoch', {
    id: text('operational', 'the KEK’s id at its keeper', 'with the epoch', KEY),
    state: text('operational', 'opened, active, retiring, retired or destroyed', 'with the epoch'),
    created_at: at('operational', 'when the epoch opened', 'with the epoch', NOW),
  }),
  table(
    'server_key',
    {
      id: uuid('operational', 'names the key; part of what its wrapping is bound to', 'with the key', KEY),
      kind: text('operational', 'index, cookie, audit, log or signing', 'with the key'),
      state: text('operational', 'active or retiring', 'with the key'),
      epoch: text('operational', 'the KEK that wraps it', 'with the key'),
      key_sealed: bytea('sealed', 'the key, wrapped by the KEK', 'with the key'),
      created_at: at('operational', 'when it was made', 'with the key', NOW),
    },
    {
      indices: [index('server_key_active', ['kind'], { unique: true, where: "state = 'active'" })],
      foreignKeys: [references('server_key_epoch', ['epoch'], 'epoch', 'RESTRICT')],
    },
  ),
  table(
    'signing_key',
    {
      kid: text('public', 'the key’s id in the JWKS', 'with the key', KEY),
      alg: text('public', 'ES256 or RS256', 'with the key'),
      state: text('operational', 'next, active, retiring or destroyed', 'with the key'),
      public_jwk: json('public', 'the public half', 'with the key'),
      private_sealed: bytea('sealed', 'the private half, under the signing server key', 'with the key'),
      server_key: uuid('operational', 'the server key that seals it', 'with the key'),
      created_at: at('operational', 'when it was made', 'with the key', NOW),
    },
    {
      indices: [index('signing_key_active', ['alg'], { unique: true, where: "state = 'active'" })],
      foreignKeys: [references('signing_key_server_key', ['server_key'], 'server_key', 'RESTRICT')],
    },
  ),
  table('client', {
    id: text('public', 'the app’s client_id', 'until removed', KEY),
    sector: text('operational', 'apps of one sector know a person by one subject', 'until removed'),
    enabled: flag('operational', 'a disabled app gets nothing', 'until removed'),
    settings: json('operational', 'the app’s configuration without its secret', 'until removed'),
    secret_sealed: bytea(
      'sealed',
      'the app’s secret, under the signing server key',
      'until removed',
      OPTIONAL,
    ),
    server_key: uuid('operational', 'the server key that seals the secret', 'until removed', OPTIONAL),
    revision: bytea(
      'digest',
      'of the configuration as applied: the same file changes nothing',
      'until removed',
    ),
    updated_at: at('operational', 'when it last changed', 'until removed', NOW),
  }),
  table('account', {
    id: uuid('pseudonym', 'the person here', withAccount, KEY),
    state: text('operational', 'active, restricted, suspended or closed', withAccount),
    keep_picture: flag('operational', 'the person’s choice', withAccount, { default: false }),
    keep_company: flag('operational', 'the person’s choice', withAccount, { default: false }),
    created_at: at('operational', 'start of the account', withAccount, NOW),
    closed_at: at('operational', 'when it was closed', withAccount, OPTIONAL),
  }),
  table(
    'account_key',
    {
      account: uuid('pseudonym', 'whose key', 'deleted first at erasure', KEY),
      epoch: text('operational', 'the KEK that wraps it', 'deleted first at erasure'),
      key_id: bytea('operational', 'stands in the header of all it seals', 'deleted first at erasure'),
      key_sealed: bytea('sealed', 'the data key, wrapped by the KEK', 'deleted first at erasure'),
      subject_key_sealed: bytea(
        'sealed',
        'the key of the person’s audit tags, under the data key',
        'deleted first at erasure',
      ),
    },
    {
      foreignKeys: [
        references('account_key_account', ['account'], 'account'),
        references('account_key_epoch', ['epoch'], 'epoch', 'RESTRICT'),
      ],
    },
  ),
  table(
    'acceptance',
    {
      account: uuid('pseudonym', 'who agreed', withAccount, KEY),
      notice_version: text('public', 'the notice agreed to', withAccount),
      terms_version: text('public', 'the terms agreed to', withAccount),
      fields_digest: bytea('digest', 'over the names of the fields that were shown', withAccount),
      accepted_at: at('operational', 'when', withAccount, { ...KEY, ...NOW }),
    },
    {
      foreignKeys: [references('acceptance_account_fk', ['account'], 'account')],
    },
  ),
  table(
    'identity',
    {
      id: uuid('pseudonym', 'one account at an upstream, linked to a person', withAccount, KEY),
      account: uuid('pseudonym', 'whose it is', withAccount),
      connector: text('operational', 'by which connector it signs in', withAccount),
      state: text('operational', 'active or disabled', withAccount),
      profile_sealed: bytea(
        'sealed',
        'name, e-mail, company, provider user ID, as one padded document',
        withAccount,
      ),
      picture_sealed: bytea('sealed', 'the picture’s bytes', 'until the choice is withdrawn', OPTIONAL),
      picture_index: bytea(
        'index',
        'tells whether a picture is new; keyed by the data key',
        'with the picture',
        OPTIONAL,
      ),
      // Set by events alone: another tab's sign-in of the same new person began before there was an identity.
      valid_from: at('operational', 'a sign-in begun before it is refused', withAccount, {
        default: () => "'-infinity'",
      }),
      created_at: at('operational', 'first sign-in', withAccount, NOW),
      last_sign_in_at: at('operational', 'last sign-in', withAccount, NOW),
    },
    {
      indices: [index('identity_account', ['account'])],
      foreignKeys: [references('identity_account_fk', ['account'], 'account')],
    },
  ),
  table(
    'identity_index',
    {
      kind: text(
        'operational',
        'which value: a connector’s subject, or e-mail for support',
        withAccount,
        KEY,
      ),
      key_version: uuid('operational', 'the index key', 'with the index key', KEY),
      value: bytea('index', 'keyed HMAC of the value', withAccount, KEY),
      identity: uuid('pseudonym', 'the identity behind it', withAccount, KEY),
    },
    {
      indices: [
        // E-mail is for support only and may repeat; who signs in is unique.
        index('identity_index_subject', ['kind', 'key_version', 'value'], {
          unique: true,
          where: "kind <> 'email'",
        }),
        index('identity_index_identity', ['identity']),
      ],
      foreignKeys: [
        references('identity_index_identity_fk', ['identity'], 'identity'),
        references('identity_index_key_fk', ['key_version'], 'server_key', 'RESTRICT'),
      ],
    },
  ),
  table(
    'subject',
    {
      account: uuid('pseudonym', 'the person here', withAccount, KEY),
      sector: text('operational', 'a family of apps', withAccount, KEY),
      subject: text('pseudonym', 'the person there; random', withAccount),
      picture_digest: bytea('digest', 'of the token in the picture’s URL', 'with the picture', OPTIONAL),
      picture_identity: uuid('pseudonym', 'whose picture the URL shows', 'with the picture', OPTIONAL),
      created_at: at('operational', 'first release to the sector', withAccount, NOW),
    },
    {
      indices: [
        index('subject_sector', ['sector', 'subject'], { unique: true }),
        index('subject_picture', ['picture_digest'], { unique: true, where: 'picture_digest is not null' }),
      ],
      foreignKeys: [references('subject_account_fk', ['account'], 'account')],
    },
  ),
  table(
    'disclosure',
    {
      account: uuid('pseudonym', 'whose field', withAccount, KEY),
      client: text('operational', 'which app received it', withAccount, KEY),
      field: text('operational', 'the field’s name', withAccount, KEY),
      first_at: at('operational', 'first release', withAccount, NOW),
      last_at: at('operational', 'last release', withAccount, NOW),
    },
    { foreignKeys: [references('disclosure_account_fk', ['account'], 'account')] },
  ),
  table(
    'record',
    {
      model: text('operational', 'oidc-provider’s model', 'until expires_at', KEY),
      id_digest: bytea('digest', 'of the bearer value, or the grant’s id', 'until expires_at', KEY),
      payload_sealed: bytea(
        'bearer-sealed',
        'the payload; a grant’s lies under the account’s key',
        'until expires_at',
      ),
      uid_digest: bytea('digest', 'of a session’s uid', 'until expires_at', OPTIONAL),
      key_by_id_sealed: bytea(
        'bearer-sealed',
        'a session’s row key, under the cookie value',
        'until expires_at',
        OPTIONAL,
      ),
      key_by_uid_sealed: bytea(
        'bearer-sealed',
        'a session’s row key, under its uid',
        'until expires_at',
        OPTIONAL,
      ),
      account: uuid('pseudonym', 'whose session, grant or token', 'until expires_at', OPTIONAL),
      identity: uuid('pseudonym', 'the identity that opened the session', 'until expires_at', OPTIONAL),
      client: text('operational', 'which app', 'until expires_at', OPTIONAL),
      grant_digest: bytea('digest', 'of the grant’s id', 'until expires_at', OPTIONAL),
      session_digest: bytea('digest', 'of the session’s uid', 'until expires_at', OPTIONAL),
      upstream_sid_index: bytea('index', 'keyed digest of the upstream’s sid', 'until expires_at', OPTIONAL),
      version: whole('operational', 'counts a session’s writes', 'until expires_at', { default: 0 }),
      consumed_at: at('operational', 'when a single-use value was used', 'until expires_at', OPTIONAL),
      created_at: at('operational', 'when it was made', 'until expires_at', NOW),
      expires_at: at('operational', 'deadline', 'until expires_at'),
    },
    {
      indices: [
        index('record_uid', ['uid_digest'], { unique: true, where: 'uid_digest is not null' }),
        index('record_grant', ['grant_digest'], { where: 'grant_digest is not null' }),
        index('record_session', ['session_digest'], { where: 'session_digest is not null' }),
        index('record_account', ['account'], { where: 'account is not null' }),
        index('record_expires', ['expires_at']),
      ],
      foreignKeys: [
        references('record_account_fk', ['account'], 'account'),
        references('record_identity_fk', ['identity'], 'identity'),
      ],
    },
  ),
  table(
    'session_client',
    {
      session_digest: bytea('digest', 'of the session’s uid', 'until expires_at', KEY),
      client: text('operational', 'an app signed in to by it', 'until expires_at', KEY),
      sid: text('pseudonym', 'the session as that app knows it', 'until expires_at'),
      grant_digest: bytea('digest', 'of the grant’s id', 'until expires_at'),
      expires_at: at('operational', 'deadline', 'until expires_at'),
    },
    { indices: [index('session_client_expires', ['expires_at'])] },
  ),
  table(
    'replay',
    {
      id_digest: bytea('digest', 'of a client assertion’s or DPoP proof’s jti', 'until expires_at', KEY),
      expires_at: at('operational', 'deadline', 'until expires_at'),
    },
    { indices: [index('replay_expires', ['expires_at'])] },
  ),
  table(
    'sign_in',
    {
      cookie_digest: bytea('digest', 'of the value of this round trip’s cookie', 'until expires_at', KEY),
      connector: text('operational', 'where the person went', 'until expires_at'),
      state_digest: bytea('digest', 'of the state sent upstream', 'until expires_at'),
      interaction_digest: bytea('digest', 'of the interaction it belongs to', 'until expires_at'),
      payload_sealed: bytea(
        'bearer-sealed',
        'nonce, PKCE verifier and interaction, under the cookie’s value',
        'until expires_at',
      ),
      begun_at: at('operational', 'start of the round trip', 'until expires_at', NOW),
      taken_at: at('operational', 'set exactly once', 'until expires_at', OPTIONAL),
      expires_at: at('operational', 'deadline', 'until expires_at'),
    },
    { indices: [index('sign_in_expires', ['expires_at'])] },
  ),
] as const
