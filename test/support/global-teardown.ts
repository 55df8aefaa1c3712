/**
 * After the last test of a run: stops the server that the set-up started and removes its data; on a given server, drops what was added.
 */
// oxlint-disable-next-line import/no-default-export -- Jest asks for it
export default async function tearDown(): Promise<void> {
  await globalThis.narrowgateTestServer?.stop()
  globalThis.narrowgateTestServer = undefined
}
