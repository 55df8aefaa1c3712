// Identities by blind index, with the account, its key and its last agreement beside them in one statement; and pictures by the digest
// of their URL's token. A closed or suspended account has no picture.
import type { Identities, IdentityView } from '../core/ports.ts'
import type { Database } from './database.ts'
import {
  ACCOUNT_COLUMNS,
  asSealed,
  bytes,
  IDENTITY_COLUMNS,
  present,
  text,
  toAccount,
  toIdentity,
  type Columns,
} from './rows.ts'

export function createIdentities(database: Database): Identities {
  return {
    async find(values) {
      const rows = await database.query<Columns>(
        `select distinct on (i.id) ${ACCOUNT_COLUMNS}, ${IDENTITY_COLUMNS},
                g.notice_version, g.terms_version, g.fields_digest,
                array(select sector from subject where account = i.account) as sectors
         from unnest($1::text[], $2::uuid[], $3::bytea[]) as wanted (kind, key_version, value)
         join identity_index x using (kind, key_version, value)
         join identity i on i.id = x.identity
         join account a on a.id = i.account
         left join account_key k on k.account = a.id
         left join lateral (select * from acceptance where account = a.id order by accepted_at desc limit 1) g on true`,
        [
          values.map(({ kind }) => kind),
          values.map(({ keyVersion }) => keyVersion),
          values.map(({ value }) => value),
        ],
      )
      // Two live index keys give the same identity twice; two identities would mean a broken index, and then nobody is guessed.
      if (rows.length > 1) throw new TypeError('one upstream subject leads to two identities')
      return rows[0] === undefined ? undefined : toIdentityView(rows[0])
    },

    async findPicture(tokenDigest) {
      const [columns] = await database.query<Columns>(
        `select ${ACCOUNT_COLUMNS}, i.id as i_id, i.picture_sealed
         from subject p join account a on a.id = p.account and a.state = 'active'
         join account_key k on k.account = a.id
         join identity i on i.id = p.picture_identity and i.account = a.id and i.state = 'active'
         where p.picture_digest = $1 and i.picture_sealed is not null`,
        [tokenDigest],
      )
      const account = columns === undefined ? undefined : toAccount(columns)
      if (columns === undefined || account === undefined) return undefined
      return {
        account,
        identityId: present(text(columns, 'i_id'), 'identity'),
        pictureSealed: asSealed(present(bytes(columns, 'picture_sealed'), 'picture_sealed')),
      }
    },
  }
}

function toIdentityView(columns: Columns): IdentityView | undefined {
  const account = toAccount(columns)
  const identity = toIdentity(columns)
  if (account === undefined || identity === undefined) return undefined
  const noticeVersion = text(columns, 'notice_version')
  const sectors = columns['sectors']
  return {
    account,
    identity,
    ...(noticeVersion === undefined
      ? {}
      : {
          agreement: {
            noticeVersion,
            termsVersion: present(text(columns, 'terms_version'), 'terms_version'),
            fieldsDigest: present(bytes(columns, 'fields_digest'), 'fields_digest'),
          },
        }),
    choices: { picture: columns['a_keep_picture'] === true, company: columns['a_keep_company'] === true },
    sectors: Array.isArray(sectors) ? sectors.filter((sector) => typeof sector === 'string') : [],
  }
}
