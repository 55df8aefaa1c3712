/// <reference types="node" />
// Refuses a Node that can't run TypeScript as it is, before anything else is loaded: `node --import ./src/node-version.mjs src/main.ts`.
// Plain JavaScript that old versions can read; without it they end with ERR_UNKNOWN_FILE_EXTENSION.
import process from 'node:process'

const OLDEST = 24

/**
 * What to say about a version such as "20.1.0", or undefined when it will do.
 * @param {string} version
 */
export function nodeVersionProblem(version) {
  return Number(version.split('.')[0]) >= OLDEST
    ? undefined
    : `Narrowgate needs Node.js ${OLDEST} or newer and this is ${version}; run it by "npm run" or "npx node" after "npm ci", or install Node.js ${OLDEST}.`
}

const problem = nodeVersionProblem(process.versions.node)
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}
