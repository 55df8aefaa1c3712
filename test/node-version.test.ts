// An old Node is refused by one sentence, before it trips over TypeScript.
import { describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { nodeVersionProblem } from '../src/node-version.mjs'

const GUARD = join(import.meta.dirname, '../src/node-version.mjs')
const SENTENCE = /^Narrowgate needs Node\.js 24 or newer and this is \d+\.\d+\.\d+; run it by [^\n]+\.\n$/

/** Runs a program behind the guard. */
function run(node: string, options: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'node-version-'))
  try {
    const program = join(folder, 'program.ts')
    writeFileSync(program, "const word: string = 'ran'\nprocess.stdout.write(word)\n")
    return spawnSync(node, [...options, '--import', GUARD, program], { encoding: 'utf8' })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The first Node on the path that is too old, but new enough to know --import. Most machines have none. */
const oldNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find((node) => {
    const [major = 0, minor = 0] = (spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '')
      .slice(1)
      .split('.')
      .map(Number)
    return major < 24 && (major > 18 || (major === 18 && minor >= 18))
  })

describe('node-version.mjs', () => {
  test.each(['18.20.4', '20.20.2', '23.11.0'])('has one sentence for %s', (version) => {
    expect(`${nodeVersionProblem(version)}\n`).toMatch(SENTENCE)
  })

  test.each(['24.0.0', '24.21.0', '26.0.0', '100.0.0'])('has nothing to say about %s', (version) => {
    expect(nodeVersionProblem(version)).toBeUndefined()
  })

  test('lets a new Node run the program', () => {
    expect(run(process.execPath)).toMatchObject({ status: 0, stdout: 'ran', stderr: '' })
  })

  test('ends a Node that says it is old by one line and exit code 1', () => {
    const pretence = "Object.defineProperty(process.versions, 'node', { value: '20.1.0' })"
    const url = `data:text/javascript,${encodeURIComponent(pretence)}`
    const { status, stdout, stderr } = run(process.execPath, ['--import', url])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(SENTENCE)
  })

  const onOldNode = oldNode === undefined ? test.skip : test // reason: needs an old Node on the machine; the pretence above runs always
  onOldNode('ends a Node that is old by one line and exit code 1', () => {
    const { status, stdout, stderr } = run(oldNode ?? '')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(SENTENCE)
  })
})
