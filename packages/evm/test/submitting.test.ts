import { submittingConformance } from './conformance/submitting.ts'
import { makeWorld } from './support/world.ts'

submittingConformance(makeWorld)
