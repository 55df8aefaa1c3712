// `npm run bench -- NAME [--size small|full]`: measures one thing on this machine and says whether it is within its bounds. People read
// the lines; programs read the last one, a JSON object. Exits 1 when out of bounds, or when nothing was measured.
import { footprint } from './footprint.ts'
import type { Bench, Size } from './report.ts'

const BENCHES: Readonly<Record<string, Bench>> = { footprint }

const HELP = `npm run bench -- NAME [--size small|full]

  footprint   start-up on an initialised database, resident memory after sign-ins, SQL statements of a repeat sign-in

  --size small   the default: 200 sign-ins, within a minute; start-up is measured and not judged
  --size full    1,000 sign-ins; everything is judged
`

const [name, ...rest] = process.argv.slice(2)
if (name === '--help' || rest.includes('--help')) {
  console.log(HELP)
  process.exit(0)
}
const size = sizeOf(rest)
const bench = BENCHES[name ?? '']
if (bench === undefined || size === undefined) {
  console.error(HELP)
  process.exit(2)
}
try {
  const { figures, problems } = await bench(size)
  for (const problem of problems) console.error(`✗ ${problem}`)
  console.log(JSON.stringify({ bench: name, size, ...figures }))
  process.exit(problems.length === 0 ? 0 : 1)
} catch (error) {
  console.error(error)
  console.log(JSON.stringify({ bench: name, size, attempted: 0, failed: 1 }))
  process.exit(1)
}

function sizeOf(words: readonly string[]): Size | undefined {
  if (words.length === 0) return 'small'
  const [flag, value, ...more] = words.flatMap((word) => word.split('='))
  const isKnown = flag === '--size' && more.length === 0 && (value === 'small' || value === 'full')
  return isKnown ? value : undefined
}
