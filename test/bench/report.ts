// What a bench gives back: figures for the last line, and a sentence for each bound that they break. A bench that attempted nothing
// breaks one too: silence is not a result.
export type Size = 'small' | 'full'

export type Figures = Readonly<Record<string, number | null>> & {
  readonly attempted: number
  readonly failed: number
}

export type Outcome = { readonly figures: Figures; readonly problems: readonly string[] }

export type Bench = (size: Size) => Promise<Outcome>

/** `bounds`: whether each sentence holds. */
export function judge(figures: Figures, bounds: Readonly<Record<string, boolean>>): Outcome {
  const all = {
    'something was attempted': figures.attempted > 0,
    'nothing failed': figures.failed === 0,
    ...bounds,
  }
  const problems = Object.entries(all).flatMap(([sentence, holds]) =>
    holds ? [] : [`does not hold: ${sentence}`],
  )
  return { figures, problems }
}
