// Pairwise subjects: one random id per account and sector, found in reverse by sector and subject, gone with the account.
import type { Subjects } from '../core/ports.ts'
import type { Database } from './database.ts'

export function createSubjects(database: Database): Subjects {
  return {
    async getOrCreate(accountId, sector, candidate, picture) {
      // The no-op update makes the loser of a race see the winner's row; `do nothing` would give it no row at all.
      const [row] = await database.query<{ subject: string }>(
        `insert into subject (account, sector, subject, picture_digest, picture_identity) values ($1, $2, $3, $4, $5)
         on conflict (account, sector) do update set sector = excluded.sector
         returning subject`,
        [accountId, sector, candidate, picture?.digest ?? null, picture?.identityId ?? null],
      )
      if (row === undefined) throw new TypeError('no subject')
      return row.subject
    },
  }
}
