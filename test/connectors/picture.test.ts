// Strangers' bytes and what is left of them.
import { describe, expect, test } from '@jest/globals'
import sharp, { type Sharp } from 'sharp'
import { pngBomb } from '../../demo/upstreams/pictures.ts'
import { MAX_PICTURE_BYTES, reencodePicture } from '../../src/connectors/picture.ts'

type Shape = { width: number; height: number }
const draw = ({ width, height }: Shape = { width: 400, height: 300 }): Sharp =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } })
const bytesOf = async (picture: Sharp): Promise<Uint8Array> => new Uint8Array(await picture.toBuffer())

async function reencode(input: Uint8Array): Promise<Uint8Array> {
  const result = await reencodePicture(input)
  if ('refused' in result) throw new Error(result.refused)
  return result.picture
}

const HOSTILE_SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

describe('reencodePicture()', () => {
  test.each(['jpeg', 'png', 'webp', 'gif'] as const)('makes a small WebP of a %s', async (format) => {
    const picture = await reencode(await bytesOf(draw().toFormat(format)))
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'webp', width: 256, height: 256 })
    expect(picture.byteLength).toBeLessThanOrEqual(64 * 1024)
  })

  test('makes the same bytes of the same picture', async () => {
    const input = await bytesOf(draw().png())
    expect(await reencode(input)).toEqual(await reencode(input))
  })

  test('makes none larger than it was', async () => {
    const picture = await reencode(await bytesOf(draw({ width: 96, height: 120 }).jpeg()))
    expect(await sharp(picture).metadata()).toMatchObject({ width: 96, height: 96 })
  })

  test('stays within 64 KiB even for noise', async () => {
    const noise = sharp({
      create: {
        width: 256,
        height: 256,
        channels: 3,
        background: 'grey',
        noise: { type: 'gaussian', sigma: 90 },
      },
    })
    expect((await reencode(await bytesOf(noise.png()))).byteLength).toBeLessThanOrEqual(64 * 1024)
  })

  test('leaves no metadata, and turns the picture before it forgets how', async () => {
    const left = await bytesOf(draw({ width: 100, height: 50 }).png())
    const input = await sharp({ create: { width: 100, height: 100, channels: 3, background: 'white' } })
      .composite([{ input: Buffer.from(left), top: 0, left: 0 }])
      .jpeg()
      .withExif({
        IFD0: { Copyright: 'canary' },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
      })
      .withMetadata({ orientation: 6 })
      .toBuffer()
    expect((await sharp(input).metadata()).exif).toBeDefined()
    const picture = await reencode(new Uint8Array(input))
    const { exif, icc, xmp, iptc, orientation } = await sharp(picture).metadata()
    expect([exif, icc, xmp, iptc, orientation]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(Buffer.from(picture).includes('canary')).toBe(false)
    // What was on top is on the right: orientation 6 is a quarter turn clockwise.
    const { data } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    const pixel = (x: number, y: number): number => data[(y * 100 + x) * 3 + 1] ?? -1
    expect(pixel(90, 50)).toBeLessThan(80)
    expect(pixel(10, 50)).toBeGreaterThan(200)
  })

  test('takes the first frame of an animation', async () => {
    const frames = await Promise.all(
      ['red', 'blue'].map((background) =>
        sharp({ create: { width: 32, height: 32, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    )
    const animation = await bytesOf(sharp(frames, { join: { animated: true } }).gif())
    expect((await sharp(animation).metadata()).pages).toBe(2)
    const { pages } = await sharp(await reencode(animation)).metadata()
    expect(pages).toBeUndefined()
  })

  test('leaves nothing of a script that hides in a GIF', async () => {
    const gif = Buffer.from(await bytesOf(draw().gif()))
    const picture = await reencode(new Uint8Array(Buffer.concat([gif, Buffer.from('*/=1;alert(1)//')])))
    expect(Buffer.from(picture).includes('alert')).toBe(false)
  })

  test.each([
    ['SVG', Buffer.from(HOSTILE_SVG)],
    ['SVG behind a declaration', Buffer.from(`<?xml version="1.0"?>${HOSTILE_SVG}`)],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>')],
    ['PDF', Buffer.from('%PDF-1.7\n')],
    ['TIFF', Buffer.from('49492a0008000000', 'hex')],
    ['text', Buffer.from('This is not a picture.')],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s by its first bytes', async (_what, bytes) => {
    expect(await reencodePicture(bytes)).toEqual({ refused: 'picture_format' })
  })

  test.each([
    [
      'a JPEG’s first bytes and then SVG',
      Buffer.concat([Buffer.from('ffd8ff', 'hex'), Buffer.from(HOSTILE_SVG)]),
    ],
    ['a PNG’s first bytes alone', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['a GIF’s first bytes and then a script', Buffer.from('GIF89a=1;alert(1)')],
    ['a WebP’s first bytes alone', Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')],
  ])('refuses %s', async (_what, bytes) => {
    expect(await reencodePicture(bytes)).toHaveProperty('refused')
  })

  test('refuses a picture that was cut', async () => {
    const whole = await bytesOf(
      draw({ width: 800, height: 800 }).png({ compressionLevel: 0 }).toColourspace('srgb'),
    )
    const jpeg = await bytesOf(draw({ width: 800, height: 800 }).jpeg())
    expect(await reencodePicture(whole.subarray(0, 60_000))).toEqual({ refused: 'picture_damaged' })
    expect(await reencodePicture(jpeg.subarray(0, jpeg.length / 2))).toEqual({ refused: 'picture_damaged' })
  })

  test('refuses a bomb of 400 million pixels without opening it', async () => {
    const bomb = pngBomb()
    expect(bomb.byteLength).toBeLessThan(MAX_PICTURE_BYTES)
    expect(await reencodePicture(new Uint8Array(bomb))).toEqual({ refused: 'picture_pixels' })
  })

  test('refuses more than a million bytes unread', async () => {
    expect(await reencodePicture(new Uint8Array(MAX_PICTURE_BYTES + 1))).toEqual({
      refused: 'picture_too_large',
    })
  })
})
