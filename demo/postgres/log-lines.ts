/**
 * The server's standard error as messages. A message that spans lines continues with a tab, so its text can't pass for a message
 * of its own. Listeners come and go; the last messages are kept for whoever has to explain a failure.
 */
import type { Readable } from 'node:stream'

const KEPT = 200

export type LogLines = {
  /** The last messages, oldest first; live. */
  readonly recent: readonly string[]
  /** Calls back on every message from now on, until the returned function is called. */
  listen(listener: (message: string) => void): () => void
}

export function readLog(stream: Readable): LogLines {
  const recent: string[] = []
  const listeners = new Set<(message: string) => void>()
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    rest += chunk
    // The newline that ends a message goes out with it in one write; only a tab behind it makes it a line break inside one.
    for (let end = endOfMessage(rest); end >= 0; end = endOfMessage(rest)) {
      const message = rest.slice(0, end)
      rest = rest.slice(end + 1)
      recent.push(message)
      if (recent.length > KEPT) recent.shift()
      for (const listener of listeners) listener(message)
    }
  })
  return {
    recent,
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function endOfMessage(text: string): number {
  let end = text.indexOf('\n')
  while (end >= 0 && text[end + 1] === '\t') end = text.indexOf('\n', end + 1)
  return end
}
