// An empty unit of work, to be filled by one request.
import type { Unit } from './ports.ts'

export type UnitDraft = { -readonly [K in keyof Unit]: Unit[K] }

export const newUnit = (): UnitDraft => ({
  requireSessions: [],
  requireGrants: [],
  unique: [],
  consume: [],
  pictureDigests: [],
  destroy: [],
  revokeGrants: [],
  endSessions: [],
  records: [],
  sessionClients: [],
  disclosures: [],
})
