/**
 * The documents, in memory: everybody finds the same samples again at each start, made from the subject by which this app knows
 * them, and adds to them. The subject is the only key: the app needs no e-mail address to tell people apart.
 */
import { createHash } from 'node:crypto'

export const kinds = ['invoice', 'contract', 'letter'] as const
export type Kind = (typeof kinds)[number]

/** How urgent a status looks; never told by colour alone. */
export type Tone = 'done' | 'waiting' | 'late' | 'draft'

export type Document = {
  /** Unique for its owner, e.g. INV-2041. */
  readonly number: string
  readonly kind: Kind
  readonly title: string
  readonly party: string
  readonly status: string
  readonly tone: Tone
  /** ISO 8601 date. */
  readonly changed: string
}

export type Documents = {
  /** A person's documents, latest first. */
  list(subject: string): readonly Document[]
  add(subject: string, draft: { title: string; kind: Kind }): Document
}

const prefixes: Readonly<Record<Kind, string>> = { invoice: 'INV', contract: 'CON', letter: 'LET' }

const titles: Readonly<Record<Kind, readonly string[]>> = {
  invoice: [
    'Quarterly licence',
    'Translation, 14 pages',
    'Office rent',
    'Site survey',
    'Printing and binding',
  ],
  contract: [
    'Supply agreement',
    'Non-disclosure agreement',
    'Service terms',
    'Lease, second floor',
    'Framework contract',
  ],
  letter: ['Offer of employment', 'Notice of termination', 'Confirmation of order', 'Reminder, first'],
}
const parties = [
  'Hollis & Brandt',
  'Kestrel Freight',
  'Marlow Studio',
  'Tamsin Aydin',
  'Orrery Labs',
  'Nordfjell AS',
]
const statuses: Readonly<Record<Kind, readonly (readonly [string, Tone])[]>> = {
  invoice: [
    ['Paid', 'done'],
    ['Due in 9 days', 'waiting'],
    ['Overdue', 'late'],
  ],
  contract: [
    ['Signed', 'done'],
    ['Awaiting signature', 'waiting'],
    ['Draft', 'draft'],
  ],
  letter: [
    ['Sent', 'done'],
    ['Draft', 'draft'],
  ],
}
const sampleKinds: readonly Kind[] = ['contract', 'invoice', 'letter', 'invoice', 'contract']

const dayMs = 24 * 60 * 60 * 1000
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** `salt` makes the samples of two apps differ; `now` is in milliseconds. */
export const createDocuments = (salt: string, now: () => number): Documents => {
  const shelves = new Map<string, Document[]>()

  const samples = (subject: string): Document[] => {
    const bytes = createHash('sha256').update(`${salt}\n${subject}`).digest()
    // Row by row onwards from a place of the person's own, so that nothing stands there twice.
    const pick = <T>(from: readonly T[], at: number, row = 0): T => {
      const found = from[(bytes.readUInt8(at) + row) % from.length]
      if (found === undefined) throw new RangeError('nothing to pick from')
      return found
    }
    let age = 0
    return sampleKinds.map((kind, row) => {
      const [status, tone] = pick(statuses[kind], row * 5)
      age += 1 + (bytes.readUInt8(row * 5 + 1) % 9)
      return {
        number: `${prefixes[kind]}-${2990 - row * 171 - (bytes.readUInt8(row * 5 + 2) % 90)}`,
        kind,
        title: pick(titles[kind], 30, row),
        party: pick(parties, 31, row),
        status,
        tone,
        changed: dateOf(now() - age * dayMs),
      }
    })
  }

  const shelfOf = (subject: string): Document[] => {
    const shelf = shelves.get(subject) ?? samples(subject)
    shelves.set(subject, shelf)
    return shelf
  }

  return {
    list: (subject) => [...shelfOf(subject)],
    add(subject, { title, kind }) {
      const shelf = shelfOf(subject)
      const document: Document = {
        number: `${prefixes[kind]}-${3001 + shelf.length - sampleKinds.length}`,
        kind,
        title,
        party: 'Nobody yet',
        status: 'Draft',
        tone: 'draft',
        changed: dateOf(now()),
      }
      shelf.unshift(document)
      return document
    },
  }
}
