/// <reference types="node" />
// Refuses a Node that can't run TypeScript as it is, before anything else is loaded: `node --import ./src/node-version.mjs src/main.ts`.
// Plain JavaScript that old versions can read; without it they end with ERR_UNKNOWN_FILE_EXTENSION.
import module from 'node:module'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

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

// Compiled code is kept beside the packages, never in a folder that others can write: start-up takes half the time and less memory.
// Where the folder can't be written (a container's read-only file system) nothing is kept and nothing fails.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/narrowgate', import.meta.url)))
