import { watchingConformance } from './conformance/watching.ts'
import { makeWorld } from './support/world.ts'

watchingConformance(makeWorld)
