/** Turns a real upstream address into the simulated one; the only place that knows how the two correspond. */

/**
 * The simulated address of `url`. Throws for an origin that the map doesn't name, so that nothing goes to the real one.
 * An address that is already simulated stays as it is.
 */
export const rewrite = (originMap: Readonly<Record<string, string>>, url: string | URL): string => {
  const { origin, pathname, search, hash, href } = new URL(url)
  const simulated = originMap[origin]
  if (simulated !== undefined) return `${simulated}${pathname}${search}${hash}`
  if (Object.values(originMap).some((prefix) => new URL(prefix).origin === origin)) return href
  throw new Error(`not a simulated upstream: ${origin}`)
}
