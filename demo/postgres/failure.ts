/**
 * The one error of the embedded PostgreSQL. `in_use`: a living process has this data folder; `unsupported`: no binaries or no
 * user for it on this machine; `failed`: it was tried and did not come up, or went away. The message is one line and says what to do.
 */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly code: 'in_use' | 'unsupported' | 'failed'

  constructor(code: EmbeddedPostgresError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** Whether a system call or a query failed with this code. By shape: errors from Node's core are of another realm inside Jest. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}

/** The last line of an error's message. */
export function reasonOf(error: unknown): string {
  return String(error).trim().split('\n').at(-1) ?? ''
}
