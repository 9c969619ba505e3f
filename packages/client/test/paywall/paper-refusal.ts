import { ApiError } from '../../src/api/error.ts'

/** What a node on paper refuses with. */
export function refusal(code: string, status: number): ApiError {
  return new ApiError({ title: code, status, code, remedy: 'See the code.' })
}
