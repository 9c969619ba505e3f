import { includingConformance } from './conformance/including.ts'
import { makeWorld } from './support/world.ts'

includingConformance(makeWorld)
