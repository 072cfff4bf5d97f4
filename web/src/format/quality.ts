import { good, uncertain } from '../../../src/core/quality.ts'

export type QualityWord = 'good' | 'uncertain' | 'bad'

/** OPC UA keeps detail in the low bits; the word goes by the range. */
export function qualityWord(quality: number): QualityWord {
  if (quality >= good) return 'good'
  return quality >= uncertain ? 'uncertain' : 'bad'
}
