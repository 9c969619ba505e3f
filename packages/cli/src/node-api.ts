/** The running node of a data directory, over its HTTP API. */
import type { ChannelStatus, ChannelView, Hex, NodeClient } from '@tallystick/client'
import { createNodeClient } from '@tallystick/client'
import type { DataDirectory } from './data-directory.ts'
import { findRunning, readApiToken } from './data-directory.ts'
import { Failure } from './failure.ts'

/** @throws {Failure} when there is no node here or it does not run. */
export function connectNode(directory: DataDirectory): NodeClient {
  const { apiUrl } = findRunning(directory)
  return createNodeClient({ baseUrl: apiUrl, token: readApiToken(directory) })
}

/** One request of the API waits at most four minutes; long waits are several requests. */
const longestPollMs = 60_000

/** Resolves once the channel has reached (or passed) `status`. */
export async function waitForChannel(
  api: NodeClient,
  channelId: Hex,
  until: ChannelStatus,
  timeoutMs: number,
): Promise<ChannelView> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const leftMs = Math.max(1, deadlineMs - Date.now())
    const last = leftMs <= longestPollMs
    try {
      return await api.channel(channelId, { until, timeoutMs: Math.min(leftMs, longestPollMs) })
    } catch (thrown) {
      if (!isTimeout(thrown)) throw thrown
      if (last) throw await tooSlow(api, channelId, until, thrown)
    }
  }
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'TIMED_OUT'
}

async function tooSlow(
  api: NodeClient,
  channelId: Hex,
  until: ChannelStatus,
  cause: unknown,
): Promise<Failure> {
  const { status, waitingFor } = await api.channel(channelId)
  const waits = waitingFor.map((item) => item.message).join('; ')
  return new Failure(
    'unreachable',
    {
      code: 'TIMED_OUT',
      field: '--timeout',
      message: `the channel is still ${status}, not ${until}${waits === '' ? '' : `: ${waits}`}`,
      remedy: `Nothing is lost and it goes on by itself: look with \`tally channel show ${channelId}\`.`,
    },
    cause,
  )
}
