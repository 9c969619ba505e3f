/** Facts for the operator: what is healthy, and what needs a hand. */

import type { Runtime } from './runtime.ts'
import type { DoctorFinding, DoctorReport } from './service.ts'
import { chainStatus, reached, statusOf } from './views.ts'

const LEVELS = { error: 0, warning: 1, ok: 2 } as const
const LOW_DISK_BYTES = 512n * 1024n * 1024n
/** About what a challenge, an update and a settlement cost, at 100 gwei. */
const LOW_GAS_WEI = 50_000_000_000_000_000n

export async function doctor(rt: Runtime): Promise<DoctorReport> {
  const findings = [
    engineFinding(rt),
    chainFinding(rt),
    clockFinding(rt),
    await diskFinding(rt),
    await gasFinding(rt),
    peersFinding(rt),
    ...channelFindings(rt),
  ]
  findings.sort((a, b) => LEVELS[a.level] - LEVELS[b.level])
  return { ok: findings.every(({ level }) => level !== 'error'), findings }
}

function finding(
  check: DoctorFinding['check'],
  level: DoctorFinding['level'],
  message: string,
  remedy?: string,
): DoctorFinding {
  return remedy === undefined ? { check, level, message } : { check, level, message, remedy }
}

function engineFinding(rt: Runtime): DoctorFinding {
  if (rt.running) return finding('engine', 'ok', 'The engine runs.')
  return finding(
    'engine',
    'error',
    `The engine has stopped: ${String(rt.failure ?? 'asked to')}`,
    'Start the node again.',
  )
}

function chainFinding(rt: Runtime): DoctorFinding {
  const { chainHealth: health } = rt
  // What was reported with the health is as old as its last change; the facts since are newer.
  const { headBlock, finalBlock } = chainStatus(rt)
  if (health.state === 'live')
    return finding(
      'chain',
      'ok',
      `The chain is live at block ${headBlock}, final to ${finalBlock ?? 'none'}.`,
    )
  if (health.state === 'connecting') return finding('chain', 'warning', 'The chain is being connected.')
  const { message, remedy } = health.error
  return finding('chain', 'error', `The chain cannot be used: ${message}`, remedy)
}

/** The clock against the newest block: T includes the skew, so more than T is an error. */
function clockFinding(rt: Runtime): DoctorFinding {
  const { head } = rt
  if (head === undefined)
    return finding('clock', 'warning', 'No block was seen yet, so the clock cannot be checked.')
  const skew = Math.floor(rt.ports.nowMs() / 1000) - Number(head.timestampSeconds)
  const margin = rt.config.policy.safetyMarginSeconds
  if (skew < -margin)
    return finding(
      'clock',
      'error',
      `The clock is ${-skew} seconds behind the chain.`,
      'Set the clock (NTP).',
    )
  if (skew > 10 * margin)
    return finding(
      'clock',
      'warning',
      `The newest block is ${skew} seconds old.`,
      'Check the clock, and that the EVM node follows the chain.',
    )
  return finding('clock', 'ok', `Clock and newest block are ${Math.abs(skew)} seconds apart.`)
}

async function diskFinding(rt: Runtime): Promise<DoctorFinding> {
  const { freeBytes } = rt.ports
  if (freeBytes === undefined) return finding('disk', 'ok', 'The disk is not measured.')
  const free = BigInt(Math.floor(await freeBytes()))
  const text = `${free / 1_048_576n} MiB are free on the disk of the data directory.`
  return free < LOW_DISK_BYTES
    ? finding('disk', 'warning', text, 'Free some space: a full disk stops the node.')
    : finding('disk', 'ok', text)
}

async function gasFinding(rt: Runtime): Promise<DoctorFinding> {
  const { chain } = rt.ports
  try {
    const held = await chain.balance(`0x${'00'.repeat(20)}`, chain.account, 'head')
    const text = `The account holds ${held} wei for gas.`
    if (held >= LOW_GAS_WEI) return finding('gas', 'ok', text)
    return finding(
      'gas',
      held === 0n ? 'error' : 'warning',
      text,
      `Send native coin to ${chain.account}: without it no close can be answered.`,
    )
  } catch (error) {
    return finding(
      'gas',
      'warning',
      `The gas account cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function peersFinding(rt: Runtime): DoctorFinding {
  const open = [...rt.channels.values()].filter((channel) => statusOf(channel) === 'open')
  const away = new Set(open.filter(({ peer }) => !rt.links.connected(peer)).map(({ peer }) => peer))
  if (away.size === 0) return finding('peers', 'ok', 'Every peer with an open channel is connected.')
  return finding(
    'peers',
    'warning',
    `${away.size} peers with open channels are not connected.`,
    'They are redialled; ask them if it lasts.',
  )
}

function channelFindings(rt: Runtime): readonly DoctorFinding[] {
  const found: DoctorFinding[] = []
  for (const channel of rt.channels.values()) {
    const { core, record, id, now } = channel
    if (record.abandoned !== undefined || core.chain.status === 'closed') continue
    if (core.lost)
      found.push(
        finding(
          'channels',
          'error',
          `${id} lost data.`,
          'Close it together, or blind; nothing else is signed in it.',
        ),
      )
    if (
      now.record?.kind === 'closing' &&
      now.record.closing.party !== core.setup.party &&
      !reached(channel, 'settled')
    )
      found.push(
        finding(
          'channels',
          'warning',
          `The peer is closing ${id}; it is watched and answered.`,
          'Keep the node running and the account funded.',
        ),
      )
    for (const { state, detail } of record.fundings)
      if (state === 'failed')
        found.push(finding('channels', 'warning', `A deposit of ${id} failed: ${detail}`))
  }
  return found.length > 0 ? found : [finding('channels', 'ok', 'No channel is at risk.')]
}
