/**
 * A self-signed X.509 certificate for a simulated signing key, as Google's and Microsoft's key sets carry them.
 * Only what a reader of `x5c` or of Google's PEM key list looks at; RFC 5280 §4.1.
 */
import { sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const digits = body.length.toString(16)
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const sha256WithRsa = sequence(Buffer.from('06092a864886f70d01010b', 'hex'), der(0x05))
const commonName = Buffer.from('0603550403', 'hex')

const utcTime = (at: Date): Buffer => {
  const digits = at.toISOString().replaceAll(/\D/g, '')
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`, 'latin1'))
}

/** A certificate in DER, signed by the key itself, valid for two years around `at`. */
export const selfSigned = (
  key: { privateKey: KeyObject; publicKey: KeyObject },
  name: string,
  at: Date,
): Buffer => {
  const year = 365 * 24 * 3600 * 1000
  const subject = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name, 'utf8')))))
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    sha256WithRsa,
    subject,
    sequence(utcTime(new Date(at.getTime() - year)), utcTime(new Date(at.getTime() + year))),
    subject,
    key.publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', toBeSigned, key.privateKey)
  return sequence(toBeSigned, sha256WithRsa, der(0x03, Buffer.from([0]), signature))
}
