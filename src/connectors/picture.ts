// A stranger's bytes in, a small picture of ours out. Invariant: nothing of the input survives but pixels: no metadata, no second
// meaning (GIF that is also a script), no format that can act. ASVS 14.2.8, 1.3.4
import sharp from 'sharp'

export const MAX_PICTURE_BYTES = 1_000_000
const MAX_PIXELS = 24_000_000
const MAX_SIDE = 256
const MAX_OUTPUT_BYTES = 64 * 1024
const QUALITIES = [80, 60, 40, 20]
const SECONDS = 5

/** Why a picture was refused, for the log. */
export type PictureRefusal = 'picture_too_large' | 'picture_format' | 'picture_pixels' | 'picture_damaged'

/** A WebP of at most 256 by 256 pixels and 64 KiB; of an animation its first frame. The same input gives the same bytes. */
export async function reencodePicture(
  input: Uint8Array,
): Promise<{ picture: Uint8Array } | { refused: PictureRefusal }> {
  if (input.byteLength > MAX_PICTURE_BYTES) return { refused: 'picture_too_large' }
  // By its first bytes, not by what its sender calls it: the decoder also takes SVG, PDF and more, if it is let.
  const format = sniffFormat(input)
  if (format === undefined) return { refused: 'picture_format' }
  try {
    const options = { limitInputPixels: MAX_PIXELS, failOn: 'error', pages: 1, sequentialRead: true } as const
    const found = await sharp(input, options).metadata()
    if (found.format !== format) return { refused: 'picture_format' }
    if (found.width * found.height > MAX_PIXELS) return { refused: 'picture_pixels' }
    const side = Math.min(MAX_SIDE, found.width, found.height)
    for (const quality of QUALITIES) {
      const picture = await sharp(input, options)
        // The orientation is metadata too: turned first, then lost.
        .autoOrient()
        .resize(side, side, { fit: 'cover' })
        .webp({ quality, effort: 4 })
        .timeout({ seconds: SECONDS })
        .toBuffer()
      if (picture.byteLength <= MAX_OUTPUT_BYTES) return { picture: new Uint8Array(picture) }
    }
    return { refused: 'picture_too_large' }
  } catch (error) {
    const tooMany = error instanceof Error && error.message.includes('pixel limit')
    return { refused: tooMany ? 'picture_pixels' : 'picture_damaged' }
  }
}

function sniffFormat(bytes: Uint8Array): 'jpeg' | 'png' | 'gif' | 'webp' | undefined {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (head.startsWith('\xFF\xD8\xFF')) return 'jpeg'
  if (head.startsWith('\x89PNG\r\n\x1A\n')) return 'png'
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif'
  return head.startsWith('RIFF') && head.endsWith('WEBP') ? 'webp' : undefined
}
