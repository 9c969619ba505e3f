/** 乙 is killed with SIGKILL in the middle of a payment, and comes back. */
import type { Hex, NetworkPaymentView } from '@tallystick/client'
import type { StrangersStage } from './strangers-stage.ts'

export type Crash = {
  /** The payment that was under way, by its hash. */
  readonly payment: Hex
  /** How it stood for A at that moment. */
  readonly stateThen: NetworkPaymentView['state'] | undefined
  /** From the kill until its node takes connections again. */
  readonly downSeconds: number
}

export type CrashPlan = {
  /** From now on the next payment of A that begins is the one. */
  arm(): void
  /** Resolves once 乙 is back; rejects when that failed. Never resolves when it was not armed. */
  readonly done: Promise<Crash>
  /** Stops listening. */
  end(): void
}

/** Resolves once every payment of A that begins is heard of. */
export async function planCrash(stage: StrangersStage): Promise<CrashPlan> {
  let armed = false
  const stopped = new AbortController()
  const listening = Promise.withResolvers<void>()
  const watch = async (): Promise<Crash> => {
    const events = stage.parties.A.api().events({ signal: stopped.signal, onOpen: listening.resolve })
    for await (const { event } of events) {
      if (!armed || event.type !== 'network-payment' || event.state !== 'pending') continue
      return crash(stage, event.hash)
    }
    return new Promise<Crash>(() => {})
  }
  const done = watch()
  done.catch(listening.reject)
  await listening.promise
  return {
    arm: () => {
      armed = true
    },
    done,
    end: () => stopped.abort(),
  }
}

async function crash({ parties, say }: StrangersStage, payment: Hex): Promise<Crash> {
  const killedMs = performance.now()
  await parties.乙.kill()
  const stateThen = (await parties.A.api().networkPayment(payment))?.state
  say('In the middle of a payment, 乙 is killed (kill -9). Its locks stay with its neighbours.')
  const address = await parties.乙.start()
  await parties.甲.api().connectPeer({ peer: address, timeoutMs: 60_000 })
  say('乙 comes back with what its disk holds, and goes on where it was.')
  return { payment, stateThen, downSeconds: (performance.now() - killedMs) / 1000 }
}
