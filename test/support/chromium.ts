/**
 * One headless Chromium for a test file. It is looked for where systems keep it, or at NARROWGATE_CHROMIUM; nothing is downloaded.
 */
import { access, constants } from 'node:fs/promises'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/opt/homebrew/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts it; the caller closes it. Throws one line that tells how to get a Chromium where there is none. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium(), args: ARGUMENTS })
}

async function findChromium(): Promise<string> {
  const given = process.env['NARROWGATE_CHROMIUM']
  for (const place of given === undefined ? PLACES : [given]) if (await isExecutable(place)) return place
  throw new Error(
    `no Chromium ${given === undefined ? 'in the usual places' : `at ${given}`}: install it (apt install chromium, brew install --cask chromium) or set NARROWGATE_CHROMIUM to its path`,
  )
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
