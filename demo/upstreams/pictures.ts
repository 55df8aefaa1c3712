/**
 * People's pictures, drawn here: a head and shoulders on a colour of their own, as real JPEG or PNG files.
 * The `photo` trap turns them into what a careless picture reader would choke on.
 */
import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import type { Response } from 'express'
import sharp from 'sharp'
import { broken, streamHuge } from './faults.ts'
import type { PhotoTrap } from './traps.ts'

/** Draws `size` by `size` pixels for a seed; the same seed gives the same picture. */
export type Pictures = { draw(seed: string, size: number, format: 'jpeg' | 'png'): Promise<Buffer> }

const svgOf = (seed: string): string => {
  const [, skin = 0, , hue = 0] = createHash('sha256').update(seed).digest()
  const tone = 35 + (skin % 45)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">
    <rect width="96" height="96" fill="hsl(${hue * 1.4} 45% 72%)"/>
    <path d="M12 96a36 30 0 0 1 72 0z" fill="hsl(${hue * 1.4 + 160} 35% 38%)"/>
    <circle cx="48" cy="40" r="19" fill="hsl(26 42% ${tone}%)"/>
    <path d="M29 40a19 19 0 0 1 38 0q-9-11-19-11t-19 11z" fill="hsl(24 30% ${tone - 22}%)"/>
  </svg>`
}

/** A picture drawer that remembers what it drew. */
export const createPictures = (): Pictures => {
  const drawn = new Map<string, Promise<Buffer>>()
  return {
    draw(seed, size, format) {
      const key = `${format} ${size} ${seed}`
      const picture =
        drawn.get(key) ??
        sharp(Buffer.from(svgOf(seed)), { density: 72 * Math.max(1, size / 96) })
          .resize(size, size)
          .toFormat(format)
          .toBuffer()
      drawn.set(key, picture)
      return picture
    },
  }
}

const scriptSvg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(document.domain)</script></svg>'

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A valid black PNG of `side` by `side` pixels, one bit each: tiny as a file, huge when opened. */
export const pngBomb = (side = 20_000): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 1
  const rows = Buffer.alloc((Math.ceil(side / 8) + 1) * side)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const withPosition = (picture: Buffer): Promise<Buffer> =>
  sharp(picture)
    .jpeg()
    .withExif({
      IFD0: { Copyright: 'Simulated', Make: 'Simulated camera' },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: '51/1 30/1 0/1',
        GPSLongitudeRef: 'W',
        GPSLongitude: '0/1 7/1 0/1',
      },
    })
    .toBuffer()

/** Sends a picture, or what the trap makes of it. `missing` is for the caller to answer. */
export const sendPicture = async (
  origin: string,
  res: Response,
  picture: { bytes: Buffer; type: string },
  trap: Exclude<PhotoTrap, 'missing'>,
): Promise<void> => {
  const send = (bytes: Buffer | string, type: string): void => {
    res.status(200).set('Content-Type', type).send(Buffer.from(bytes))
  }
  if (await broken(origin, res, trap === 'html' ? 'off' : trap)) return
  switch (trap) {
    case 'svg':
      return send(scriptSvg, 'image/svg+xml')
    case 'svgAsPng':
      return send(scriptSvg, 'image/png')
    case 'notAnImage':
      return send('This is not a picture.', 'image/jpeg')
    case 'html':
      return send('<!doctype html><script>alert(1)</script>', 'text/html')
    case 'bomb':
      return send(pngBomb(), 'image/png')
    case 'huge':
      res.status(200).set('Content-Type', 'image/jpeg')
      return streamHuge(res, Buffer.from('ffd8ffe0', 'hex'), '')
    case 'truncated':
      return send(picture.bytes.subarray(0, picture.bytes.length / 2), picture.type)
    case 'gps':
      return send(await withPosition(picture.bytes), 'image/jpeg')
    case 'off':
    case 'throttled429':
    case 'slow':
    case 'redirect302':
      return send(picture.bytes, picture.type)
  }
}
